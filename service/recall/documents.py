"""
Recall from documents: the passages that a query asks for.

A query names what it wants by meaning ("how is it installed?"), by place ("show me the installation section", "chapter 3") or as
a whole ("summarise this document"). The first is answered by the index; the others by the document's own headings, with the
index to tell which document is meant when none is named.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from service.domain.documents import Passage, chunk_id
from service.domain.ids import DocumentId, Scope, SessionId, UploadId
from service.domain.ports.documents import DocumentStore
from service.domain.ports.index import DENSE, SPARSE, IndexFilter, IndexQuery, VectorIndex
from service.domain.ports.models import Embedder
from service.domain.ports.work import IndexedKind
from service.recall.analysis import content_words, has_word
from service.recall.outlines import STEM, asks_for_section, asks_for_whole, places_of_beginnings, places_of_section

CANDIDATES = 60
"""How many hits each search returns: what comes after them ranks no higher by the other signal either."""
WORDS_SHARE = 0.35
"""How much of a score is the share of the query's content words that stand in the passage; the rest is likeness of meaning."""
RELEVANT = 0.4
"""The score from which a passage that nobody asked for belongs into a context."""
LOOKED_INTO = 3
"""How many of the best documents are looked into for a section, or told as a whole, when the caller names none."""


class SpanStrategy(StrEnum):
    """How passages were chosen; the values are the wire spellings."""

    LOCAL = "local"
    """The best by meaning and word."""
    SECTION = "section"
    """Those of a section that the query names."""
    DOCUMENT = "document"
    """Those with which the sections of a document begin."""
    COLLECTION = "collection"
    """The best of a collection, from several of its documents."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanQuery:
    """
    What passages to look for: in the *uploads* if they are given, which are one document or with *collection* those of one, else
    in everything that one of *audience* may find, None for all. Nothing found by meaning is returned below *threshold*, 0 to 1.
    """

    scope: Scope
    text: str
    limit: int = 5
    threshold: float = 0.0
    audience: frozenset[str] | None = None
    uploads: Sequence[UploadId] | None = None
    collection: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A passage that was found. *score* is 0 to 1, comparable within one answer; 1 for what the query asked for by its place."""

    score: float
    passage: Passage


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanResult:
    """What was found: best first, or in the document's order where a part or the whole of it was asked for."""

    strategy: SpanStrategy
    spans: Sequence[Span] = ()


class DocumentRecaller:
    """Finds passages in the documents of one user."""

    def __init__(self, *, index: VectorIndex, embedder: Embedder, documents: DocumentStore) -> None:
        """Keep the ports."""
        self._index = index
        self._embedder = embedder
        self._documents = documents

    async def __call__(self, query: SpanQuery) -> SpanResult:
        """Return what was found; nothing for a query without a word. Raises StorageUnavailable."""
        ordinary = SpanStrategy.COLLECTION if query.collection else SpanStrategy.LOCAL
        if not has_word(query.text) or (query.uploads is not None and not query.uploads):
            return SpanResult(strategy=ordinary)
        ranked = await self._ranked(query)
        for strategy in _by_place(query):
            if passages := await self._placed(query, strategy, _meant(query, ranked)):
                return SpanResult(strategy=strategy, spans=[Span(score=1.0, passage=passage) for passage in passages])
        relevant = [span for span in ranked if span.score >= query.threshold]
        chosen = _spread(relevant, query.limit) if query.collection else relevant[: query.limit]
        return SpanResult(strategy=ordinary, spans=chosen)

    async def _ranked(self, query: SpanQuery) -> Sequence[Span]:
        """Return what the index finds, as the truth has it, best first."""
        (vector,) = await self._embedder.embed([query.text])
        sessions = None if query.uploads is None else frozenset(SessionId(upload) for upload in query.uploads)
        where = IndexFilter(sessions=sessions, categories=query.audience)
        by_meaning, by_word = await self._index.search(
            query.scope,
            [
                IndexQuery(kind=IndexedKind.CHUNK, name=DENSE, vector=vector, limit=CANDIDATES, where=where),
                IndexQuery(kind=IndexedKind.CHUNK, name=SPARSE, text=query.text, limit=CANDIDATES, where=where),
            ],
        )
        likeness = {hit.record_id: self._embedder.similarity(hit.score) for hit in by_meaning}
        ids = list(dict.fromkeys(hit.record_id for hit in (*by_meaning, *by_word)))
        spans = [
            Span(score=_score(query.text, passage, likeness.get(passage.chunk.chunk_id, 0.0)), passage=passage)
            for passage in await self._documents.passages(query.scope, ids)
            if passage is not None
        ]
        return sorted(spans, key=lambda span: (-span.score, span.passage.chunk.upload_id, span.passage.chunk.place))

    async def _placed(self, query: SpanQuery, strategy: SpanStrategy, uploads: Sequence[UploadId]) -> Sequence[Passage]:
        """Return the section, or the beginnings of the sections, of the first of *uploads* that has what is asked for."""
        outlines = await asyncio.gather(*(self._documents.sections(query.scope, upload) for upload in uploads))
        for upload, sections in zip(uploads, outlines, strict=True):
            if strategy is SpanStrategy.SECTION:
                places = places_of_section(query.text, sections)[: query.limit]
            else:
                places = places_of_beginnings(sections, query.limit)
            if places:
                found = await self._documents.passages(query.scope, [chunk_id(upload, place) for place in places])
                return [passage for passage in found if passage is not None]
        return ()


def _by_place(query: SpanQuery) -> Sequence[SpanStrategy]:
    """Return the strategies by which the query may ask for a part of a document, or for a whole one."""
    wanted = [SpanStrategy.SECTION] if asks_for_section(query.text) else []
    named = query.uploads is not None and not query.collection
    # of a collection no document is meant more than another
    if not query.collection and asks_for_whole(query.text, named=named):
        wanted.append(SpanStrategy.DOCUMENT)
    return wanted


def _meant(query: SpanQuery, ranked: Sequence[Span]) -> Sequence[UploadId]:
    """Return the documents that the query may mean: the one that the caller named, else the best found."""
    if query.uploads is not None and not query.collection:
        return query.uploads
    return list(dict.fromkeys(span.passage.chunk.upload_id for span in ranked))[:LOOKED_INTO]


def _spread(spans: Sequence[Span], limit: int) -> Sequence[Span]:
    """Return the best *limit* spans, no document with more than half of them as long as others have any."""
    most = max(1, limit // 2)
    counts: Counter[DocumentId] = Counter()
    first: list[Span] = []
    rest: list[Span] = []
    for span in spans:
        counts[span.passage.document_id] += 1
        (first if counts[span.passage.document_id] <= most else rest).append(span)
    kept = first[:limit]
    return sorted([*kept, *rest[: limit - len(kept)]], key=lambda span: -span.score)


def _score(text: str, passage: Passage, likeness: float) -> float:
    """Return how well a passage answers the query *text*, by its *likeness* of meaning and by the words that both share."""
    asked = {word[:STEM] for word in content_words(text)}
    if not asked:
        return round(likeness, 4)
    there = " ".join((passage.name, passage.chunk.title or "", passage.chunk.text)).casefold()
    share = sum(stem in there for stem in asked) / len(asked)
    return round((1 - WORDS_SHARE) * likeness + WORDS_SHARE * share, 4)
