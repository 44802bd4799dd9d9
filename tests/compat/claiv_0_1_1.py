"""
What an application written for claiv-memory 0.1.1 does. Each `check_` function is one fact, run in a process of its own:
`python claiv_0_1_1.py NAME`, with that version in front of the path.
"""

from __future__ import annotations

import sys
from typing import Any

from claiv import AsyncClaivClient, ClaivApiError, ClaivClient

from tests.compat.claiv_shared import KEY, TOLD, URL, USER, every_method, has_keys, in_step, until
from tests.compat.raising import raises

client = ClaivClient(api_key=KEY, base_url=URL)


def told(by: Any) -> str:
    """Ingest what the user says, and return the id of the event."""
    answer = by.ingest({"user_id": USER, "type": "message", "role": "user", "content": TOLD, "thread_id": "t-1"})
    assert answer["deduped"] is False
    return str(answer["event_id"])


def facts(by: Any, **more: Any) -> Any:
    """Return the answer of a recall once it has facts."""
    request = {"user_id": USER, "task": "What must the user not eat?", "token_budget": 500, **more}
    return until(lambda: _with_fact(by.recall(request)))


def _with_fact(answer: Any) -> Any:
    return answer if any(block["type"] == "fact" for block in answer["memory_blocks"]) else None


def check_what_is_ingested_is_recalled() -> None:
    """The blocks cite the event, and the context fits the budget."""
    event_id = told(client)
    answer = facts(client)
    has_keys(answer, "system_context memory_blocks citations token_estimate")
    for block in answer["memory_blocks"]:
        has_keys(block, "type content score source_ids")
        assert set(block["source_ids"]) <= set(answer["citations"])
    assert answer["citations"] == [event_id]
    assert "peanuts" in answer["system_context"]
    assert 0 < answer["token_estimate"] <= 500


def check_the_asynchronous_client_does_the_same() -> None:
    """With the same answers."""
    other = in_step(AsyncClaivClient(api_key=KEY, base_url=URL))
    event_id = told(other)
    assert facts(other)["citations"] == [event_id]
    assert other.health_check()["ok"] is True


def check_a_thread_keeps_to_itself() -> None:
    """With a thread nothing of another comes back; the scope is any object."""
    told(client)
    facts(client, thread_id="t-1", scope={"project": "claiv"}, min_confidence=0.1)
    elsewhere = {"user_id": USER, "task": "What must the user not eat?", "token_budget": 500, "thread_id": "t-2"}
    assert client.recall(elsewhere) == {"system_context": "", "memory_blocks": [], "citations": [], "token_estimate": 0}


def check_an_idempotency_key_stores_once() -> None:
    """The repeat gets the first event, whatever it says."""
    request = {"user_id": USER, "type": "app_event", "content": "Signed up", "idempotency_key": USER}
    first = client.ingest(request)
    again = client.ingest({**request, "content": "Signed up again"})
    assert (again["event_id"], first["deduped"], again["deduped"]) == (first["event_id"], False, True)


def check_what_is_forgotten_is_gone() -> None:
    """A receipt says how much; what is told again after that is new."""
    event_id = told(client)
    facts(client)
    forgotten = client.forget({"user_id": USER, "thread_id": "t-1"})
    has_keys(forgotten["deleted_counts"], "events chunks episodes facts claims open_loops embeddings")
    assert forgotten["deleted_counts"]["facts"] > 0
    assert client.recall({"user_id": USER, "task": "What must the user not eat?", "token_budget": 500})["memory_blocks"] == []
    listed = client.list_deletion_receipts(user_id=USER)
    assert (listed["total"], listed["limit"], listed["offset"]) == (1, 20, 0)
    receipt = client.get_deletion_receipt(forgotten["receipt_id"])
    assert listed["receipts"] == [receipt]
    assert (receipt["scope"]["user_id"], receipt["scope"]["thread_id"]) == (USER, "t-1")
    assert receipt["deleted_counts"] == forgotten["deleted_counts"]
    assert told(client) != event_id


def check_an_unknown_receipt() -> None:
    """It is not found, and a stranger has nothing to forget."""
    error = raises(ClaivApiError, client.get_deletion_receipt, "rcpt_nothing")
    assert (error.status, error.code) == (404, "not_found")
    assert set(client.forget({"user_id": USER})["deleted_counts"].values()) == {0}


def check_errors_are_read() -> None:
    """Status, code, details and request id are where the library looks."""
    error = raises(ClaivApiError, client.recall, {"user_id": USER, "task": "x", "token_budget": 100})
    assert (error.status, error.code, error.details[0]["field"]) == (422, "unprocessable", "token_budget")
    error = raises(ClaivApiError, client.ingest, {"user_id": USER, "type": "note", "content": "x"})
    assert (error.status, error.code, bool(error.request_id)) == (400, "invalid_request", True)
    stranger = ClaivClient(api_key="wrong", base_url=URL)
    error = raises(ClaivApiError, stranger.recall, {"user_id": USER, "task": "x", "token_budget": 500})
    assert (error.status, error.code) == (401, "unauthorized")


def check_every_method_answers() -> None:
    """Of both clients."""
    every_method(client, ClaivClient)
    every_method(in_step(AsyncClaivClient(api_key=KEY, base_url=URL)), AsyncClaivClient)


def check_health() -> None:
    """Without a key in the request."""
    assert client.health_check()["ok"] is True


if __name__ == "__main__":
    globals()[sys.argv[1]]()
