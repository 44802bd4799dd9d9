"""DeletionsService."""

from __future__ import annotations

from dataclasses import dataclass

from mneme.v1 import deletions_service_pb2 as pb
from mneme.v1.deletions_service_pb2_grpc import DeletionsServiceServicer

from service.domain.ids import UserId
from service.rpc.mapping.deletions import from_forget, to_receipt
from service.rpc.mapping.values import from_page
from service.rpc.principal import current_project
from service.usecases.deletions.forget import Forget
from service.usecases.deletions.get_receipt import GetReceipt
from service.usecases.deletions.list_receipts import ListReceipts
from service.usecases.deletions.release_hold import ReleaseHold
from service.usecases.deletions.verify_receipts import VerifyReceipts

_PAGE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionCalls:
    """The use cases behind DeletionsService, and the one behind `mneme receipts verify`."""

    forget: Forget
    list_receipts: ListReceipts
    get_receipt: GetReceipt
    verify_receipts: VerifyReceipts
    release_hold: ReleaseHold


class DeletionsServicer(DeletionsServiceServicer):
    """Decodes, calls, encodes."""

    def __init__(self, calls: DeletionCalls) -> None:
        """Keep the use cases."""
        self._calls = calls

    async def Forget(self, request: pb.ForgetRequest, _context: object) -> pb.ForgetResponse:
        """Forget messages and all that was made of them."""
        receipt = await self._calls.forget(
            current_project(),
            UserId(request.user_id),
            from_forget(request),
            idempotency_key=request.idempotency_key or None,
        )
        return pb.ForgetResponse(receipt=to_receipt(receipt))

    async def ReleaseLegalHold(self, request: pb.ReleaseLegalHoldRequest, _context: object) -> pb.ReleaseLegalHoldResponse:
        """End the legal hold of messages."""
        released = await self._calls.release_hold(current_project(), UserId(request.user_id), from_forget(request))
        return pb.ReleaseLegalHoldResponse(messages_released=released)

    async def ListDeletionReceipts(
        self, request: pb.ListDeletionReceiptsRequest, _context: object
    ) -> pb.ListDeletionReceiptsResponse:
        """Return one page of receipts."""
        page = await self._calls.list_receipts(
            current_project(),
            from_page(request, default=_PAGE),
            user_id=UserId(request.user_id) if request.HasField("user_id") else None,
        )
        receipts = map(to_receipt, page.items)
        return pb.ListDeletionReceiptsResponse(receipts=receipts, total=page.total, has_more=page.has_more)

    async def GetDeletionReceipt(self, request: pb.GetDeletionReceiptRequest, _context: object) -> pb.GetDeletionReceiptResponse:
        """Return one receipt."""
        receipt = await self._calls.get_receipt(current_project(), request.receipt_id)
        return pb.GetDeletionReceiptResponse(receipt=to_receipt(receipt))
