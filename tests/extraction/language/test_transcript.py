"""How a session is divided, whatever was said in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from service.domain.ids import SessionId
from service.domain.sessions import Message, MessageRole, Transcript
from service.extraction.language.transcript import Chunk, chunks_of, halves, pieces_of

MOST, OVERLAP = 120, 40
SHORTEST = 70
"""No piece of 200 characters is divided, so a chunk may be this much longer."""

TEXTS = st.lists(st.text(alphabet='ab \n"é日', max_size=1500), max_size=12)


def count(text: str) -> int:
    """Count a token for every four characters."""
    return len(text) // 4


def said(*texts: str) -> Transcript:
    """Return a session."""
    session_id, now = SessionId("11111111-1111-1111-1111-111111111111"), datetime(2024, 5, 8, 10, tzinfo=UTC)
    messages = [
        Message(session_id=session_id, index=index, role=MessageRole.USER, content=text, timestamp=now)
        for index, text in enumerate(texts)
    ]
    return Transcript(session_id=session_id, now=now, messages=messages)


def words(chunks: Iterable[Chunk]) -> dict[int, str]:
    """Return what is read of each message, without white space: a piece may end where there is some."""
    read: defaultdict[int, str] = defaultdict(str)
    for chunk in chunks:
        for piece in chunk:
            read[piece.index] += "" if piece.context else "".join(piece.text.split())
    return dict(read)


@given(TEXTS)
def test_everything_is_read_once_and_in_order(texts: list[str]) -> None:
    """In chunks of a bounded size."""
    pieces, whole = pieces_of(said(*texts))
    chunks = chunks_of(pieces, count, most=MOST, overlap=OVERLAP)
    assert whole
    assert {index: "".join(text.split()) for index, text in enumerate(texts) if text.strip()} == words(chunks)
    assert all(sum(count(piece.line()) for piece in chunk) <= MOST + SHORTEST for chunk in chunks)


@given(TEXTS)
def test_halves_read_what_the_chunk_reads(texts: list[str]) -> None:
    """And each is smaller."""
    for chunk in chunks_of(pieces_of(said(*texts))[0], count, most=MOST, overlap=OVERLAP):
        parts = halves(chunk, count, overlap=OVERLAP)
        own = sum(len(piece.text) for piece in chunk if not piece.context)
        if parts is None:
            assert own <= 200
            continue
        assert words([chunk]) == words(parts)
        assert all(0 < sum(len(piece.text) for piece in part if not piece.context) < own for part in parts)


def test_of_too_much_the_newest_is_read() -> None:
    """And of a message that is too long the beginning; it is said that this is not all."""
    pieces, whole = pieces_of(said(*("x" * 20_001 for _ in range(25))))
    assert (False, list(range(5, 25)), {20_000}) == (
        whole,
        [piece.index for piece in pieces],
        {len(piece.text) for piece in pieces},
    )
