"""List deletion receipts."""

from __future__ import annotations

from service.domain.deletions import DeletionReceipt
from service.domain.ids import ProjectId, UserId
from service.domain.ports.deletions import ReceiptStore
from service.domain.values import Page, PageRequest


class ListReceipts:
    """Pages through the receipts of a project."""

    def __init__(self, receipts: ReceiptStore) -> None:
        """Keep the store."""
        self._receipts = receipts

    async def __call__(self, project_id: ProjectId, page: PageRequest, *, user_id: UserId | None = None) -> Page[DeletionReceipt]:
        """Return one page of receipts, newest first, with *user_id* those about this user, who need not exist any more."""
        return await self._receipts.list(project_id, page, user_id=user_id)
