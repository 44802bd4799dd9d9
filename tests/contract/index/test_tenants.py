"""Nobody reaches another user's points, whatever the ids look like."""

from __future__ import annotations

from itertools import permutations

import pytest

from service.domain.ids import Scope, SessionId
from service.domain.ports.index import IndexFilter, VectorIndex
from service.domain.ports.work import IndexedKind
from tests.contract.index.builders import EAST, found, like, point, scope, words

SCOPES = {
    "plain": scope("ann", "acme"),
    "same user, other project": scope("ann", "acme2"),
    "other user, same project": scope("bob", "acme"),
    "slash in the project": scope("ann", "acme/ann"),
    "slash in the user": scope("ann/ann", "acme"),
    "joined": scope("", "acme/ann/ann"),
    "quotes": scope('ann"', 'acme", "ann'),
    "list in JSON": scope("x", '["acme", "ann"]'),
    "wildcard": scope("*", "*"),
    "escape": scope("ann\\", "acme\\"),
    "zero byte": scope("ann\0", "acme"),
    "other case": scope("Ann", "Acme"),
    "composed accent": scope("ann\u00e9", "acme"),
    "decomposed accent": scope("anne\u0301", "acme"),
}
PAIRS = [pytest.param(one, other, id=f"{a} | {b}") for (a, one), (b, other) in permutations(SCOPES.items(), 2) if a == "plain"]


@pytest.mark.parametrize(("mine", "theirs"), PAIRS)
async def test_a_search_stays_within_its_scope(index: VectorIndex, mine: Scope, theirs: Scope) -> None:
    """The same record ids, vectors and words of somebody else are not found, not even by record id."""
    await index.upsert([point("r", owner=theirs), point("mine", owner=mine)])
    assert ["mine"] == await found(index, like(EAST), mine)
    assert ["mine"] == await found(index, words("greyhound"), mine)
    assert [] == await found(index, like(EAST, where=IndexFilter(record_ids=frozenset({"r"}))), mine)


@pytest.mark.parametrize(("mine", "theirs"), PAIRS)
async def test_a_write_stays_within_its_scope(index: VectorIndex, mine: Scope, theirs: Scope) -> None:
    """The same record id under another scope is another point, which no delete reaches."""
    await index.upsert([point("r", owner=mine), point("r", owner=theirs)])
    await index.delete(IndexedKind.TURN, mine, ["r"])
    await index.delete_session_turns(mine, SessionId("s1"))
    await index.delete_scope(mine)
    assert frozenset() == await index.record_ids(IndexedKind.TURN, mine)
    assert {"r"} == await index.record_ids(IndexedKind.TURN, theirs)


async def test_all_scopes_keep_apart(index: VectorIndex) -> None:
    """Each of many strange scopes sees its own point and no other."""
    await index.upsert([point(label, owner=owner) for label, owner in SCOPES.items()])
    assert {label: [label] for label in SCOPES} == {
        label: await found(index, like(EAST), owner) for label, owner in SCOPES.items()
    }


async def test_ids_with_slashes_do_not_run_together(index: VectorIndex) -> None:
    """The parts of a point id cannot be told in two ways."""
    await index.upsert([point("turns/r", owner=scope("u", "p")), point("r", owner=scope("u/turns", "p"))])
    assert 2 == await index.count(IndexedKind.TURN)
