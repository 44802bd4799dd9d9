"""
Two conversations through the official RecallrAI SDK: the second knows what was said in the first.

    pip install recallrai
    MNEME_URL=http://127.0.0.1:8080 MNEME_API_KEY=rai_… MNEME_PROJECT_ID=… python chat.py
"""

import os
import time
import uuid

from recallrai import RecallrAI
from recallrai.models import MessageRole, SessionStatus

client = RecallrAI(
    api_key=os.environ["MNEME_API_KEY"],
    project_id=os.environ["MNEME_PROJECT_ID"],
    base_url=os.environ.get("MNEME_URL", "http://127.0.0.1:8080"),
)
user = client.create_user(f"ada-{uuid.uuid4()}", metadata={"name": "Ada"})

first = user.create_session(metadata={"type": "chat"})
first.add_message(MessageRole.USER, "I'm allergic to peanuts, and on Fridays I go climbing with Grace.")
first.add_message(MessageRole.ASSISTANT, "I'll remember that.")
first.process()
while first.status not in {SessionStatus.PROCESSED, SessionStatus.FAILED}:
    time.sleep(0.2)
    first.refresh()

for memory in user.list_memories().items:
    print(f"remembered: {memory.content} {memory.categories}")

second = user.create_session()
second.add_message(MessageRole.USER, "Can you suggest a snack for the climbing hall?")
print(second.get_context(include_system_prompt=False).context)
