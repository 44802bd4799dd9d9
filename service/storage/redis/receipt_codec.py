"""How deletions and their receipts are written: a receipt as the JSON that its hash is made of, with the hash."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson

from service.domain.deletions import (
    DeletedCounts,
    Deletion,
    DeletionAction,
    DeletionReceipt,
    ForgetFilter,
    canonical,
    sealed,
)
from service.domain.ids import ProjectId, ReceiptId, SessionId, UserId
from service.storage.redis.codec import dump


def write_receipt(receipt: DeletionReceipt) -> str:
    """Return a receipt as JSON."""
    return dump({**orjson.loads(canonical(receipt)), "hash": receipt.hash})


def read_receipt(text: str) -> DeletionReceipt:
    """Return the receipt of a JSON text as it is, whether its hash is right or not."""
    fields = orjson.loads(text)
    return DeletionReceipt(
        number=fields["number"],
        deletion=_deletion(fields),
        completed_at=datetime.fromisoformat(fields["completed_at"]),
        previous_hash=fields["previous_hash"],
        hash=fields["hash"],
    )


def write_deletion(deletion: Deletion) -> str:
    """Return a deletion as JSON: what its receipt will hold and is known already."""
    unsealed = sealed(deletion, number=0, completed_at=deletion.requested_at, previous_hash="")
    fields: dict[str, Any] = orjson.loads(canonical(unsealed))
    return dump({name: value for name, value in fields.items() if name not in {"number", "completed_at", "previous_hash"}})


def read_deletion(text: str) -> Deletion:
    """Return the deletion of a JSON text."""
    return _deletion(orjson.loads(text))


def _deletion(fields: dict[str, Any]) -> Deletion:
    scope = fields["scope"]
    return Deletion(
        receipt_id=ReceiptId(fields["receipt_id"]),
        project_id=ProjectId(fields["project_id"]),
        action=DeletionAction(fields["action"]),
        user_id=UserId(scope["user_id"]),
        wanted=ForgetFilter(
            thread=scope["thread_id"],
            session_id=None if scope["session_id"] is None else SessionId(scope["session_id"]),
            group=scope["group_id"],
            document_id=scope["document_id"],
            from_time=_time(scope["from_time"]),
            to_time=_time(scope["to_time"]),
        ),
        requested_at=datetime.fromisoformat(fields["requested_at"]),
        counts=DeletedCounts(**fields["deleted_counts"]),
    )


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
