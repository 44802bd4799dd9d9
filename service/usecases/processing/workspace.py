"""The memories that the candidates of a session are compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from service.domain.ids import ChainId
from service.domain.memories import MemoryChain, Neighbour
from service.domain.ports.index import Vector

MAX_NEIGHBOURS = 10
"""The most existing memories that one candidate is compared with."""


class Workspace:
    """
    The memories near a session's candidates as they are in the truth, changed as the candidates are decided on, so that what a
    session says twice becomes one memory.
    """

    def __init__(self, chains: Mapping[ChainId, MemoryChain], vectors: Mapping[ChainId, Vector]) -> None:
        """Keep the *chains*, and the *vectors* of those that the index may not know as they are now."""
        self._chains = dict(chains)
        self._vectors = {chain_id: np.asarray(vector, dtype=np.float32) for chain_id, vector in vectors.items()}
        self._changed: dict[ChainId, None] = {}
        self._restated: dict[ChainId, None] = {}

    @property
    def chains(self) -> Mapping[ChainId, MemoryChain]:
        """Every memory at hand as it is now."""
        return self._chains

    @property
    def changed(self) -> Sequence[MemoryChain]:
        """The memories that differ from the truth, in the order in which they were first changed."""
        return [self._chains[chain_id] for chain_id in self._changed]

    @property
    def restated(self) -> Sequence[ChainId]:
        """The memories that say something else now than in the truth, or are new."""
        return list(self._restated)

    def nearest(self, vector: Vector, found: Mapping[ChainId, float]) -> Sequence[Neighbour]:
        """Return the memories nearest to *vector*, most similar first, given those that the index *found* and their cosines."""
        own = np.asarray(vector, dtype=np.float32)
        similarity = {chain_id: cosine for chain_id, cosine in found.items() if chain_id in self._chains}
        # what is known here is newer than what the index says
        similarity |= {chain_id: float(known @ own) for chain_id, known in self._vectors.items()}
        nearest = sorted(similarity, key=lambda chain_id: (-similarity[chain_id], chain_id))[:MAX_NEIGHBOURS]
        return [Neighbour(chain=self._chains[chain_id], similarity=similarity[chain_id]) for chain_id in nearest]

    def add(self, chains: Mapping[ChainId, MemoryChain]) -> None:
        """Take in memories that are not at hand yet."""
        self._chains = {**chains, **self._chains}

    def put(self, chain: MemoryChain) -> None:
        """Change a memory without changing what it says."""
        self._chains[chain.chain_id] = chain
        self._changed[chain.chain_id] = None

    def restate(self, chain: MemoryChain, vector: Vector) -> None:
        """Change what a memory says, or begin one; *vector* is the embedding of its current version."""
        self.put(chain)
        self._restated[chain.chain_id] = None
        self._vectors[chain.chain_id] = np.asarray(vector, dtype=np.float32)
