"""Forgetting, and the receipts of deletions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from service.domain.deletions import Deletion, DeletionReceipt, ForgetFilter, Forgetting
from service.domain.ids import ProjectId, ReceiptId, Scope, UploadId, UserId
from service.domain.values import Page, PageRequest


class ForgetStore(Protocol):
    """Makes a user's messages forgotten."""

    async def answered(self, scope: Scope, user_id: UserId, wanted: ForgetFilter, idempotency_key: str) -> ReceiptId | None:
        """Return the receipt's id of the request that came with this key before, None for none. Raises IdempotencyKeyReused."""
        ...

    async def apply(self, scope: Scope, forgetting: Forgetting, *, idempotency_key: str | None = None) -> ReceiptId:
        """
        Do all of a *forgetting*, queue index entries, and note that its receipt is to follow. Whatever breaks off, all of it is
        done or nothing.

        Return the id of the receipt: that of the first request when the key came before. Raises IdempotencyKeyReused;
        ConcurrentChange when the memories or a session moved on.
        """
        ...

    async def complete(self, scope: Scope, receipt_id: ReceiptId) -> DeletionReceipt:
        """
        Give the deletion its place among the project's receipts, now that the index has followed, and return the receipt. Can be
        repeated. Raises ReceiptNotFound.
        """
        ...


class ReceiptStore(Protocol):
    """The receipts of a project, a chain that only grows."""

    async def append(self, deletion: Deletion) -> DeletionReceipt:
        """Add the receipt of a deletion that is done everywhere, once however often it is called, and return it."""
        ...

    async def get(self, project_id: ProjectId, receipt_id: ReceiptId) -> DeletionReceipt:
        """Return the receipt. Raises ReceiptNotFound."""
        ...

    async def list(self, project_id: ProjectId, page: PageRequest, *, user_id: UserId | None = None) -> Page[DeletionReceipt]:
        """Return one page of receipts, newest first; with *user_id* those about this user alone."""
        ...

    async def oldest_first(self, project_id: ProjectId, page: PageRequest) -> Sequence[DeletionReceipt]:
        """Return a part of the chain as it is stored, unchecked."""
        ...

    async def head(self, project_id: ProjectId) -> tuple[int, str]:
        """Return how many receipts there should be and the hash of the last, kept apart from the receipts."""
        ...


class DocumentEraser(Protocol):
    """Removes what a user's documents were made into, when it is asked to forget."""

    async def __call__(self, scope: Scope, wanted: ForgetFilter) -> Mapping[UploadId, int]:
        """
        Remove the chunks that *wanted* covers, in the truth and in the index, and return how many went of each upload, those also
        that went when the forgetting broke off before. Can be repeated.
        """
        ...
