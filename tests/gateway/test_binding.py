"""How path, query, headers and body become the request that the service gets."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from google.protobuf import json_format
from google.protobuf.struct_pb2 import Struct
from mneme.v1 import recall_pb2, session_pb2

from tests.gateway.peer import Peer

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def raw_get(url: str, path: str) -> httpx.Response:
    """Send *path* as it stands: clients that tidy paths up would test themselves."""
    async with httpx.AsyncClient() as client:
        request = client.build_request("GET", url)
        request.url = request.url.copy_with(raw_path=path.encode("latin-1"))
        return await client.send(request)


@pytest.mark.parametrize(
    ("segment", "user_id"),
    [
        ("alice", "alice"),
        ("a%20b", "a b"),
        ("%C3%BC", "ü"),
        ("a+b", "a+b"),
        ("a@b.com", "a@b.com"),
        ("a:b", "a:b"),
        ("a:", "a:"),
        ("a%b", "a%b"),
        ("a%", "a%"),
        ("a%2Fb", "a/b"),
        ("a%252Fb", "a%2Fb"),
        ("a%3Fb", "a?b"),
        ("%E2%82%AC", "€"),
        ("a\\b", "a\\b"),
        ("*", "*"),
        ("sessions", "sessions"),
    ],
)
async def test_path_segments_are_decoded_once(url: str, peer: Peer, segment: str, user_id: str) -> None:
    """An id in the path is percent-decoded exactly once; a plus and a stray percent sign are themselves."""
    await raw_get(url, f"/api/v1/users/{segment}")

    assert ("GetUser", user_id) == (peer.last.method, peer.last.request.user_id)


async def test_path_must_be_utf8(url: str, peer: Peer) -> None:
    """An id whose bytes are no UTF-8 is refused before the service hears of it."""
    answer = await raw_get(url, "/api/v1/users/%FF")

    assert (422, ["path", "user_id"], []) == (answer.status_code, answer.json()["detail"][0]["loc"], peer.calls)


@pytest.mark.parametrize(
    "query",
    [
        "categories=a&categories=b+c",
        "categories[]=a&categories[]=b%20c",
        "categories%5B%5D=a&categories%5B%5D=b%20c",
        "categories=a,b%20c",
        "categories=a&categories=&categories=b%20c",
    ],
)
async def test_arrays_in_the_query(http: httpx.AsyncClient, peer: Peer, query: str) -> None:
    """A repeated parameter may be repeated, bracketed, or one value with commas."""
    await http.get(f"/api/v1/users/a/memories?{query}")

    assert ["a", "b c"] == list(peer.last.request.categories)


@pytest.mark.parametrize("query", ["status_filter=pending&status_filter=PROCESSED", "status_filter[]=Pending,processed"])
async def test_enums_in_the_query(http: httpx.AsyncClient, peer: Peer, query: str) -> None:
    """An enum parameter is matched without regard to case."""
    await http.get(f"/api/v1/users/a/sessions?{query}")

    expected = [session_pb2.SESSION_STATUS_PENDING, session_pb2.SESSION_STATUS_PROCESSED]
    assert expected == list(peer.last.request.status_filter)


@pytest.mark.parametrize(
    ("text", "value"),
    [(text, True) for text in ("true", "True", "1", "yes", "on")]
    + [(text, False) for text in ("false", "FALSE", "0", "no", "off")],
)
async def test_booleans_in_the_query(http: httpx.AsyncClient, peer: Peer, text: str, value: bool) -> None:  # noqa: FBT001 - a row
    """A boolean parameter has five spellings for each value."""
    await http.get(f"/api/v1/users/a/memories?include_previous_versions={text}")

    assert (True, value) == (
        peer.last.request.HasField("include_previous_versions"),
        peer.last.request.include_previous_versions,
    )


async def test_absent_parameters_stay_absent(http: httpx.AsyncClient, peer: Peer) -> None:
    """A parameter that is not sent is not set, so that the service can tell."""
    await http.get("/api/v1/users/a/memories")

    assert ["user_id"] == [field.name for field, _ in peer.last.request.ListFields()]


async def test_inline_options_stand_at_the_top(http: httpx.AsyncClient, peer: Peer) -> None:
    """The fields of an inline message are parameters of their own, however deep it stands."""
    await http.get(
        "/api/v1/users/a/sessions/s/context?recall_strategy=deep&min_top_k=7&timezone=Europe/Berlin&memories_threshold=.5"
    )

    options = peer.last.request.options
    assert (recall_pb2.RECALL_STRATEGY_AGENTIC, 7, "Europe/Berlin", 0.5) == (
        options.recall.recall_strategy,
        options.recall.min_top_k,
        options.timezone,
        options.recall.memories_threshold,
    )


async def test_filter_is_json_in_the_query(http: httpx.AsyncClient, peer: Peer) -> None:
    """A metadata filter is one parameter that holds a JSON object."""
    await http.get("/api/v1/users", params={"metadata_filter": '{"plan": "pro", "seats": 3}'})

    expected = Struct()
    expected.update({"plan": "pro", "seats": 3})
    assert expected == peer.last.request.metadata_filter


@pytest.mark.parametrize("text", ["{", "[1]", '"a"', "3", "null", '{"a": NaN}', '{"a": 9007199254740993}'])
async def test_malformed_filter_is_refused(http: httpx.AsyncClient, peer: Peer, text: str) -> None:
    """A metadata filter that is no JSON object is a violation of that parameter."""
    answer = await http.get("/api/v1/users/a/memories", params={"session_metadata_filter": text})

    assert (422, ["query", "session_metadata_filter"], []) == (
        answer.status_code,
        answer.json()["detail"][0]["loc"],
        peer.calls,
    )


@pytest.mark.parametrize(
    ("path", "loc"),
    [
        ("/api/v1/users?limit=ten", "limit"),
        ("/api/v1/users?limit=", "limit"),
        ("/api/v1/users?limit=99999999999", "limit"),
        ("/api/v1/users/a/sessions?status_filter=done", "status_filter"),
        ("/api/v1/users/a/sessions/s/context?recall_strategy=psychic", "recall_strategy"),
        ("/api/v1/users/a/sessions/s/context?memories_threshold=nan", "memories_threshold"),
        ("/api/v1/users/a/sessions/s/context?include_metadata_ids=maybe", "include_metadata_ids"),
        ("/api/v1/users/a/sessions/s/context?stream=maybe", "stream"),
        ("/api/v1/users/a/sessions/s/context?timezone=%FF", "timezone"),
    ],
)
async def test_query_of_the_wrong_type_is_refused(http: httpx.AsyncClient, peer: Peer, path: str, loc: str) -> None:
    """A parameter that its field cannot hold is a violation, and the service is not called."""
    answer = await http.get(path)

    assert (422, ["query", loc], []) == (answer.status_code, answer.json()["detail"][0]["loc"], peer.calls)


async def test_later_value_of_a_single_parameter_wins(http: httpx.AsyncClient, peer: Peer) -> None:
    """Of a repeated single parameter the last value counts; unknown parameters are ignored."""
    await http.get("/api/v1/users?limit=3&limit=4&nonsense=1")

    assert 4 == peer.last.request.limit


async def test_alias_in_the_query(http: httpx.AsyncClient, peer: Peer) -> None:
    """A parameter answers to its alias."""
    await http.delete("/api/v1/users/a/memory/m?delete_all_versions=true")

    assert peer.last.request.delete_previous_versions is True


async def test_bodies_of_get_and_delete_are_ignored(http: httpx.AsyncClient, peer: Peer) -> None:
    """A body on GET or DELETE, which some clients always send, means nothing, whatever it is."""
    got = await http.request("GET", "/api/v1/users/a", json={})
    deleted = await http.request("DELETE", "/api/v1/users/a", content=b"{broken")

    assert (200, 204, 2) == (got.status_code, deleted.status_code, len(peer.calls))


@pytest.mark.parametrize("content", [b"", b"{}", b" \n", b'{"unknown": [1]}'])
async def test_empty_body_is_an_empty_object(http: httpx.AsyncClient, peer: Peer, content: bytes) -> None:
    """No body at all and an empty object are the same, whatever the content type; unknown keys are ignored."""
    answer = await http.post("/api/v1/users/a/sessions/s/process", content=content, headers={"Content-Type": "text/x-any"})

    assert (200, "a", "s") == (answer.status_code, peer.last.request.user_id, peer.last.request.session_id)


async def test_path_wins_over_body(http: httpx.AsyncClient, peer: Peer) -> None:
    """A body cannot name another user than the path, and what it says there is not even read."""
    await http.put("/api/v1/users/a", json={"user_id": 7, "new_user_id": "b"})

    assert ("a", "b") == (peer.last.request.user_id, peer.last.request.new_user_id)


@pytest.mark.parametrize(
    ("body", "user_id"),
    [
        ({"custom_user_id": "new", "user_id": "old"}, "new"),
        ({"user_id": "old"}, "old"),
        ({"custom_user_id": None, "user_id": "old"}, "old"),
    ],
)
async def test_first_alias_wins(http: httpx.AsyncClient, peer: Peer, body: dict[str, Any], user_id: str) -> None:
    """Of several spellings the first alias that is present wins; null is not present."""
    await http.post("/api/v1/users", json=body)

    assert user_id == peer.last.request.user_id


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        ({"merge_conflict_enabled": None}, ["merge_conflict_enabled"]),
        ({"new_custom_user_id": "b", "metadata": {}}, ["new_user_id", "new_metadata"]),
        ({"user_id": "x", "unknown": 1}, []),
        ({"update_mask": "new_user_id", "new_user_id": "b", "metadata": {}}, ["new_user_id"]),
        ({}, []),
    ],
)
async def test_update_mask_is_the_keys_of_the_body(
    http: httpx.AsyncClient, peer: Peer, body: dict[str, Any], paths: list[str]
) -> None:
    """Without a mask of its own an update names the fields of its body, nulls too, so that null can set a field back."""
    await http.put("/api/v1/users/a", json=body)

    assert paths == list(peer.last.request.update_mask.paths)


async def test_header_fills_the_idempotency_key(http: httpx.AsyncClient, peer: Peer) -> None:
    """The Idempotency-Key header fills the field that the body leaves empty."""
    await http.post("/api/v1/users/a/sessions", json={}, headers={"idempotency-key": "order-17"})

    assert "order-17" == peer.last.request.idempotency_key


async def test_body_beats_header(http: httpx.AsyncClient, peer: Peer) -> None:
    """A key in the body wins over the header."""
    await http.post("/api/v1/users/a/sessions", json={"idempotency_key": "b"}, headers={"Idempotency-Key": "h"})

    assert "b" == peer.last.request.idempotency_key


@pytest.mark.parametrize(
    ("headers", "query", "limit"),
    [
        ({"X-Api-Key": "rai_old", "X-Project-Id": "p"}, "", 500),
        ({"X-Api-Key": "rai_old", "X-Project-Id": "p"}, "?limit=20", 20),
        ({"X-Recallr-Api-Key": "rai_new", "X-Recallr-Project-Id": "p"}, "", 0),
    ],
)
async def test_old_clients_have_their_own_default(url: str, peer: Peer, headers: dict[str, str], query: str, limit: int) -> None:
    """A caller that authenticates with the old header and asks for no limit gets the one that such clients expect."""
    async with httpx.AsyncClient(base_url=url, headers=headers) as client:
        await client.get(f"/api/v1/users/a/sessions/s/messages{query}")

    assert limit == peer.last.request.limit


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Recallr-Api-Key": "rai_k", "X-Recallr-Project-Id": "p"},
        {"x-api-key": "rai_k", "x-project-id": "p"},
        {"X-Recallr-API-Key": "rai_k", "X-Api-Key": "other", "X-Recallr-Project-Id": "p", "X-Project-Id": "other"},
    ],
)
async def test_credentials_reach_the_service(url: str, peer: Peer, headers: dict[str, str]) -> None:
    """Either pair of headers becomes the same metadata, the newer pair first; the client program is named too."""
    async with httpx.AsyncClient(base_url=url, headers={**headers, "User-Agent": "sdk/1"}) as client:
        await client.get("/api/v1/project")

    metadata = peer.last.metadata
    assert ("rai_k", "p", "sdk/1") == (
        metadata["x-recallr-api-key"],
        metadata["x-recallr-project-id"],
        metadata["x-client-agent"],
    )


async def test_missing_credentials_are_the_services_business(url: str, peer: Peer) -> None:
    """A request without credentials is passed on without any; the service answers it."""
    async with httpx.AsyncClient(base_url=url) as client:
        await client.get("/api/v1/project")

    assert "x-recallr-api-key" not in peer.last.metadata


async def test_header_that_metadata_cannot_carry_is_encoded(url: str, peer: Peer) -> None:
    """A key of other than printable ASCII cannot break the call."""
    async with httpx.AsyncClient(base_url=url) as client:
        await client.get("/api/v1/project", headers={b"X-Recallr-Api-Key": "rai_ü".encode()})

    assert "rai_%C3%BC" == peer.last.metadata["x-recallr-api-key"]


async def test_nested_messages_in_the_body(http: httpx.AsyncClient, peer: Peer) -> None:
    """Messages in a body are read with their own aliases and enum spellings."""
    body = {"messages": [{"content": "Hi", "role": "USER"}, {"message": "Hello", "role": "MESSAGE_ROLE_ASSISTANT"}]}
    await http.post("/api/v1/users/a/sessions/s/messages", json=body)

    expected = [
        {"content": "Hi", "role": "MESSAGE_ROLE_USER"},
        {"content": "Hello", "role": "MESSAGE_ROLE_ASSISTANT"},
    ]
    assert expected == [json_format.MessageToDict(message) for message in peer.last.request.messages]


@pytest.mark.parametrize(
    "body",
    [
        {"answers": {"question_answers": [{"question": "q", "answer": "a", "message": None}]}},
        {"answers": [{"question": "q", "answer": "a"}]},
        {"question_answers": [{"question": "q", "answer": "a"}]},
        {"question_answers": {"question_answers": [{"question": "q", "answer": "a"}]}},
    ],
)
async def test_a_list_may_stand_for_the_message_that_holds_it(http: httpx.AsyncClient, peer: Peer, body: dict[str, Any]) -> None:
    """A message that accepts its list is read from an object and from a bare array, under each of its names."""
    await http.post("/api/v1/users/a/merge-conflicts/c/resolve", json=body)

    (answer,) = peer.calls[-1].request.answers.question_answers
    assert ("q", "a", False) == (answer.question, answer.answer, answer.HasField("message"))


async def test_an_empty_list_is_not_an_absent_one(http: httpx.AsyncClient, peer: Peer) -> None:
    """The message is there when its list came, however empty."""
    await http.post("/api/v1/users/a/merge-conflicts/c/resolve", json={"answers": []})
    await http.post("/api/v1/users/a/merge-conflicts/c/resolve", json={})

    assert [True, False] == [call.request.HasField("answers") for call in peer.calls[-2:]]
