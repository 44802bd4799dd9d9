"""Deletions and their receipts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from mneme.v1 import deletion_pb2
from mneme.v1 import deletions_service_pb2 as pb

from service.domain.deletions import DeletionAction, DeletionReceipt, ForgetFilter
from service.domain.ids import SessionId
from service.rpc.mapping.values import from_timestamp, to_timestamp

ACTIONS: Mapping[DeletionAction, deletion_pb2.DeletionAction.ValueType] = {
    DeletionAction.FORGET: deletion_pb2.DELETION_ACTION_FORGET,
    DeletionAction.DELETE_USER: deletion_pb2.DELETION_ACTION_DELETE_USER,
}


def from_forget(request: pb.ForgetRequest | pb.ReleaseLegalHoldRequest) -> ForgetFilter:
    """Return which messages are meant. Raises InvalidRequest for a time out of range."""
    return ForgetFilter(
        thread=request.thread_id if request.HasField("thread_id") else None,
        session_id=SessionId(request.session_id.lower()) if request.HasField("session_id") else None,
        group=request.group_id if request.HasField("group_id") else None,
        document_id=request.document_id if request.HasField("document_id") else None,
        from_time=from_timestamp("from_time", request.from_time) if request.HasField("from_time") else None,
        to_time=from_timestamp("to_time", request.to_time) if request.HasField("to_time") else None,
    )


def to_receipt(receipt: DeletionReceipt) -> deletion_pb2.DeletionReceipt:
    """Return a receipt."""
    deletion = receipt.deletion
    wanted = deletion.wanted
    return deletion_pb2.DeletionReceipt(
        receipt_id=deletion.receipt_id,
        number=receipt.number,
        action=ACTIONS[deletion.action],
        scope=deletion_pb2.DeletionScope(
            user_id=deletion.user_id,
            thread_id=wanted.thread,
            session_id=wanted.session_id,
            group_id=wanted.group,
            document_id=wanted.document_id,
            from_time=to_timestamp(wanted.from_time) if wanted.from_time is not None else None,
            to_time=to_timestamp(wanted.to_time) if wanted.to_time is not None else None,
        ),
        requested_at=to_timestamp(deletion.requested_at),
        completed_at=to_timestamp(receipt.completed_at),
        deleted_counts=deletion_pb2.DeletedCounts(**asdict(deletion.counts)),
        previous_hash=receipt.previous_hash,
        hash=receipt.hash,
    )
