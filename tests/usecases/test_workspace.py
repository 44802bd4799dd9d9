"""Which memories a candidate is compared with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from service.domain.ids import ChainId
from service.domain.memories import MemoryChain, Neighbour
from service.usecases.processing.workspace import MAX_NEIGHBOURS, Workspace
from tests.usecases.test_connections import chain

EAST = [1.0, 0.0]


def at(cosine: float) -> list[float]:
    """Return a unit vector of this cosine to EAST."""
    return [cosine, float(np.sqrt(1 - cosine**2))]


def made(names: Sequence[str]) -> dict[ChainId, MemoryChain]:
    """Return memories by their names."""
    return {ChainId(name): chain(name, "Tom") for name in names}


def near(neighbours: Sequence[Neighbour]) -> list[tuple[str, float]]:
    """Return names and cosines."""
    return [(one.chain.chain_id, round(one.similarity, 3)) for one in neighbours]


def test_of_many_memories_that_the_index_lacks_the_nearest_are_found() -> None:
    """With those that it found among them, each in its place."""
    names = [f"m{number:02}" for number in range(30)]
    cosines = {ChainId(name): number / 100 for number, name in enumerate(names)}
    workspace = Workspace(made([*names, "indexed"]), {chain_id: at(cosine) for chain_id, cosine in cosines.items()})
    expected = [(name, cosines[ChainId(name)]) for name in reversed(names)]
    expected.insert(2, ("indexed", 0.275))
    assert expected[:MAX_NEIGHBOURS] == near(workspace.nearest(EAST, {ChainId("indexed"): 0.275}))


def test_what_is_known_here_is_newer_than_the_index() -> None:
    """Also of a memory that is changed again and again, and however many are begun."""
    workspace = Workspace(made(["changed"]), {})
    for number in range(40):
        workspace.restate(chain("changed", "Tom"), at(number / 100))
        workspace.restate(chain(f"m{number}", "Tom"), at(0.0))
    assert [("changed", 0.39), ("m0", 0.0)] == near(workspace.nearest(EAST, {ChainId("changed"): 0.9}))[:2]


def test_what_is_not_at_hand_is_no_neighbour() -> None:
    """It is of other company, or gone since the index was asked."""
    assert [] == near(Workspace({}, {}).nearest(EAST, {ChainId("gone"): 0.9}))
