"""Deletions as the Claiv API has them."""

from __future__ import annotations

from mneme.compat.v1 import claiv_deletions_service_pb2 as pb

from service.domain.deletions import DeletedCounts, DeletionReceipt, ForgetFilter
from service.rpc.mapping.values import from_timestamp, to_timestamp


def from_forget(request: pb.ForgetEventsRequest) -> ForgetFilter:
    """Return what is to be forgotten; an empty name is no condition. Raises InvalidRequest for a time out of range."""
    return ForgetFilter(
        thread=request.thread_id or None,
        group=request.project_id or None,
        document_id=request.document_id or None,
        from_time=from_timestamp("from_time", request.from_time) if request.HasField("from_time") else None,
        to_time=from_timestamp("to_time", request.to_time) if request.HasField("to_time") else None,
    )


def to_counts(counts: DeletedCounts) -> pb.ClaivDeletedCounts:
    """Return counts in the words of most generations."""
    return pb.ClaivDeletedCounts(
        chunks=counts.chunks,
        episodes=counts.summaries,
        facts=counts.memory_versions,
        open_loops=counts.conflicts,
        embeddings=counts.points,
    )


def to_counts_v2(counts: DeletedCounts) -> pb.ClaivDeletedCountsV2:
    """Return counts in the words of the second generation."""
    return pb.ClaivDeletedCountsV2(assertions=counts.memory_versions, episodes=counts.summaries, conflicts=counts.conflicts)


def to_receipt(receipt: DeletionReceipt) -> pb.ClaivReceipt:
    """Return a receipt."""
    deletion = receipt.deletion
    wanted = deletion.wanted
    return pb.ClaivReceipt(
        receipt_id=deletion.receipt_id,
        scope=pb.ClaivReceiptScope(
            user_id=deletion.user_id,
            thread_id=wanted.thread,
            project_id=wanted.group,
            document_id=wanted.document_id,
            from_time=None if wanted.from_time is None else to_timestamp(wanted.from_time),
            to_time=None if wanted.to_time is None else to_timestamp(wanted.to_time),
        ),
        requested_at=to_timestamp(deletion.requested_at),
        completed_at=to_timestamp(receipt.completed_at),
        deleted_counts=to_counts(deletion.counts),
    )
