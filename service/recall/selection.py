"""From ranked turns to what a recall returns: memories in place of the turns that they come from, within top-k and thresholds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile

from service.domain.memories import MemoryChain, Source
from service.domain.recall import Recalled, RecalledKind, RecallQuery
from service.domain.sessions import Message
from service.recall.evidence import SPARE, Evidence
from service.recall.ranking import Ranked


async def select(query: RecallQuery, evidence: Evidence) -> list[Recalled]:
    """
    Return what is relevant, best first: all that reaches its threshold, or the best *min_top_k*, never more than *max_top_k*.

    A turn that a memory comes from is returned as that memory, unless memories are not wanted: nothing takes two places.
    Raises StorageUnavailable, when more has to be read.
    """
    found, left = _chosen(query, evidence)
    while left:
        await evidence.reader.read([turn.at for turn in left[:SPARE]])
        found, left = _chosen(query, evidence)
    summaries = [
        Recalled(score=round(similarity, 4), sources=(), signals={"meaning": round(similarity, 4)}, summary=summary)
        for summary, similarity in evidence.summaries
        if similarity >= query.summaries_threshold and RecalledKind.SUMMARY in query.kinds
    ]
    kept = found[: query.max_top_k - min(len(summaries), query.max_top_k // 10)]
    # sorting is stable: among equals, what was ranked first stays first
    return sorted([*kept, *summaries], key=lambda item: -item.score)[: query.max_top_k]


def _chosen(query: RecallQuery, evidence: Evidence) -> tuple[list[Recalled], Sequence[Ranked]]:
    """Return what is relevant of what was read, and those turns of which one has to be read to say what else is."""
    known = list(takewhile(lambda turn: evidence.reader.knows_all(turn.at), evidence.ranked))
    found: list[Recalled] = []
    for item in _items(query, evidence, known):
        if len(found) >= query.max_top_k or (item.score < query.memories_threshold and len(found) >= query.min_top_k):
            return found, ()
        found.append(item)
    return found, evidence.ranked[len(known) :] if len(found) < query.max_top_k else ()


def _items(query: RecallQuery, evidence: Evidence, known: Sequence[Ranked]) -> Iterator[Recalled]:
    """Yield an item for each of the *known* turns that has one to itself."""
    ranks = {turn.at: rank for rank, turn in enumerate(evidence.ranked)}
    wants_message = RecalledKind.MESSAGE in query.kinds
    covered: set[Source] = set()
    shown: set[str] = set()
    for rank, turn in enumerate(known):
        key = turn.at
        if evidence.reader.is_gone(key):
            continue
        chains = [
            chain
            for chain in evidence.reader.chains.get(key, ())
            if chain.chain_id not in shown and not (wants_message and _has_more(chain, ranks, after=rank))
        ]
        # with messages beside it, one memory stands for its turn; without them, every memory of the turn has to be named
        for chain in chains[: 1 if wants_message else None] if key not in covered else ():
            shown.add(chain.chain_id)
            yield _memory(query, turn, chain, ranks)
            covered |= set(chain.current.sources)
        message = evidence.reader.message(key)
        if wants_message and key not in covered and message is not None:
            covered.add(key)
            yield _message(turn, message)


def _has_more(chain: MemoryChain, ranks: Mapping[Source, int], *, after: int) -> bool:
    """
    Return whether a message that the memory comes from ranks further down.

    With messages beside it, a memory of several messages waits for the last of them: in an earlier place it would draw them all
    up with it, however little they have to do with the query.
    """
    sources = chain.current.sources
    return len(sources) > 1 and any(ranks.get(source, -1) > after for source in sources)


def _memory(query: RecallQuery, turn: Ranked, chain: MemoryChain, ranks: Mapping[Source, int]) -> Recalled:
    own = turn.at
    if chain.current.sources == (own,):
        return Recalled(score=round(turn.score, 4), sources=(own,), signals=turn.signals, memory=chain)
    last = len(ranks)
    others = sorted(
        (source for source in query.sources_of(chain.current) if source != own),
        key=lambda source: (ranks.get(source, last), source),
    )
    return Recalled(score=round(turn.score, 4), sources=(own, *others), signals=turn.signals, memory=chain)


def _message(turn: Ranked, message: Message) -> Recalled:
    return Recalled(score=round(turn.score, 4), sources=(turn.at,), signals=turn.signals, message=message)
