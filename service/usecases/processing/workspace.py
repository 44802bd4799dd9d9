"""The memories that the candidates of a session are compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

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
        # the index may trail by many memories: their vectors are the rows of one matrix, those after the last are room for more
        self._rows = {chain_id: row for row, chain_id in enumerate(vectors)}
        self._vectors = np.array(list(vectors.values()), dtype=np.float32)
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
        # what is known here is newer than what the index says
        indexed = {chain_id: found[chain_id] for chain_id in found.keys() - self._rows.keys() if chain_id in self._chains}
        similarity = indexed | self._known(np.asarray(vector, dtype=np.float32))
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
        row = self._rows.setdefault(chain.chain_id, len(self._rows))
        if row == len(self._vectors):
            room = np.zeros((max(row, MAX_NEIGHBOURS), len(vector)), dtype=np.float32)
            self._vectors = np.concatenate([self._vectors.reshape(row, len(vector)), room])
        self._vectors[row] = vector

    def _known(self, vector: NDArray[np.float32]) -> dict[ChainId, float]:
        """Return the cosines of the memories whose vectors are at hand, of those that may be among the nearest."""
        if not self._rows:
            return {}
        cosines = self._vectors[: len(self._rows)] @ vector
        least = np.sort(cosines)[-MAX_NEIGHBOURS:][0]
        ids = list(self._rows)
        return {ids[row]: float(cosines[row]) for row in np.flatnonzero(cosines >= least)}
