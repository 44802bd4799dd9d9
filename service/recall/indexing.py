"""
What of a record goes into the index: pure functions from the truth to texts and points.

A point needs three steps, because embedding is slow and is done in batches: texts of the record here, vectors of
`RecordTexts.embed` by an embedder, then the point here.

    texts = turn_texts(window, index=7)
    vectors = await embedder.embed(list(texts.embed.values()))
    point = turn_point(scope, message, texts, dict(zip(texts.embed, vectors)))
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from service.domain.documents import Passage
from service.domain.ids import Scope, SessionId
from service.domain.memories import MemoryChain, MemoryVersion, Source
from service.domain.ports.index import DENSE, DENSE_CONTEXT, SPARSE, SPARSE_CONTEXT, IndexPoint, Vector
from service.domain.ports.work import IndexedKind
from service.domain.sessions import Message, Summary
from service.recall.traits import traits_of

WINDOW = 2
"""How many turns either side of a turn its SPARSE_CONTEXT covers."""

PREVIOUS_CHARS = 400
"""How much of the end of the previous turn DENSE_CONTEXT takes: the turn itself must fit into what an embedder reads."""

NEIGHBOUR_CHARS = 2_000
"""How much of each neighbouring turn SPARSE_CONTEXT takes: a pasted document must not drown the turns around it."""

SESSION_CHARS = 100_000
"""How much of a session a summary's SPARSE_CONTEXT takes, which bounds the size of its vector."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordTexts:
    """The texts of one record under vector names: *embed* for dense vectors, *words* for sparse ones."""

    embed: Mapping[str, str]
    words: Mapping[str, str]


def turn_id(session_id: SessionId, index: int) -> str:
    """Return the record id of a turn."""
    return f"{session_id}:{index}"


def parse_turn_id(record_id: str) -> tuple[SessionId, int]:
    """Return the session and the message index of a turn's record id. Raises ValueError when it is no turn's."""
    session_id, separator, index = record_id.rpartition(":")
    if not separator:
        raise ValueError(f"no turn id: {record_id!r}")
    return SessionId(session_id), int(index)


def touched_turns(index: int) -> range:
    """Return the indexes of the turns whose texts change when turn *index* is added: the window before it and itself."""
    return range(max(0, index - WINDOW), index + 1)


def turn_window(index: int) -> range:
    """Return the indexes of the turns that the texts of turn *index* are made from; those after the last do not exist."""
    return range(max(0, index - WINDOW), index + WINDOW + 1)


def turn_texts(messages: Sequence[Message], *, index: int) -> RecordTexts:
    """
    Return the texts of the turn *index* of a session, given at least those *messages* of its window that exist.

    Raises KeyError when the turn itself is not among them.
    """
    by_index = {message.index: message.content for message in messages}
    own = by_index[index]
    previous = by_index.get(index - 1, "")[-PREVIOUS_CHARS:]
    window = [
        by_index[place] if place == index else by_index[place][:NEIGHBOUR_CHARS]
        for place in turn_window(index)
        if place in by_index
    ]
    return RecordTexts(
        embed={DENSE: own, DENSE_CONTEXT: f"{previous}\n{own}" if previous else own},
        words={SPARSE: own, SPARSE_CONTEXT: "\n".join(window)},
    )


def memory_texts(chain: MemoryChain) -> RecordTexts:
    """Return the texts of a memory: those of its current version."""
    content = chain.current.content
    return RecordTexts(embed={DENSE: content}, words={SPARSE: content})


def home_of(version: MemoryVersion) -> Source:
    """Return the message that a memory speaks for."""
    return next((source for source in version.sources if source.session_id == version.session_id), version.sources[0])


def summary_texts(summary: Summary, messages: Sequence[Message]) -> RecordTexts:
    """Return the texts of a session's summary, given all *messages* of the session, oldest first."""
    session = "\n".join(message.content for message in messages)[:SESSION_CHARS]
    return RecordTexts(embed={DENSE: summary.content}, words={SPARSE: summary.content, SPARSE_CONTEXT: session})


def chunk_texts(passage: Passage) -> RecordTexts:
    """Return the texts of a chunk: what it says under the title of its section, and for its words the document's name too."""
    chunk = passage.chunk
    titled = chunk.text if chunk.title is None else f"{chunk.title}\n{chunk.text}"
    return RecordTexts(embed={DENSE: titled}, words={SPARSE: f"{passage.name}\n{titled}"})


def turn_point(scope: Scope, message: Message, texts: RecordTexts, vectors: Mapping[str, Vector]) -> IndexPoint:
    """Return the point of a turn, from the *texts* of `turn_texts` and their *vectors* by name."""
    return IndexPoint(
        kind=IndexedKind.TURN,
        scope=scope,
        record_id=turn_id(message.session_id, message.index),
        dense=vectors,
        texts=texts.words,
        session_id=message.session_id,
        created_at=message.timestamp,
        event_start=message.timestamp,
        event_end=message.timestamp,
        order=message.index,
        traits=traits_of(message),
    )


def memory_point(
    scope: Scope, chain: MemoryChain, said: Message | None, texts: RecordTexts, vectors: Mapping[str, Vector]
) -> IndexPoint:
    """
    Return the point of a memory, from the *texts* of `memory_texts` and their *vectors* by name. *said* is the message that it
    speaks for, None when that is gone: a search adds both up without reading either.
    """
    current = chain.current
    home = home_of(current)
    return IndexPoint(
        kind=IndexedKind.MEMORY,
        scope=scope,
        record_id=chain.chain_id,
        dense=vectors,
        texts=texts.words,
        session_id=home.session_id,
        created_at=current.created_at,
        event_start=current.event_start,
        event_end=current.event_end,
        categories=current.categories,
        order=home.message_index,
        traits=() if said is None else traits_of(said),
    )


def summary_point(scope: Scope, summary: Summary, texts: RecordTexts, vectors: Mapping[str, Vector]) -> IndexPoint:
    """Return the point of a summary, from the *texts* of `summary_texts` and their *vectors* by name."""
    return IndexPoint(
        kind=IndexedKind.SUMMARY,
        scope=scope,
        record_id=summary.session_id,
        dense=vectors,
        texts=texts.words,
        session_id=summary.session_id,
        created_at=summary.created_at,
        event_start=summary.created_at,
        event_end=summary.created_at,
    )


def chunk_point(scope: Scope, passage: Passage, texts: RecordTexts, vectors: Mapping[str, Vector]) -> IndexPoint:
    """Return the point of a chunk, from the *texts* of `chunk_texts` and their *vectors* by name."""
    chunk = passage.chunk
    return IndexPoint(
        kind=IndexedKind.CHUNK,
        scope=scope,
        record_id=chunk.chunk_id,
        dense=vectors,
        texts=texts.words,
        session_id=SessionId(chunk.upload_id),
        created_at=passage.uploaded_at,
        event_start=passage.uploaded_at,
        event_end=passage.uploaded_at,
        categories=(passage.audience_key,),
        order=chunk.place,
    )
