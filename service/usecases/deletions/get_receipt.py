"""Get a deletion receipt."""

from __future__ import annotations

from service.domain.deletions import DeletionReceipt
from service.domain.ids import ProjectId, ReceiptId
from service.domain.ports.deletions import ReceiptStore


class GetReceipt:
    """Returns one receipt."""

    def __init__(self, receipts: ReceiptStore) -> None:
        """Keep the store."""
        self._receipts = receipts

    async def __call__(self, project_id: ProjectId, receipt_id: str) -> DeletionReceipt:
        """Return the receipt. Raises ReceiptNotFound."""
        return await self._receipts.get(project_id, ReceiptId(receipt_id))
