"""The metadata filter of the stores, against the rule in plain Python, on data that Hypothesis makes up."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.domain.ids import ProjectId
from service.domain.sessions import SessionFilter
from service.domain.values import PageRequest
from service.storage.redis import RedisStores, open_stores, sessions, users
from tests.contract.servers import Server
from tests.contract.stores.conftest import BUCKETS
from tests.contract.stores.makers import World, new_session, new_user

# few names and values, so that filters match often
scalars = st.sampled_from([None, True, False, 0, 1, 1.5, "", "1", "a", "ä"])
names = st.sampled_from(["a", "b", ""])
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=6
)
objects = st.dictionaries(names, values, max_size=3)
pages = st.builds(PageRequest, offset=st.integers(0, 4), limit=st.integers(1, 4))


def rule(value: Any, wanted: Any) -> bool:
    """Say whether *value* contains *wanted*, written down a second time from the contract."""
    if isinstance(wanted, dict):
        return isinstance(value, dict) and all(name in value and rule(value[name], part) for name, part in wanted.items())
    if isinstance(wanted, list):
        return isinstance(value, list) and all(any(rule(part, each) for part in value) for each in wanted)
    if isinstance(value, (dict, list)) or isinstance(value, bool) != isinstance(wanted, bool):
        return False
    return bool(value == wanted)


async def check(stores: RedisStores, stored: Sequence[Mapping[str, Any]], wanted: Mapping[str, Any], page: PageRequest) -> None:
    """Compare the lists of users and of sessions with the rule."""
    project_id = ProjectId(str(uuid4()))
    for number, metadata in enumerate(stored):
        await stores.users.create(project_id, new_user(f"u{number}", metadata))
    world = World(stores, await stores.users.create(ProjectId(str(uuid4())), new_user()))
    for metadata in stored:
        await stores.sessions.create(world.scope, new_session(metadata))
    matching = [metadata for metadata in reversed(stored) if rule(metadata, wanted)]
    expected = (matching[page.offset : page.offset + page.limit], len(matching))
    found = await stores.users.list(project_id, page, metadata=wanted)
    assert expected == ([user.metadata for user in found.items], found.total)
    opened = await stores.sessions.list(world.scope, page, SessionFilter(metadata=wanted))
    assert expected == ([session.metadata for session in opened.items], opened.total)


@pytest.mark.usefixtures("client")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stored=st.lists(objects, max_size=6), wanted=objects, page=pages)
def test_a_filter_selects_what_the_rule_selects(
    server: Server, monkeypatch: pytest.MonkeyPatch, stored: list[dict[str, Any]], wanted: dict[str, Any], page: PageRequest
) -> None:
    """Users and sessions alike, whatever the page, also when one round trip does not read them all."""
    for module in (users, sessions):
        monkeypatch.setattr(module, "SCANNED", 2)

    async def run() -> None:
        async with open_stores(server.url, buckets=BUCKETS) as stores:
            await check(stores, stored, wanted, page)

    asyncio.run(run())
