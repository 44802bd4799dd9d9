"""Forget."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import partial
from uuid import uuid4

from service.domain.deletions import DeletedCounts, Deletion, DeletionAction, DeletionReceipt, ForgetFilter, Forgetting
from service.domain.errors import UserNotFound
from service.domain.ids import ProjectId, ReceiptId, Scope, UserId
from service.domain.ports.deletions import DocumentEraser, ForgetStore, ReceiptStore
from service.domain.ports.models import Clock
from service.domain.ports.stores import UserStore
from service.usecases.deletions.holds import Holds
from service.usecases.deletions.plan import ForgetPlanner
from service.usecases.indexing.sync import SyncIndex
from service.usecases.retries import until_current


class Forget:
    """
    Removes all that was made of a user's messages, keeps the messages as forgotten ones, and leaves a receipt.

    In the truth it is decided for in one step. The index follows before the answer; while it cannot, the call fails with
    StorageUnavailable, although nothing of what was forgotten is shown any more, and workers complete the receipt when the index
    is back.
    """

    def __init__(
        self,
        *,
        users: UserStore,
        forgets: ForgetStore,
        receipts: ReceiptStore,
        planner: ForgetPlanner,
        holds: Holds,
        sync: SyncIndex,
        clock: Clock,
        documents: DocumentEraser | None = None,
    ) -> None:
        """Keep the ports, the planner, what finds holds, what syncs the index, and what erases documents, if anything does."""
        self._users = users
        self._forgets = forgets
        self._receipts = receipts
        self._planner = planner
        self._holds = holds
        self._sync = sync
        self._clock = clock
        self._documents = documents

    async def __call__(
        self, project_id: ProjectId, user_id: UserId, wanted: ForgetFilter, *, idempotency_key: str | None = None
    ) -> DeletionReceipt:
        """
        Forget what *wanted* covers and return the receipt; of a user that is not there a receipt of nothing.

        Raises InvalidRequest, IdempotencyKeyReused, LegalHold, ConcurrentChange when other writers kept winning,
        StorageUnavailable.
        """
        wanted.check()
        now = self._clock.now()
        try:
            scope = (await self._users.get(project_id, user_id)).scope
        except UserNotFound:
            return await self._receipts.append(_deletion(project_id, user_id, wanted, now))
        receipt_id = await self._forgets.answered(scope, user_id, wanted, idempotency_key) if idempotency_key else None
        if receipt_id is None:
            # before any document goes: what is held keeps everything as it is
            await self._holds.refuse(scope, wanted)
            deletion = _deletion(project_id, user_id, wanted, now)
            receipt_id = await until_current(partial(self._forget, scope, deletion, idempotency_key))
        await self._sync.catch_up(scope)
        return await self._forgets.complete(scope, receipt_id)

    async def _forget(self, scope: Scope, deletion: Deletion, idempotency_key: str | None) -> ReceiptId:
        return await self._forgets.apply(scope, await self._plan(scope, deletion), idempotency_key=idempotency_key)

    async def _plan(self, scope: Scope, deletion: Deletion) -> Forgetting:
        """Erase the documents that are covered, and return what is left to do."""
        erased = await self._documents(scope, deletion.wanted) if self._documents is not None else {}
        counted = replace(deletion, counts=DeletedCounts(chunks=sum(erased.values())))
        return replace(await self._planner(scope, counted), erased=tuple(erased))


def _deletion(project_id: ProjectId, user_id: UserId, wanted: ForgetFilter, now: datetime) -> Deletion:
    return Deletion(
        receipt_id=ReceiptId(str(uuid4())),
        project_id=project_id,
        action=DeletionAction.FORGET,
        user_id=user_id,
        wanted=wanted,
        requested_at=now,
        counts=DeletedCounts(),
    )
