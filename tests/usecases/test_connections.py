"""Which memories are connected."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from service.domain.ids import ChainId, MemoryId, SessionId
from service.domain.memories import MemoryChain, MemoryVersion, Source, VersionReason
from service.usecases.processing.connections import MAX_CONNECTIONS, connect

NOW = datetime(2024, 1, 1, tzinfo=UTC)


def chain(name: str, entities: str, *connections: str) -> MemoryChain:
    """Return a memory that names these entities."""
    session_id = SessionId("s")
    version = MemoryVersion(
        memory_id=MemoryId(f"m-{name}"),
        content=name,
        categories=(),
        entities=tuple(entities.split()),
        event_start=NOW,
        event_end=NOW,
        created_at=NOW,
        reason=VersionReason.INITIAL_MEMORY,
        session_id=session_id,
        sources=(Source(session_id=session_id, message_index=0),),
    )
    return MemoryChain(chain_id=ChainId(name), versions=(version,), connections=tuple(map(ChainId, connections)))


def connected(touched: str, *chains: MemoryChain) -> Mapping[str, list[str]]:
    """Return the connections of each memory after the *touched* ones were compared with all."""
    by_id = {one.chain_id: one for one in chains}
    changed = connect([ChainId(name) for name in touched.split()], by_id.keys(), by_id)
    return {name: list((by_id | dict(changed))[name].connections) for name in by_id}


def test_memories_that_name_the_same_are_connected_both_ways() -> None:
    """Whatever the case of the name."""
    links = connected("a", chain("a", "Tom"), chain("b", "tom"), chain("c", "Anna"))
    assert {"a": ["b"], "b": ["a"], "c": []} == links


def test_the_strongest_connection_comes_first() -> None:
    """More that both name, and what few name, counts more."""
    links = connected("a", chain("a", "Tom Sintra"), chain("b", "Tom"), chain("c", "Tom Sintra"))
    assert ["c", "b"] == links["a"]


def test_what_about_everything_names_connects_nothing() -> None:
    """Such as the user."""
    links = connected("a", *(chain(name, "Alice") for name in "abcdefgh"))
    assert {name: [] for name in "abcdefgh"} == links


def test_only_touched_memories_are_compared() -> None:
    """Others keep what they have."""
    links = connected("c", chain("a", "Tom"), chain("b", "Tom"), chain("c", "Anna"))
    assert {"a": [], "b": [], "c": []} == links


def test_a_full_memory_gives_up_its_weakest_connection() -> None:
    """For a stronger one, and on both sides."""
    spokes = [f"s{number}" for number in range(MAX_CONNECTIONS)]
    hub = chain("hub", "Tom Rex", *spokes)
    others = [chain(name, "Tom", "hub") for name in spokes]
    filler = [chain(f"f{number}", "Nobody") for number in range(30)]
    links = connected("new", hub, *others, chain("new", "Tom Rex"), *filler)
    assert ("new", MAX_CONNECTIONS) == (links["hub"][0], len(links["hub"]))
    (lost,) = set(spokes) - set(links["hub"])
    assert "hub" not in links[lost]
    assert "hub" in links["new"]


def test_connections_are_symmetric_and_bounded() -> None:
    """However many name the same."""
    chains = [chain(f"c{number:02}", "Tom") for number in range(30)]
    filler = [chain(f"f{number}", "Nobody") for number in range(40)]
    links = connected(" ".join(one.chain_id for one in chains), *chains, *filler)
    assert MAX_CONNECTIONS == max(map(len, links.values()))
    assert all(name in links[other] for name, others in links.items() for other in others)


def test_connections_to_what_is_gone_are_dropped() -> None:
    """And connections of chains that were only looked at stay as they are."""
    at_hand = {ChainId("a"): chain("a", "Tom", "gone", "far"), ChainId("far"): chain("far", "Anna", "a", "unknown")}
    changed = connect([ChainId("a")], [ChainId("a")], at_hand)
    assert {"a": ("far",)} == {name: one.connections for name, one in changed.items()}
