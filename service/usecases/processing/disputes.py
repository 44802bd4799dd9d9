"""The contradictions that a session brings up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from service.domain.conflicts import Conflict, ConflictingMemory, ConflictStatus, ask, why
from service.domain.ids import ChainId
from service.domain.memories import Candidate, Decision, DecisionKind, MemoryChain, Neighbour
from service.domain.ports.models import Extractor
from service.usecases.conflicts.settlement import begun
from service.usecases.processing.merge import Origin

_SURELY = 1.0
"""The similarity at which two statements are compared by what they say alone."""


class Disputes:
    """The open conflicts of a user, changed as a session's statements are decided on. The same is not asked twice."""

    def __init__(self, extractor: Extractor, conflicts: Sequence[Conflict]) -> None:
        """Keep what compares statements, and the open *conflicts*."""
        self._extractor = extractor
        self._conflicts = {conflict.conflict_id: conflict for conflict in conflicts}
        self._changed: dict[str, Conflict] = {}

    @property
    def changed(self) -> tuple[Conflict, ...]:
        """The conflicts that are new, or that have a source more."""
        return tuple(self._changed.values())

    async def raise_(self, origin: Origin, ordinal: int, candidate: Candidate, decision: Decision, chain: MemoryChain) -> None:
        """Ask about a *candidate* that contradicts a *chain*, unless that is being asked already: then it bears that out."""
        conflict = await self._asked(candidate, chain.chain_id)
        if conflict is None:
            conflict = _raised(origin, ordinal, candidate, decision, chain)
        else:
            sources = tuple(dict.fromkeys((*conflict.candidate.sources, *candidate.sources)))
            conflict = replace(conflict, candidate=replace(conflict.candidate, sources=sources))
        self._conflicts[conflict.conflict_id] = self._changed[conflict.conflict_id] = conflict

    async def _asked(self, candidate: Candidate, chain_id: ChainId) -> Conflict | None:
        """Return the open conflict of a chain about a statement that says the same."""
        for conflict in self._conflicts.values():
            if chain_id not in conflict.chain_ids:
                continue
            decision = await self._extractor.decide(candidate, [Neighbour(chain=begun(conflict), similarity=_SURELY)])
            if candidate.content == conflict.candidate.content or decision.kind is DecisionKind.DUPLICATE:
                return conflict
        return None


def _raised(origin: Origin, ordinal: int, candidate: Candidate, decision: Decision, chain: MemoryChain) -> Conflict:
    known = chain.current
    return Conflict(
        conflict_id=origin.conflict_id(ordinal),
        session_id=origin.session_id,
        candidate=candidate,
        proposed=decision.content,
        conflicting=(
            ConflictingMemory(
                chain_id=chain.chain_id,
                memory_id=known.memory_id,
                content=known.content,
                reason=why(decision.content),
                event_start=known.event_start,
                event_end=known.event_end,
                created_at=known.created_at,
            ),
        ),
        questions=(ask(decision.content, known.content),),
        status=ConflictStatus.PENDING,
        created_at=origin.now,
    )
