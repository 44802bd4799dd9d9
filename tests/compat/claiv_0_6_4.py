"""
What an application written for claiv-memory 0.6.4 does. Each `check_` function is one fact, run in a process of its own:
`python claiv_0_6_4.py NAME`, with that version in front of the path.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

from claiv import AsyncClaivClient, ClaivApiError, ClaivClient

from tests.compat.claiv_shared import KEY, TOLD, URL, USER, every_method, has_keys, in_step, until
from tests.compat.raising import raises

client = ClaivClient(api_key=KEY, base_url=URL)
QUERY = "What must the user not eat?"


def check_a_conversation() -> None:
    """What is told in one conversation is known in the next, with its history."""
    in_conversation(client)


def check_a_conversation_asynchronously() -> None:
    """With the same answers."""
    in_conversation(in_step(AsyncClaivClient(api_key=KEY, base_url=URL)))


def in_conversation(by: Any) -> None:
    """Ingest, recall and rate."""
    event = {"user_id": USER, "type": "message", "role": "user", "content": TOLD, "conversation_id": "c-1"}
    event_id = by.ingest(event)["event_id"]
    wanted = {"user_id": USER, "conversation_id": "c-1", "query": QUERY, "limits": {"answer_facts": 12}}
    answer = until(lambda: _answered(by.recall(wanted)))
    has_keys(answer, "answer_facts supporting_facts background_context llm_context working_memory pending_plan routing")
    fact = answer["answer_facts"][0]
    has_keys(fact, "fact_id subject kind predicate object object_text relation_phrase source_text confidence importance")
    has_keys(fact, "created_at temporal_matches document_id document_name")
    assert (fact["subject"], fact["object_text"], fact["source_text"]) == ("user", "peanuts", TOLD)
    context = answer["llm_context"]
    has_keys(context, "reference_time anchor_source conversation_history fact_ids text")
    assert "peanuts" in context["text"]
    assert [(turn["role"], turn["content"]) for turn in context["conversation_history"]] == [("user", TOLD)]
    assert fact["fact_id"] in context["fact_ids"]
    has_keys(answer["working_memory"], "focus pending_confirmation last_plan turn_summary")
    has_keys(answer["routing"], "mode kinds predicates temporal_intent")
    assert answer["pending_plan"] is None
    rated = by.feedback_v6(answer["recall_id"], {"selected_ids": [fact["fact_id"], event_id], "user_rating": 4})
    assert rated == {"recall_id": answer["recall_id"], "facts_recorded": 2}


def check_nothing_is_known_of_a_stranger() -> None:
    """Which is no error, and the text is empty, not null."""
    answer = client.recall({"user_id": USER, "conversation_id": "c-1", "query": QUERY})
    assert (answer["answer_facts"], answer["llm_context"]["text"], answer["llm_context"]["anchor_source"]) == (
        [],
        "",
        "server_now",
    )


def check_forgetting() -> None:
    """By both clients, with a receipt."""
    clients: tuple[Any, Any] = (client, in_step(AsyncClaivClient(api_key=KEY, base_url=URL)))
    for by in clients:
        by.ingest({"user_id": USER, "type": "message", "content": TOLD, "conversation_id": "c-1"})
        until(partial(_fact_of, by))
        forgotten = by.forget({"user_id": USER, "conversation_id": "c-1", "from_time": "2020-01-01T00:00:00Z"})
        assert forgotten["deleted_counts"]["facts"] > 0
        assert by.recall({"user_id": USER, "query": QUERY, "conversation_id": "c-1"})["llm_context"]["text"] == ""
        receipt = by.get_deletion_receipt(forgotten["receipt_id"])
        has_keys(receipt, "receipt_id scope requested_at completed_at deleted_counts")
        has_keys(receipt["scope"], "user_id thread_id conversation_id project_id from_time to_time")
        assert receipt in by.list_deletion_receipts(user_id=USER, limit=5)["receipts"]


def check_a_time_of_reference() -> None:
    """It is taken from the request, else from the conversation."""
    event = {"user_id": USER, "type": "message", "content": TOLD, "conversation_id": "c-1"}
    client.ingest({**event, "event_time": "2024-05-06T08:00:00Z"})
    wanted = {"user_id": USER, "conversation_id": "c-1", "query": QUERY}
    told = client.recall(wanted)["llm_context"]
    assert (told["anchor_source"], told["reference_time"]) == ("conversation_event", "2024-05-06T08:00:00Z")
    asked = client.recall({**wanted, "reference_time": "2024-06-01T00:00:00+02:00"})["llm_context"]
    assert (asked["anchor_source"], asked["reference_time"]) == ("request", "2024-05-31T22:00:00Z")


def check_older_generations() -> None:
    """Their methods are served still, some of them at other paths."""
    client.ingest_v3({"user_id": USER, "type": "message", "content": TOLD})
    client.ingest_v5({"user_id": USER, "type": "message", "content": "I work at Acme.", "event_time": 1_700_000_000})
    client.ingest_v6(
        {"user_id": USER, "type": "tool_call", "role": "tool", "content": "weather('Lisbon')", "conversation_id": "c"}
    )
    answer = until(lambda: _filled(client.recall_v5({"user_id": USER, "query": QUERY, "token_budget": 300})))
    assert "peanuts" in answer["answer"]
    assert client.feedback_v5(answer["recall_id"], {"selected_ids": answer["selected_ids"]})["facts_recorded"] > 0
    assert client.recall_v2({"user_id": USER, "task": QUERY, "token_budget": 300})["memory_blocks"]
    found = client.recall_v3({"user_id": USER, "task": QUERY, "token_budget": 300})
    assert client.feedback_v3(found["recall_id"], {"fact_ids_used": found["citations"]})["facts_recorded"] > 0
    assert client.recall_v6({"user_id": USER, "query": QUERY, "conversation_id": "c"})["llm_context"]["text"]


def check_documents() -> None:
    """A document can be recalled when its upload is answered, alone and in a collection."""
    with_documents(client)


def check_documents_asynchronously() -> None:
    """With the same answers."""
    with_documents(in_step(AsyncClaivClient(api_key=KEY, base_url=URL)))


def with_documents(by: Any) -> None:
    """Upload, recall, collect, take apart."""
    manual, shelf = f"manual-{USER}", f"shelf-{USER}"
    text = "# Manual\n\n## Installation\n\nPlug the Zorbler in.\n\n## Care\n\nWash it with vinegar."
    new = {"user_id": USER, "project_id": "p", "document_id": manual, "document_name": "Zorbler manual", "content": text}
    row = by.create_collection({"user_id": USER, "project_id": "p", "name": "Manuals", "collection_id": shelf})["collection"]
    has_keys(row, "collection_id tenant_id user_id project_id name ordered created_at document_count")
    stored = by.upload_document({**new, "collection_id": shelf, "position": 3})
    has_keys(stored, "document_id document_name project_id collection_id sections spans_created status chunks_ingested chunk_ids")
    assert ("processing", 2, 2) == (stored["status"], stored["spans_created"], len(stored["chunk_ids"]))
    assert ["Manual", "Installation", "Care"] == [section["title"] for section in stored["sections"]]
    wanted = {"user_id": USER, "conversation_id": "c", "project_id": "p", "limits": {"document_chunks": 1}}
    for query, where in (("vinegar", {}), ("the care section", {"document_id": manual}), ("vinegar", {"collection_id": shelf})):
        told = by.recall({**wanted, **where, "query": query})["llm_context"]["text"]
        assert "Zorbler manual, Care: Wash it with vinegar." in told, told
        assert "Plug" not in told, told
    listed = by.list_documents(user_id=USER, project_id="p", collection_id=shelf)
    (document,) = listed["documents"]
    has_keys(document, "document_id document_name project_id user_id byte_size created_at collection_ids document_status")
    assert (1, 20, 0, [shelf]) == (listed["total"], listed["limit"], listed["offset"], document["collection_ids"])
    assert {"status": "ready", "spans_created": 2, "error_message": None} == document["document_status"]
    error = raises(ClaivApiError, by.upload_document, {**new, "user_id": f"{USER}-other"})
    assert (error.status, error.code) == (409, "conflict")
    (member,) = by.get_collection(shelf, user_id=USER)["documents"]
    assert (manual, "Zorbler manual", 3) == (member["document_id"], member["document_name"], member["position"])
    removed = by.remove_document_from_collection(shelf, manual)
    assert {"removed": True, "collection_id": shelf, "document_id": manual} == removed
    assert by.add_document_to_collection(shelf, {"user_id": USER, "document_id": manual})["added"] is True
    assert [1] == [one["document_count"] for one in by.list_collections(user_id=USER)["collections"]]
    assert {"deleted": True, "collection_id": shelf} == by.delete_collection(shelf, user_id=USER)
    assert {"deleted": True, "document_id": manual} == by.delete_document(manual)
    assert 404 == raises(ClaivApiError, by.delete_document, manual).status
    assert [] == by.list_documents(user_id=USER)["documents"]


def check_an_upload_of_the_first_generation() -> None:
    """Its body names sizes and a scope, and its answer the chunks."""
    stored = client.upload_document(
        {
            "user_id": USER,
            "content": "word " * 200,
            "document_name": "notes",
            "conversation_id": "c",
            "scope": "conversation",
            "chunk_size": 200,
            "chunk_overlap": 0,
        }
    )
    assert 5 == stored["chunks_ingested"] == len(set(stored["chunk_ids"]))
    told = [client.recall({"user_id": USER, "conversation_id": where, "query": "word"}) for where in ("c", "d")]
    assert [True, False] == ["notes" in answer["llm_context"]["text"] for answer in told]
    client.delete_document(stored["document_id"])


def check_errors_are_read() -> None:
    """Also of a route that a newer server has and this one has not."""
    error = raises(ClaivApiError, client.ingest, {"user_id": USER, "type": "message"})
    assert (error.status, error.code, [each["field"] for each in error.details]) == (400, "invalid_request", ["content"])
    error = raises(ClaivApiError, client._post, "/v6/nothing", {})
    assert (error.status, error.code) == (404, "not_found")


def check_every_method_answers() -> None:
    """Of both clients."""
    every_method(client, ClaivClient)
    every_method(in_step(AsyncClaivClient(api_key=KEY, base_url=URL)), AsyncClaivClient)


def check_health() -> None:
    """Without a key in the request."""
    assert client.health_check()["ok"] is True


def _fact_of(by: Any) -> Any:
    return _answered(by.recall({"user_id": USER, "query": QUERY, "conversation_id": "c-1"}))


def _answered(answer: Any) -> Any:
    return answer if answer["answer_facts"] else None


def _filled(answer: Any) -> Any:
    return answer if answer["memory_blocks"] else None


if __name__ == "__main__":
    globals()[sys.argv[1]]()
