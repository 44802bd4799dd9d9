"""Which memories are connected: those that name the same people, places and things."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from operator import itemgetter

from service.domain.ids import ChainId
from service.domain.memories import MemoryChain

MAX_CONNECTIONS = 10
"""The most connections of one memory."""

_EVERYWHERE = 0.5
_ENOUGH_TO_TELL = 8


def connect(
    touched: Sequence[ChainId], candidates: Collection[ChainId], chains: Mapping[ChainId, MemoryChain]
) -> Mapping[ChainId, MemoryChain]:
    """
    Return the chains whose connections change when the *touched* ones are compared with all *candidates*, which include them.

    Connections are symmetric and strongest first; a full chain gives up its weakest for a stronger one. *chains* must hold the
    candidates and every chain that one of them is connected to, as far as it exists.
    """
    links = _Links(candidates, chains)
    # by id last: the same chains give the same connections
    for strength, first, second in sorted(links.between(touched), key=lambda link: (-link[0], *link[1:])):
        links.join(first, second, strength)
    connections = {chain_id: links.of(chain_id) for chain_id in chains}
    return {
        chain_id: replace(chain, connections=connections[chain_id])
        for chain_id, chain in chains.items()
        if connections[chain_id] != chain.connections
    }


class _Links:
    """The connections of some chains while those of the candidates are being changed."""

    def __init__(self, candidates: Collection[ChainId], chains: Mapping[ChainId, MemoryChain]) -> None:
        self._candidates = candidates
        self._entities = {chain_id: _entities(chain) for chain_id, chain in chains.items()}
        self._weights = _weights([self._entities[chain_id] for chain_id in candidates])
        # what a candidate is connected to is at hand unless it is gone; of the others nothing is known about theirs
        self._linked = {
            chain_id: [other for other in chain.connections if other in chains or chain_id not in candidates]
            for chain_id, chain in chains.items()
        }
        self._joined: set[ChainId] = set()
        # a full chain is compared with its weakest connection again and again
        self._weakest: dict[ChainId, tuple[float, ChainId]] = {}

    def between(self, touched: Sequence[ChainId]) -> set[tuple[float, ChainId, ChainId]]:
        """Return each pair of a *touched* chain and a candidate that anything connects, lesser id first, after its strength."""
        naming: defaultdict[str, list[ChainId]] = defaultdict(list)
        for chain_id in self._candidates:
            for entity in self._entities[chain_id]:
                if self._weights[entity]:
                    naming[entity].append(chain_id)
        pairs = {
            (min(first, second), max(first, second))
            for first in touched
            for entity in self._entities[first]
            for second in naming[entity]
            if first != second
        }
        return {(self._strength(first, second), first, second) for first, second in pairs}

    def join(self, first: ChainId, second: ChainId, strength: float) -> None:
        """Connect two chains, unless either has only stronger connections and no room."""
        if second in self._linked[first]:
            return
        if not (self._has_room(first, strength) and self._has_room(second, strength)):
            return
        for chain_id, other in ((first, second), (second, first)):
            if len(self._linked[chain_id]) == MAX_CONNECTIONS:
                self._part(chain_id, self._weakest_of(chain_id)[1])
            self._linked[chain_id].append(other)
            self._weakest.pop(chain_id, None)
            self._joined.add(chain_id)

    def of(self, chain_id: ChainId) -> tuple[ChainId, ...]:
        """Return the connections of a chain, strongest first if they were changed."""
        linked = self._linked[chain_id]
        if chain_id in self._joined:
            linked = sorted(linked, key=lambda other: -self._strength(chain_id, other))
        return tuple(linked)

    def _strength(self, first: ChainId, second: ChainId) -> float:
        """Return the weight of what both name, one of them a candidate; 0 means that nothing connects them."""
        return sum(self._weights[entity] for entity in self._entities[first] & self._entities[second])

    def _has_room(self, chain_id: ChainId, strength: float) -> bool:
        return len(self._linked[chain_id]) < MAX_CONNECTIONS or self._weakest_of(chain_id)[0] < strength

    def _weakest_of(self, chain_id: ChainId) -> tuple[float, ChainId]:
        if chain_id not in self._weakest:
            strengths = ((self._strength(chain_id, other), other) for other in self._linked[chain_id])
            self._weakest[chain_id] = min(strengths, key=itemgetter(0))
        return self._weakest[chain_id]

    def _part(self, first: ChainId, second: ChainId) -> None:
        for chain_id, other in ((first, second), (second, first)):
            if other in self._linked[chain_id]:
                self._linked[chain_id].remove(other)
                self._weakest.pop(chain_id, None)


def _entities(chain: MemoryChain) -> frozenset[str]:
    return frozenset(entity.casefold() for entity in chain.current.entities)


def _weights(entities: Sequence[frozenset[str]]) -> Mapping[str, float]:
    """Return the weight of each entity: the rarer the more, and nothing for what about everything names, such as the user."""
    counts = Counter(entity for named in entities for entity in named)
    everywhere = len(entities) * _EVERYWHERE if len(entities) >= _ENOUGH_TO_TELL else len(entities)
    return {entity: 1 / count if count <= everywhere else 0.0 for entity, count in counts.items()}
