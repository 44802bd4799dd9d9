"""Sessions to read, and the default embedder."""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import pytest
import pytest_asyncio

from service.domain.ids import SessionId
from service.domain.memories import Candidate
from service.domain.ports.models import Embedder
from service.domain.sessions import Message, MessageRole, Transcript
from service.extraction.embedded.extractor import read
from service.models import open_embedder

WEDNESDAY = datetime(2024, 5, 8, 10, tzinfo=UTC)

Session: TypeAlias = Callable[..., Transcript]
Read: TypeAlias = Callable[..., Sequence[Candidate]]


@pytest.fixture
def session() -> Session:
    """Make a transcript of messages, each a text of the user or, with "a: " before it, of the assistant."""

    def made(*said: str, days: int = 0) -> Transcript:
        now = WEDNESDAY + timedelta(days=days)
        session_id = SessionId("11111111-1111-1111-1111-111111111111")
        messages = [
            Message(
                session_id=session_id,
                index=i,
                role=MessageRole.ASSISTANT if text.startswith("a: ") else MessageRole.USER,
                content=text.removeprefix("a: "),
                timestamp=now,
            )
            for i, text in enumerate(said)
        ]
        return Transcript(session_id=session_id, now=now, messages=messages)

    return made


@pytest.fixture
def candidates(session: Session) -> Read:
    """Read a session, given as for `session`, and return its candidates, without categories."""
    return lambda *said, days=0: tuple(one.candidate for one in read(session(*said, days=days)))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def embedder() -> AsyncIterator[Embedder]:
    """Open the default embedder on two threads."""
    async with open_embedder("minilm", threads=2) as opened:
        yield opened
