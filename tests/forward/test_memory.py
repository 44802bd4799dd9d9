"""What was told in one session is known in the next, with no model and no key of ours."""

from __future__ import annotations

import asyncio
from typing import Any

import openai
import pytest

from service.domain.ids import ProjectId, UserId
from service.domain.ports.work import IndexedKind
from service.domain.sessions import SessionStatus
from tests.conftest import Waiter
from tests.forward.conftest import Caller
from tests.forward.provider import Provider

FACT = "I am allergic to peanuts and I live in Lisbon."


async def end_session(caller: Caller, wait_until: Waiter[Any], session_id: str) -> None:
    """Process a session, as its timer would, and wait until its memories can be recalled."""
    application = caller.service.application
    project, user = ProjectId(caller.project_id), UserId(caller.user_id)
    await application.sessions.process(project, user, session_id)
    scope = (await application.stores.users.get(project, user)).scope

    async def processed() -> bool:
        return (await application.stores.sessions.get(scope, session_id)).status is SessionStatus.PROCESSED  # type: ignore[arg-type]  # ids are text here

    async def indexed() -> bool:
        return not any([await application.stores.outbox.pending(scope, kind) for kind in IndexedKind])

    await wait_until(processed, "the session is processed")
    await wait_until(indexed, "its memories are indexed")


async def tell(caller: Caller, path: str, body: dict[str, Any], **headers: str) -> dict[str, str]:
    """Send one request, and return the headers of the answer."""
    async with caller.client(**headers) as client:
        answer = await client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.headers)


ASK: dict[str, Any] = {
    "/v1/messages": {"model": "claude-opus-4-1", "messages": [{"role": "user", "content": "What am I allergic to?"}]},
    "/v1/chat/completions": {"model": "gpt-5", "messages": [{"role": "user", "content": "What am I allergic to?"}]},
    "/v1/responses": {"model": "gpt-5", "input": "What am I allergic to?"},
    "/v1beta/models/gemini-3:generateContent": {"contents": [{"parts": [{"text": "What am I allergic to?"}]}]},
}


async def told(caller: Caller, wait_until: Waiter[Any]) -> None:
    """Tell a fact in a session, and end it."""
    body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": FACT}]}
    await end_session(caller, wait_until, (await tell(caller, "/v1/messages", body))["x-recallr-session-id"])


@pytest.mark.parametrize("path", ASK)
async def test_the_next_session_knows(caller: Caller, wait_until: Waiter[Any], path: str) -> None:
    """A fact that was told to one API goes along with a question to any other."""
    await told(caller, wait_until)
    headers = await tell(caller, path, ASK[path])
    assert "peanuts" in caller.provider.last.body.decode()
    assert headers["x-recallr-memory"] == "used"


async def test_the_sdk_is_remembered(caller: Caller, wait_until: Waiter[Any]) -> None:
    """The whole story with an unchanged SDK: told, forgotten by the client, known by the next prompt."""

    def chat(text: str) -> Any:
        with openai.OpenAI(base_url=f"{caller.base}/v1", api_key="sk", default_headers=caller.headers) as client:
            raw = client.chat.completions.with_raw_response.create(model="gpt-5", messages=[{"role": "user", "content": text}])
            assert raw.parse().choices[0].message.content
            return raw.headers

    first = await asyncio.to_thread(chat, FACT)

    async def stored() -> bool:
        return len(await caller.stored()) == 2

    await wait_until(stored, "the turn is stored")
    await end_session(caller, wait_until, first["x-recallr-session-id"])
    second = await asyncio.to_thread(chat, "Where do I live?")
    assert second["x-recallr-session-id"] != first["x-recallr-session-id"]
    assert "Lisbon" in caller.provider.last.json["messages"][-1]["content"]


async def test_the_session_itself_is_not_recalled(caller: Caller) -> None:
    """The client sends what was said in it, and nothing of it is put in a second time."""
    body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": FACT}]}
    await tell(caller, "/v1/messages", body)
    headers = await tell(caller, "/v1/messages", ASK["/v1/messages"])
    assert "peanuts" not in caller.provider.last.body.decode()
    assert headers["x-recallr-memory"] == "empty"


async def test_another_user_knows_nothing(caller: Caller, wait_until: Waiter[Any]) -> None:
    """Memory is the user's own."""
    await told(caller, wait_until)
    await tell(caller, "/v1/messages", ASK["/v1/messages"], **{"X-Recallr-User-Id": f"{caller.user_id}-other"})
    assert "peanuts" not in caller.provider.last.body.decode()


async def test_recalled_text_does_not_become_memory(caller: Caller, provider: Provider, wait_until: Waiter[Any]) -> None:
    """The session that asked holds the question and the reply alone."""
    await told(caller, wait_until)
    provider.text = "To peanuts."
    await tell(caller, "/v1/messages", ASK["/v1/messages"] | {"stream": True})
    assert await caller.stored() == [("user", "What am I allergic to?"), ("assistant", "To peanuts.")]


@pytest.mark.parametrize("wanted", ["true", "false"])
async def test_the_system_prompt_is_a_choice(caller: Caller, wanted: str) -> None:
    """It goes along unless the header says no."""
    await tell(caller, "/v1/messages", ASK["/v1/messages"], **{"X-Recallr-Include-System-Prompt": wanted})
    assert ("system" in caller.provider.last.json) == (wanted == "true")


async def test_recent_messages_come_along_when_asked_for(caller: Caller, wait_until: Waiter[Any]) -> None:
    """The newest messages of earlier sessions, whatever the question is."""
    await told(caller, wait_until)
    body = {"model": "m", "messages": [{"role": "user", "content": "Tell me a joke."}]}
    await tell(caller, "/v1/messages", body, **{"X-Recallr-Last-N-User-Messages": "2", "X-Recallr-Max-Top-K": "1"})
    assert "Recent messages" in caller.provider.last.body.decode()
