"""Credentials that a body carries: they become metadata, and are nowhere else."""

from __future__ import annotations

from typing import Any

import httpx
import orjson
import pytest

from tests.gateway.peer import Peer

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAMES = {"format": "openai", "type": "chat", "version": "3.0.0"}
KEYS = {"appKey": "demo", "apiKey": "rai_secret"}
BODY: dict[str, Any] = {"reconify": {**NAMES, **KEYS}, "request": {"messages": []}, "response": None}


def credentials(peer: Peer) -> dict[str, str]:
    """Return what the service learned of who calls."""
    names = ("x-recallr-project-id", "x-recallr-api-key", "authorization")
    return {name: peer.last.metadata[name] for name in names if name in peer.last.metadata}


async def test_credentials_in_a_body_become_metadata(http: httpx.AsyncClient, peer: Peer) -> None:
    """And are no part of the message; those in headers count for nothing."""
    await http.post("/track", json=BODY, headers={"Authorization": "Bearer other"})

    assert {"x-recallr-project-id": "demo", "x-recallr-api-key": "rai_secret"} == credentials(peer)
    assert b"rai_secret" not in peer.last.request.SerializeToString()
    assert ("", "") == (peer.last.request.reconify.app_key, peer.last.request.reconify.api_key)


@pytest.mark.parametrize("keys", [{}, {"appKey": None, "apiKey": ""}, {"appKey": 7, "apiKey": ["rai_secret"]}])
async def test_credentials_that_are_none_are_left_out(http: httpx.AsyncClient, peer: Peer, keys: dict[str, Any]) -> None:
    """Headers do not take their place: the service sees a call without any."""
    await http.post("/track", json={**BODY, "reconify": {**NAMES, **keys}})

    assert {} == credentials(peer)


async def test_every_spelling_is_taken_out(http: httpx.AsyncClient, peer: Peer) -> None:
    """The one that clients send counts."""
    await http.post("/track", json={**BODY, "reconify": {**NAMES, **KEYS, "app_key": "other", "api_key": "rai_other"}})

    assert "demo" == credentials(peer)["x-recallr-project-id"]
    assert b"rai_other" not in peer.last.request.SerializeToString()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"request": {}, "response": {}}, "reconify: should be an object"),
        ({"reconify": "rai_secret"}, "reconify: should be an object"),
        ([1], "body: should be an object"),
    ],
)
async def test_without_its_object_a_credential_is_missed(http: httpx.AsyncClient, peer: Peer, body: Any, said: str) -> None:
    """Before anything is asked of the service, and without a word of what came instead."""
    answer = await http.post("/track", json=body)

    assert (400, {"status": "error", "message": said}, []) == (answer.status_code, answer.json(), peer.calls)


@pytest.mark.parametrize("value", [None, "text", 10**30, 2**60, [1, {"a": None}], {}, 0, False])
async def test_raw_json_arrives_as_it_came(http: httpx.AsyncClient, peer: Peer, value: Any) -> None:
    """Numbers of any size and null too."""
    await http.post("/track", content=orjson.dumps(BODY)[:-1] + b', "session": ' + text(value) + b"}")

    assert text(value) == peer.last.request.session
    assert (b"null", False) == (peer.last.request.response, peer.last.request.HasField("user"))


def text(value: Any) -> bytes:
    """Return *value* as JSON."""
    return str(value).encode() if isinstance(value, int) and not isinstance(value, bool) else orjson.dumps(value)


async def test_a_method_may_take_more_than_others(http: httpx.AsyncClient, peer: Peer) -> None:
    """Where the contract says so: this gateway takes 100,000 bytes."""
    large = "A" * 200_000
    upload = {"upload": {"filename": "a.png", "type": "image", "data": {"b64_json": large}}}
    answers = [
        await http.post("/upload", json={**BODY, **upload}),
        await http.post("/track", json={**BODY, "request": {"prompt": large}}),
    ]

    assert [200, 413] == [answer.status_code for answer in answers]
    assert "error" == answers[1].json()["status"]
    assert peer.last.request.ByteSize() < 100
