"""What the server's adapter makes of a real server's troubles and versions, which the client's local mode does not have."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from qdrant_client.http.exceptions import UnexpectedResponse

from service.domain.errors import StorageUnavailable
from service.domain.ports.work import IndexedKind
from service.storage.qdrant import open_index
from tests.contract.index.builders import EAST, like, scope, words
from tests.qdrant.scripted import scripted

COUNT = "/collections/mneme_turns/points/count"
SEARCH = "/collections/mneme_turns/points/query/batch"


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    """A refused connection is no error of the caller."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with open_index(f"http://127.0.0.1:{port}", api_key=None) as index:
        with pytest.raises(StorageUnavailable, match="The qdrant store is unavailable"):
            await index.count(IndexedKind.TURN)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_a_server_in_trouble_is_unavailable(status: int) -> None:
    """Overload and its own errors pass: the call can be repeated."""
    async with (
        scripted({COUNT: (status, {"status": {"error": "busy"}})}) as server,
        open_index(server.url, api_key=None) as index,
    ):
        with pytest.raises(StorageUnavailable):
            await index.count(IndexedKind.TURN)


async def test_an_error_of_ours_is_not_hidden() -> None:
    """A request that the server refuses as wrong would be refused again."""
    async with scripted({COUNT: (400, {"status": {"error": "wrong"}})}) as server, open_index(server.url, api_key=None) as index:
        with pytest.raises(UnexpectedResponse):
            await index.count(IndexedKind.TURN)


@pytest.mark.parametrize(
    ("version", "scoped"), [("1.16.2", False), ("1.18.9", False), ("1.19.0", True), ("1.20.0-dev", True), ("2.0.0", True)]
)
async def test_rarity_is_scoped_to_the_user_where_the_server_can(version: str, *, scoped: bool) -> None:
    """From 1.19 on a search by word says among which points rarity is counted; older servers are not asked."""
    found: dict[str, Any] = {"result": [{"points": []}], "status": "ok", "time": 0.0}
    answers = {"/": (200, {"title": "qdrant", "version": version}), SEARCH: (200, found)}
    async with scripted(answers) as server, open_index(server.url, api_key=None) as index:
        await index.search(scope(), [words("greyhound")])
        [query] = server.received[SEARCH]["searches"]
    assert scoped == ("idf" in (query.get("params") or {}))


async def test_every_search_names_the_tenant() -> None:
    """Also one without any condition of its own."""
    found: dict[str, Any] = {"result": [{"points": []}], "status": "ok", "time": 0.0}
    answers = {"/": (200, {"title": "qdrant", "version": "1.19.0"}), SEARCH: (200, found)}
    async with scripted(answers) as server, open_index(server.url, api_key=None) as index:
        await index.search(scope(), [like(EAST)])
        [query] = server.received[SEARCH]["searches"]
    assert {"key": "tenant", "match": {"value": '["acme", "ann"]'}} in query["filter"]["must"]


async def test_collections_have_the_prefix() -> None:
    """Several installations can share a server."""
    path = "/collections/other_turns/points/count"
    answers = {path: (200, {"result": {"count": 7}, "status": "ok", "time": 0.0})}
    async with scripted(answers) as server, open_index(server.url, api_key=None, prefix="other") as index:
        assert 7 == await index.count(IndexedKind.TURN)
