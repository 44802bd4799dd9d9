"""
Users with many memories, made at once: records by import, and an index whose vectors are put together from those of single words.

To embed a hundred thousand sentences takes a quarter of an hour, and nothing that is measured depends on how good vectors are.
"""

from __future__ import annotations

import asyncio
import random
import re
import sys
import zlib
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import numpy as np

from service.domain.archives import ArchivedMemory, ArchivedSession, ArchivedUser, ArchiveRecord
from service.domain.ids import MemoryId, ProjectId, SessionId, UserId
from service.domain.memories import MemoryVersion, Source, VersionReason
from service.domain.ports.index import Vector
from service.domain.ports.models import Embedder
from service.domain.sessions import Message, MessageRole, SessionStatus
from service.models.batching import Vector32
from service.settings import Settings
from service.supervisor.engines import attached_engines
from service.wiring import open_application
from service.wiring.application import Application, index_sync
from tests.bench.invented import DEEDS, PEOPLE, PLACES, THINGS, random_uuid

SESSION_MESSAGES = 50
PAST = datetime(2023, 1, 1, tzinfo=UTC)
NOISE = 0.4
"""Length of what is added to a vector that is put together, so that no two sentences have the same."""

WORKERS = 6

_WORD = re.compile(r"\w+")


class WordVectors:
    """An `Embedder` for the benchmarks' sentences: the sum of the vectors of a sentence's known words, and noise of its own."""

    def __init__(self, embedder: Embedder, known: Mapping[str, Vector32]) -> None:
        """Keep the vectors of the *known* words; for all else *embedder* is asked."""
        self.model = embedder.model
        self.dimension = embedder.dimension
        self.similarity = embedder.similarity
        self.count_tokens = embedder.count_tokens
        self._known = known

    async def embed(self, texts: Sequence[str]) -> Sequence[Vector]:
        """Return one unit vector per text; the same for the same text."""
        return [cast("Vector", self._made_up(text)) for text in texts]

    def _made_up(self, text: str) -> Vector32:
        noise = np.random.default_rng(zlib.crc32(text.encode())).standard_normal(self.dimension, dtype=np.float32)
        total = noise * np.float32(NOISE / np.linalg.norm(noise))
        for word in _WORD.findall(text):
            if word in self._known:
                total = total + self._known[word]
        vector: Vector32 = total / np.linalg.norm(total)
        return vector


async def word_vectors(embedder: Embedder) -> WordVectors:
    """Return made-up vectors over the words of the benchmarks' sentences."""
    words = [*PEOPLE, *DEEDS, *THINGS, *PLACES]
    return WordVectors(embedder, dict(zip(words, map(np.asarray, await embedder.embed(words)), strict=True)))


async def fill_directory(data: Path, users: Mapping[str, int], *, project: str, key: str) -> None:
    """Make *users*, each with so many memories, in the data directory of a `mneme serve` that does not run."""
    settings = Settings(data_dir=data)
    async with attached_engines(settings) as attached, open_application(attached) as application:
        await application.prepare_index()
        await application.bootstrap(project_id=project, api_key=key)
        for user, memories in users.items():
            await fill(application, ProjectId(project), UserId(user), memories)


async def fill(application: Application, project_id: ProjectId, user_id: UserId, memories: int) -> None:
    """Make a user with so many memories, each with the message that it comes from, and bring the index up to date."""
    print(f"making {memories} memories of {user_id} …", file=sys.stderr, flush=True)  # noqa: T201 - it takes a while
    chance = random.Random(zlib.crc32(user_id.encode()))  # noqa: S311 - a fixed seed makes runs comparable
    await application.archives.restore(project_id, _archive(user_id, chance, memories))
    sync = index_sync(application.stores, application.index, await word_vectors(application.embedder))

    async def drain(consumer: str) -> None:
        while await sync(consumer):
            pass

    # several at once, so that one reads while another waits for the disk
    await asyncio.gather(*(drain(f"filling-{number}") for number in range(WORKERS)))


async def _archive(user_id: UserId, chance: random.Random, memories: int) -> AsyncIterator[ArchiveRecord]:
    """Yield the records of a user: sessions, each with its messages, then a memory of each message."""
    yield ArchivedUser(user_id=user_id, metadata={}, merge_conflict_enabled=None, created_at=PAST, last_active_at=PAST)
    found = []
    for start in range(0, memories, SESSION_MESSAGES):
        session_id = SessionId(random_uuid(chance))
        yield ArchivedSession(
            session_id=session_id,
            status=SessionStatus.PROCESSED,
            created_at=PAST,
            custom_created_at=True,
            metadata={},
            auto_process_after=None,
            processed_at=PAST,
            last_active_at=PAST,
            summary=None,
        )
        for index, number in enumerate(range(start, min(start + SESSION_MESSAGES, memories))):
            at = PAST + timedelta(minutes=number)
            said = sentence(chance, "I", number)
            yield Message(session_id=session_id, index=index, role=MessageRole.USER, content=said, timestamp=at)
            found.append(_version(chance, said, at, Source(session_id=session_id, message_index=index)))
    for version in found:
        yield ArchivedMemory(versions=(version,), connected=())


def _version(chance: random.Random, said: str, at: datetime, source: Source) -> MemoryVersion:
    return MemoryVersion(
        memory_id=MemoryId(random_uuid(chance)),
        content=f"User{said[1:]}",
        categories=("events_and_experiences",),
        entities=tuple(word for word in (*PEOPLE, *PLACES) if word in said),
        event_start=at,
        event_end=at,
        created_at=at,
        reason=VersionReason.INITIAL_MEMORY,
        session_id=source.session_id,
        sources=(source,),
    )


def sentence(chance: random.Random, who: str, number: int) -> str:
    """Return a sentence that *who* could have said."""
    friend, deed, thing, place = (chance.choice(words) for words in (PEOPLE, DEEDS, THINGS, PLACES))
    return f"{who} went with {friend} to {place} and {deed} the {thing} number {number}, it took {chance.randint(2, 90)} days."


def question(chance: random.Random) -> str:
    """Return a question about such a sentence, that was never asked before: nothing about it is in a cache."""
    who, thing, place = (chance.choice(words) for words in (PEOPLE, THINGS, PLACES))
    return f"When did {who} see the {thing} in {place} number {chance.random()}?"
