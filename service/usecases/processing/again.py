"""
Processing a session again, because a forgetting took more of it than it meant to.

A version that came from a forgotten message goes whole, also with what other messages had added to it. What those messages say
is made memories of again, and nothing else: what is still remembered must not be remembered twice, and what later sessions
changed must not be taken for new.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from service.domain.memories import Candidate, MemoryChain


def missing_of(candidates: Sequence[Candidate], chains: Sequence[MemoryChain], missing: Collection[int]) -> tuple[Candidate, ...]:
    """
    Return those of a session's *candidates* that come from the messages *missing* and that none of *chains* holds, which are all
    that have to do with the session.
    """
    held = {(version.content, source) for chain in chains for version in chain.versions for source in version.sources}
    return tuple(
        candidate
        for candidate in candidates
        if any(source.message_index in missing for source in candidate.sources)
        and not any((candidate.content, source) in held for source in candidate.sources)
    )
