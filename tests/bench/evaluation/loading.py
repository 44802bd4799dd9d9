"""Puts conversations into a running Mneme through its REST API, and waits until they are processed and can be found."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import httpx
from mneme.v1.memory_service_pb2 import RecallRequest
from mneme.v1.memory_service_pb2_grpc import MemoryServiceStub
from mneme.v1.recall_pb2 import RecallOptions

from tests.bench.evaluation.locomo import Conversation, Session, Turn
from tests.bench.evaluation.server import NEVER_SECONDS, Client

PROCESSING_SECONDS = 900.0
SETTLED_SECONDS = 2.0
"""For how long answers must stay the same for the index to count as up to date."""
CONCURRENCY = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A conversation that is in, under *user_id*, and which session of the file each session id is."""

    user_id: str
    conversation: Conversation
    numbers: Mapping[str, int]

    def turn(self, session_id: str, index: int) -> Turn:
        """Return the turn that a source names."""
        return Turn(session=self.numbers[session_id], index=index)


async def load(client: Client, conversations: Sequence[Conversation]) -> list[Loaded]:
    """Add *conversations*, one user each, process every session and wait until all of it can be found."""
    loaded = [await _add(client, conversation) for conversation in conversations]
    for one in loaded:
        await _wait_processed(client, one)
    for one in loaded:
        await _wait_settled(client, one)
    return loaded


async def _add(client: Client, conversation: Conversation) -> Loaded:
    user_id = f"locomo-{conversation.name}"
    await _post(client.rest, "/users", {"user_id": user_id})
    limit = asyncio.Semaphore(CONCURRENCY)

    async def add(session: Session) -> tuple[str, int]:
        async with limit:
            return await _add_session(client.rest, user_id, session), session.number

    numbers = dict(await asyncio.gather(*(add(session) for session in conversation.sessions)))
    return Loaded(user_id=user_id, conversation=conversation, numbers=numbers)


async def _add_session(rest: httpx.AsyncClient, user_id: str, session: Session) -> str:
    body = {"auto_process_after_seconds": NEVER_SECONDS, "custom_created_at_utc": session.begun.isoformat()}
    path = f"/users/{user_id}/sessions"
    session_id = str((await _post(rest, path, body))["session_id"])
    for role, text in session.messages:
        await _post(rest, f"{path}/{session_id}/add-message", {"role": role, "message": text})
    await _post(rest, f"{path}/{session_id}/process", {})
    return session_id


async def _post(rest: httpx.AsyncClient, path: str, body: Mapping[str, object]) -> dict[str, object]:
    response = await rest.post(path, json=body)
    if response.is_error:
        raise RuntimeError(f"{path} answered {response.status_code}: {response.text}")
    answer: dict[str, object] = response.json()
    return answer


async def _wait_processed(client: Client, loaded: Loaded) -> None:
    async with asyncio.timeout(PROCESSING_SECONDS):
        for session_id in loaded.numbers:
            while (status := await _status(client.rest, loaded.user_id, session_id)) != "processed":
                if status == "failed":
                    raise RuntimeError(f"session {session_id} of {loaded.user_id} could not be processed")
                await asyncio.sleep(0.1)


async def _status(rest: httpx.AsyncClient, user_id: str, session_id: str) -> str:
    response = await rest.get(f"/users/{user_id}/sessions/{session_id}/status")
    response.raise_for_status()
    return str(response.json()["status"])


async def _wait_settled(client: Client, loaded: Loaded) -> None:
    """Wait until every session's last message can be found and a few answers no longer change."""
    for session in loaded.conversation.sessions:
        place = Turn(session=session.number, index=len(session.messages) - 1)
        while place not in [turn for turn, _ in await _probe(client, loaded, session.messages[-1][1])]:
            await asyncio.sleep(0.1)
    probes = [question.text for question in loaded.conversation.questions[:5]]
    before: list[list[tuple[Turn, float]]] = []
    while (now := [await _probe(client, loaded, text) for text in probes]) != before:
        before = now
        await asyncio.sleep(SETTLED_SECONDS)


async def _probe(client: Client, loaded: Loaded, text: str) -> list[tuple[Turn, float]]:
    request = RecallRequest(user_id=loaded.user_id, query=text[:2000], options=RecallOptions(min_top_k=50, max_top_k=100))
    answer = await MemoryServiceStub(client.channel).Recall(request, metadata=client.metadata)
    return [
        (loaded.turn(source.session_id, source.message_index), item.score) for item in answer.items for source in item.sources
    ]
