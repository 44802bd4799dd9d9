"""ClaivDeletionsService."""

from __future__ import annotations

from datetime import timedelta

from mneme.compat.v1 import claiv_deletions_service_pb2 as pb
from mneme.compat.v1.claiv_deletions_service_pb2_grpc import ClaivDeletionsServiceServicer

from service.domain.deletions import DeletionReceipt
from service.domain.ids import UserId
from service.rpc.deletions import DeletionCalls
from service.rpc.mapping.claiv_deletions import from_forget, to_counts, to_counts_v2, to_receipt
from service.rpc.mapping.values import from_page, to_timestamp
from service.rpc.principal import current_project

_PAGE = 20
_GRACE = timedelta(days=30)


class ClaivDeletionsServicer(ClaivDeletionsServiceServicer):
    """Decodes, calls, encodes."""

    def __init__(self, calls: DeletionCalls) -> None:
        """Keep the use cases."""
        self._calls = calls

    async def ForgetEvents(self, request: pb.ForgetEventsRequest, _context: object) -> pb.ForgetEventsResponse:
        """Forget events."""
        receipt = await self._forget(request)
        counts = to_counts(receipt.deletion.counts)
        return pb.ForgetEventsResponse(receipt_id=receipt.deletion.receipt_id, deleted_counts=counts)

    async def ForgetEventsV2(self, request: pb.ForgetEventsV2Request, _context: object) -> pb.ForgetEventsV2Response:
        """Forget events, and count in other words."""
        receipt = await self._forget(request.wanted)
        counts = to_counts_v2(receipt.deletion.counts)
        return pb.ForgetEventsV2Response(receipt_id=receipt.deletion.receipt_id, deleted_counts=counts)

    async def ForgetEventsV3(self, request: pb.ForgetEventsV3Request, _context: object) -> pb.ForgetEventsV3Response:
        """Forget events, and tell the phase."""
        receipt = await self._forget(request.wanted)
        grace = None if request.immediate else to_timestamp(receipt.deletion.requested_at + _GRACE)
        return pb.ForgetEventsV3Response(
            receipt_id=receipt.deletion.receipt_id,
            audit_id=receipt.hash,
            phase="purged" if request.immediate else "tombstoned",
            events_tombstoned=receipt.deletion.counts.messages_forgotten,
            grace_expires_at=grace,
        )

    async def ListReceipts(self, request: pb.ListReceiptsRequest, _context: object) -> pb.ListReceiptsResponse:
        """Return one page of receipts."""
        wanted = from_page(request, default=_PAGE)
        user_id = UserId(request.user_id) if request.HasField("user_id") else None
        page = await self._calls.list_receipts(current_project(), wanted, user_id=user_id)
        receipts = map(to_receipt, page.items)
        return pb.ListReceiptsResponse(receipts=receipts, total=page.total, limit=wanted.limit, offset=wanted.offset)

    async def GetReceipt(self, request: pb.GetReceiptRequest, _context: object) -> pb.GetReceiptResponse:
        """Return one receipt."""
        return pb.GetReceiptResponse(receipt=to_receipt(await self._calls.get_receipt(current_project(), request.receipt_id)))

    async def _forget(self, request: pb.ForgetEventsRequest) -> DeletionReceipt:
        return await self._calls.forget(current_project(), UserId(request.user_id), from_forget(request))
