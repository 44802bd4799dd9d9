"""What the applications of all versions of claiv-memory share."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

URL, KEY = os.environ["MNEME_URL"], os.environ["MNEME_API_KEY"]
USER = f"claiv-{uuid4()}"
TOLD = "I live in Lisbon and I am allergic to peanuts."


def until(call: Callable[[], Any], *, seconds: float = 60) -> Any:
    """Return the first true answer of *call*: memories are made within seconds, not at once."""
    end = time.monotonic() + seconds
    while not (answer := call()):
        assert time.monotonic() < end, "nothing came of what was ingested"
        time.sleep(0.1)
    return answer


def in_step(client: Any) -> Any:
    """Return an asynchronous *client* as one whose methods return their answers."""
    runner = asyncio.Runner()

    class InStep:
        def __getattr__(self, name: str) -> Callable[..., Any]:
            return lambda *arguments, **named: runner.run(getattr(client, name)(*arguments, **named))

    return InStep()


def has_keys(value: dict[str, Any], names: str) -> None:
    """Fail when one of the names, which are separated by blanks, is no key of *value*."""
    assert not (missing := [name for name in names.split() if name not in value]), missing


def every_method(by: Any, kind: type) -> None:
    """Call each public method of a client of class *kind*, *by* its instance. Fails for a method that is not known here."""
    event = {"user_id": USER, "type": "message", "content": TOLD, "conversation_id": "every", "thread_id": "every"}
    asked = {"user_id": USER, "task": "food", "query": "food", "token_budget": 300, "conversation_id": "every"}
    shelf = {"user_id": USER, "project_id": "p", "name": "Shelf", "collection_id": f"every-{USER}"}
    text = {"user_id": USER, "project_id": "p", "document_id": f"every-{USER}", "document_name": "Note", "content": TOLD}
    of, document = shelf["collection_id"], text["document_id"]
    answers: dict[str, Any] = {}

    def recalled(name: str) -> str:
        return str(answers[name]["recall_id"])

    known: dict[str, Callable[[], Any]] = {
        "health_check": partial(_call, by, "health_check"),
        **{name: partial(_call, by, name, event) for name in ("ingest", "ingest_v3", "ingest_v5", "ingest_v6")},
        **{name: partial(_call, by, name, asked) for name in ("recall", "recall_v2", "recall_v3", "recall_v5", "recall_v6")},
        "feedback_v3": lambda: by.feedback_v3(recalled("recall_v3"), {"fact_ids_used": []}),
        "feedback_v5": lambda: by.feedback_v5(recalled("recall_v5"), {"selected_ids": []}),
        "feedback_v6": lambda: by.feedback_v6(recalled("recall_v6"), {"selected_ids": [], "user_rating": 5}),
        "upload_document": lambda: by.upload_document(text),
        "list_documents": lambda: by.list_documents(user_id=USER),
        "create_collection": lambda: by.create_collection(shelf),
        "list_collections": lambda: by.list_collections(user_id=USER),
        "add_document_to_collection": lambda: by.add_document_to_collection(of, {"user_id": USER, "document_id": document}),
        "get_collection": lambda: by.get_collection(of, user_id=USER),
        "remove_document_from_collection": lambda: by.remove_document_from_collection(of, document),
        "delete_collection": lambda: by.delete_collection(of, user_id=USER),
        "delete_document": lambda: by.delete_document(document),
        **{name: partial(_call, by, name, {"user_id": USER}) for name in ("forget", "forget_v2", "forget_v3")},
        "list_deletion_receipts": lambda: by.list_deletion_receipts(user_id=USER),
        "get_deletion_receipt": lambda: by.get_deletion_receipt(answers["forget"]["receipt_id"]),
        **{name: partial(_call, by, name) for name in ("get_usage_summary", "get_usage_breakdown", "get_usage_limits")},
    }
    public = {name for name in dir(kind) if not name.startswith("_") and callable(getattr(kind, name))} - {"close"}
    assert not (public - known.keys()), public - known.keys()
    for name in [name for name in known if name in public]:
        answers[name] = known[name]()
    has_keys(answers["get_usage_summary"], "range start_date end_date totals daily")
    has_keys(
        answers["get_usage_summary"]["totals"], "requests ingest_requests recall_requests forget_requests ingest_events tokens"
    )
    has_keys(answers["get_usage_breakdown"], "range start_date end_date endpoints")
    has_keys(answers["get_usage_limits"], "plan billing_cycle_day reset_date is_within_quota limits")
    assert answers["list_deletion_receipts"]["total"] >= 1


def _call(by: Any, name: str, *request: dict[str, Any]) -> Any:
    return getattr(by, name)(*request)
