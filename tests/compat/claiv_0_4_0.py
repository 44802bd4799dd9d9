"""
What an application written for claiv-memory 0.4.0 does beside what older ones do. Each `check_` function is one fact, run in a
process of its own: `python claiv_0_4_0.py NAME`, with that version in front of the path.
"""

from __future__ import annotations

import sys
from typing import Any

from claiv import AsyncClaivClient, ClaivApiError, ClaivClient

from tests.compat.claiv_shared import KEY, TOLD, URL, USER, every_method, has_keys, in_step, until
from tests.compat.raising import raises

client = ClaivClient(api_key=KEY, base_url=URL)
QUERY = "What must the user not eat?"


def check_v1() -> None:
    """The first generation is served as before."""
    client.ingest({"user_id": USER, "type": "message", "content": TOLD})
    answer = until(lambda: _filled(client.recall({"user_id": USER, "task": QUERY, "token_budget": 400})))
    assert "peanuts" in answer["system_context"]


def check_v2() -> None:
    """Blocks come with their evidence."""
    event_id = client.ingest({"user_id": USER, "type": "message", "content": TOLD})["event_id"]
    answer = until(lambda: _filled(client.recall_v2({"user_id": USER, "task": QUERY, "token_budget": 400})))
    has_keys(answer, "system_context memory_blocks citations token_estimate")
    (block, *_) = answer["memory_blocks"]
    has_keys(block, "type content score source_ids evidence")
    assert block["type"] in {"assertion", "episode", "conflict"}
    assert block["evidence"][0] == {"event_id": event_id, "quote": TOLD}


def check_v3() -> None:
    """A recall has an id that feedback is sent to."""
    request = {"user_id": USER, "type": "message", "content": TOLD, "retention_policy": "standard"}
    event_id = client.ingest_v3(request)["event_id"]
    wanted = {"user_id": USER, "task": QUERY, "token_budget": 400, "entity_resolution": "merged"}
    answer = until(lambda: _read(client.recall_v3(wanted)))
    has_keys(answer, "recall_id as_of system_context memory_blocks citations token_estimate ingestion_lag_seconds")
    assert {block["type"] for block in answer["memory_blocks"]} <= {"fact", "change", "episode", "conflict", "raw_message"}
    used = client.feedback_v3(answer["recall_id"], {"fact_ids_used": [event_id, "unknown"]})
    assert used == {"recall_id": answer["recall_id"], "facts_recorded": 1}


def check_v5() -> None:
    """Facts have subject, relation, object and evidence."""
    by_client(client)


def check_v5_asynchronously() -> None:
    """With the same answers."""
    by_client(in_step(AsyncClaivClient(api_key=KEY, base_url=URL)))


def by_client(by: Any) -> None:
    """Ingest, recall and rate with the fifth generation."""
    told = {"user_id": USER, "type": "message", "content": TOLD, "event_time": 1_700_000_000, "thread_id": "t"}
    event_id = by.ingest_v5(told)["event_id"]
    wanted = {"user_id": USER, "query": QUERY, "include_history": True, "include_cold": True, "raw_facts": True}
    answer = until(lambda: _filled(by.recall_v5(wanted)))
    has_keys(answer, "recall_id answer selected_ids memory_blocks token_estimate as_of")
    (block, *_) = [block for block in answer["memory_blocks"] if "peanuts" in block["content"]]
    has_keys(block, "fact_id subject relation object object_category memory_type importance_score tier content evidence")
    assert (block["subject"], block["evidence"][0]["event_id"]) == ("user", event_id)
    rated = by.feedback_v5(answer["recall_id"], {"selected_ids": [block["fact_id"]], "user_rating": 5})
    assert rated["facts_recorded"] == 1


def check_forgetting() -> None:
    """Each generation counts in its own words, and what is held for legal reasons stays."""
    client.ingest_v3({"user_id": USER, "type": "message", "content": TOLD, "thread_id": "a"})
    client.ingest_v3({"user_id": USER, "type": "message", "content": TOLD, "thread_id": "b", "retention_policy": "legal_hold"})
    counted = client.forget_v2({"user_id": USER, "thread_id": "a"})
    has_keys(counted["deleted_counts"], "events assertions episodes entities conflicts extraction_failures")
    error = raises(ClaivApiError, client.forget_v3, {"user_id": USER})
    assert (error.status, error.code) == (409, "legal_hold")
    forgotten = client.forget_v3({"user_id": USER, "thread_id": "a", "immediate": True})
    has_keys(forgotten, "receipt_id audit_id phase events_tombstoned")
    assert (forgotten["phase"], "grace_expires_at" in forgotten) == ("purged", False)
    assert client.forget_v3({"user_id": USER, "to_time": "2020-01-01T00:00:00Z"})["phase"] == "tombstoned"


def check_every_method_answers() -> None:
    """Of both clients."""
    every_method(client, ClaivClient)
    every_method(in_step(AsyncClaivClient(api_key=KEY, base_url=URL)), AsyncClaivClient)


def check_an_unknown_recall() -> None:
    """It is not found."""
    error = raises(ClaivApiError, client.feedback_v5, "nothing", {"selected_ids": []})
    assert (error.status, error.code) == (404, "not_found")


def _filled(answer: Any) -> Any:
    return answer if answer["memory_blocks"] else None


def _read(answer: Any) -> Any:
    return answer if any(block["type"] == "fact" for block in answer["memory_blocks"]) else None


if __name__ == "__main__":
    globals()[sys.argv[1]]()
