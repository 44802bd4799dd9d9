"""
What an application does that reports its calls of a model with reconify 3.0.0, unchanged but for the addresses.

`python reconify_3_0_0.py` runs every `check_` function, each with a client of its own, and writes which of them hold. The
provider is on this machine.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import anthropic
import httpx
import openai
from reconify import reconifyAnthropicHandler, reconifyOpenAIHandler, reconifyUniversalHandler

URL, KEY, PROJECT = (os.environ[name] for name in ("MNEME_URL", "MNEME_API_KEY", "MNEME_PROJECT_ID"))
API = httpx.Client(base_url=f"{URL}/api/v1", headers={"X-Recallr-Api-Key": KEY, "X-Recallr-Project-Id": PROJECT}, timeout=60)
PNG = base64.b64encode(b"\x89PNG and more").decode()
SECRET = "sk-provider-secret"
FAILURES = (
    AssertionError,
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    httpx.HTTPError,
    openai.OpenAIError,
    anthropic.AnthropicError,
)
TO = {"tracker": f"{URL}/track", "uploader": f"{URL}/upload"}


class Provider(BaseHTTPRequestHandler):
    """Answers each path with an answer of its own."""

    def do_POST(self) -> None:
        """Answer as the provider documents it."""
        self.rfile.read(int(self.headers["content-length"]))
        answer = json.dumps(self.answer() | {"id": f"id-{uuid4()}", "model": "m-1"}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def answer(self) -> dict[str, Any]:
        """Return what is said at the path."""
        match self.path.rpartition("/v1/")[2]:
            case "messages":
                text = {"type": "text", "text": "Noted, Lisbon."}
                usage = {"input_tokens": 3, "output_tokens": 3}
                return {"type": "message", "role": "assistant", "content": [text], "stop_reason": "end_turn", "usage": usage}
            case "complete":
                return {"type": "completion", "completion": " Noted, a dog.", "stop_reason": "stop_sequence"}
            case "chat/completions":
                message = {"role": "assistant", "content": "Noted, peanuts."}
                return {"object": "chat.completion", "created": 1, "choices": [{"index": 0, "message": message}]}
            case "completions":
                return {"object": "text_completion", "created": 1, "choices": [{"index": 0, "text": "and a cat."}]}
            case _:
                return {"created": 1, "data": [{"b64_json": PNG}]}

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the name of the method that it overrides
        """Keep quiet."""


SERVER = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
ORIGIN = f"http://127.0.0.1:{SERVER.server_port}"


def messages(user_id: str) -> list[tuple[str, str]]:
    """Return what is stored of a user, over all of its sessions."""
    listed = API.get(f"/users/{user_id}/messages", params={"limit": 100}).raise_for_status().json()["messages"]
    return [(message["role"], message["content"]) for message in listed]


def configured(handler: Any, client: Any, user: Any, session: str = "") -> Any:
    """Return a client whose calls are reported for a user."""
    handler.config(client, PROJECT, KEY, **TO)
    handler.setUser(user)
    handler.setSession(session)
    return client


def check_anthropic_messages() -> None:
    """Each turn of a chat is stored once, though every request repeats the ones before; the system prompt is not."""
    user_id = f"rc-{uuid4()}"
    user = {"userId": user_id, "firstName": "Jane", "email": "", "phone": "", "isAuthenticated": 1}
    client = configured(reconifyAnthropicHandler, anthropic.Anthropic(api_key=SECRET, base_url=ORIGIN), user, "CHAT1")
    said: list[Any] = []
    for text in ("I moved to Lisbon.", "Where do I live?"):
        said.append({"role": "user", "content": text})
        reply = client.messages.create(model="m-1", max_tokens=9, system="Be brief.", messages=said)
        said.append({"role": "assistant", "content": reply.content[0].text})
    noted = ("assistant", "Noted, Lisbon.")
    assert messages(user_id) == [("user", "I moved to Lisbon."), noted, ("user", "Where do I live?"), noted]
    found = API.get(f"/users/{user_id}").json()["user"]["metadata"]
    assert found == {"firstName": "Jane", "isAuthenticated": True}, found
    assert len(API.get(f"/users/{user_id}/sessions").json()["sessions"]) == 1


def check_anthropic_completions() -> None:
    """The turns in a prompt are told apart, and a user with an address alone is known by it."""
    email = f"{uuid4()}@example.org"
    client = configured(reconifyAnthropicHandler, anthropic.Anthropic(api_key=SECRET, base_url=ORIGIN), {"email": email})
    client.completions.create(model="m-1", max_tokens_to_sample=9, prompt="\n\nHuman: I have a dog.\n\nAssistant:")
    assert messages(email) == [("user", "I have a dog."), ("assistant", "Noted, a dog.")], messages(email)


def check_openai_chat() -> None:
    """Headers that a call carries go to the provider and nowhere else."""
    user_id = f"rc-{uuid4()}"
    client = configured(reconifyOpenAIHandler, openai.OpenAI(api_key=SECRET, base_url=f"{ORIGIN}/v1"), {"userId": user_id})
    said: Any = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "No peanuts for me."}]},
    ]
    client.chat.completions.create(model="m-1", messages=said, extra_headers={"X-Secret": SECRET})
    assert messages(user_id) == [("user", "No peanuts for me."), ("assistant", "Noted, peanuts.")], messages(user_id)


def check_openai_completion() -> None:
    """A prompt is what the user says."""
    user_id = f"rc-{uuid4()}"
    client = configured(reconifyOpenAIHandler, openai.OpenAI(api_key=SECRET, base_url=f"{ORIGIN}/v1"), {"userId": user_id})
    client.completions.create(model="m-1", prompt="I have a dog")
    assert messages(user_id) == [("user", "I have a dog"), ("assistant", "and a cat.")], messages(user_id)


def check_openai_image() -> None:
    """An image is a word in the conversation; its bytes are uploaded, and are welcome."""
    user_id = f"rc-{uuid4()}"
    client = configured(reconifyOpenAIHandler, openai.OpenAI(api_key=SECRET, base_url=f"{ORIGIN}/v1"), {"userId": user_id})
    client.images.generate(prompt="My cat Tom as a king", response_format="b64_json")
    client.images.generate(prompt="My cat Tom as a duke")
    (asked, drawn, asked_again, drawn_again) = messages(user_id)
    assert [asked, asked_again] == [("user", "My cat Tom as a king"), ("user", "My cat Tom as a duke")]
    assert drawn[1].startswith("[image: ")
    assert drawn_again == ("assistant", "[image]")


def check_universal() -> None:
    """Any provider, with an answer that is JSON or plain text."""
    user_id = f"rc-{uuid4()}"
    reconifyUniversalHandler.config(PROJECT, KEY, **TO)
    reconifyUniversalHandler.setUser({"userId": user_id})
    request = {"messages": [{"role": "user", "content": "One"}]}
    reply = {"choices": [{"message": {"role": "assistant", "content": "Two"}}]}
    reconifyUniversalHandler.logChat(request, json.dumps(reply), 1_700_000_000_000, 1_700_000_001_000)
    request = {"messages": [{"role": "user", "content": "Three"}]}
    reconifyUniversalHandler.logChat(request, "plain text", 1_700_000_002_000, 1_700_000_003_000)
    assert messages(user_id) == [("user", "One"), ("assistant", "Two"), ("user", "Three"), ("assistant", "plain text")]


def check_wrong_keys_do_not_disturb_the_application() -> None:
    """Its call of the model goes on, and nothing is stored."""
    user_id = f"rc-{uuid4()}"
    client = openai.OpenAI(api_key=SECRET, base_url=f"{ORIGIN}/v1")
    reconifyOpenAIHandler.config(client, PROJECT, "rai_wrong", **TO)
    reconifyOpenAIHandler.setUser({"userId": user_id})
    assert client.completions.create(model="m-1", prompt="I have a dog").choices[0].text == "and a cat."
    assert API.get(f"/users/{user_id}").status_code == 404


def checks() -> dict[str, Callable[[], None]]:
    """Return the facts, by name."""
    return {name: value for name, value in globals().items() if name.startswith("check_")}


if __name__ == "__main__":
    threading.Thread(target=SERVER.serve_forever, daemon=True).start()
    for name, check in checks().items():
        try:
            check()
        except FAILURES:
            sys.stdout.write(f"{name} FAILED\n{traceback.format_exc()}\n")
        else:
            sys.stdout.write(f"{name} holds\n")
    with suppress(OSError):
        SERVER.shutdown()
