"""What a person needs to know when everything is up: addresses, project, key, and lines that work when pasted."""

from __future__ import annotations

_KEY_ELSEWHERE = "$MNEME_API_KEY"
"""Stands for a key that was shown on the first start and cannot be shown again."""


def banner(*, http: str, grpc: str, project_id: str, api_key: str | None) -> str:
    """Return the text. *api_key* None means that the key was shown on an earlier start."""
    shown = api_key or "shown on the first start; `mneme keys create` makes another"
    key = api_key or _KEY_ELSEWHERE
    python_key = f'"{api_key}"' if api_key else 'os.environ["MNEME_API_KEY"]'
    return f"""
Mneme is ready.

  HTTP      {http}
  gRPC      {grpc}
  project   {project_id}
  API key   {shown}

{"" if api_key else "Put your key into MNEME_API_KEY, then try it"}{"Try it" if api_key else ""}:

curl -sS {http}/api/v1/users -H "X-Recallr-Api-Key: {key}" -H "X-Recallr-Project-Id: {project_id}"

Or with the SDK, `pip install recallrai`, in Python:

import os, uuid
from recallrai import RecallrAI
from recallrai.models import MessageRole

client = RecallrAI(api_key={python_key}, project_id="{project_id}", base_url="{http}")
user = client.create_user(f"ada-{{uuid.uuid4().hex[:8]}}")
session = user.create_session(metadata={{"type": "chat"}})
session.add_message(MessageRole.USER, "I moved to Lisbon in May and I am allergic to peanuts.")
print(user.get_last_n_messages(1).messages[0].content)
"""
