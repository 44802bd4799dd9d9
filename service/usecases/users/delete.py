"""Delete a user."""

from __future__ import annotations

from contextlib import suppress
from uuid import uuid4

from service.domain.deletions import DeletedCounts, Deletion, DeletionAction, ForgetFilter
from service.domain.errors import ReceiptNotFound, StorageUnavailable
from service.domain.ids import ProjectId, ReceiptId, UserId
from service.domain.ports.deletions import ForgetStore
from service.domain.ports.models import Clock
from service.domain.ports.stores import UserStore
from service.usecases.indexing.sync import SyncIndex


class DeleteUser:
    """Removes a user with every session, message, memory and index entry, and leaves a receipt."""

    def __init__(self, users: UserStore, forgets: ForgetStore, sync: SyncIndex, clock: Clock) -> None:
        """Keep the stores, what brings the index up to date, and the clock."""
        self._users = users
        self._forgets = forgets
        self._sync = sync
        self._clock = clock

    async def __call__(self, project_id: ProjectId, user_id: UserId) -> None:
        """
        Remove the user; nothing of it is shown any more, also where the index cannot follow yet. Raises UserNotFound, LegalHold.
        """
        scope = (await self._users.get(project_id, user_id)).scope
        deletion = Deletion(
            receipt_id=ReceiptId(str(uuid4())),
            project_id=project_id,
            action=DeletionAction.DELETE_USER,
            user_id=user_id,
            wanted=ForgetFilter(),
            requested_at=self._clock.now(),
            counts=DeletedCounts(),
        )
        await self._users.delete(project_id, user_id, deletion=deletion)
        # the user is deleted; the workers see to what is left, and to the receipt after it
        with suppress(StorageUnavailable, ReceiptNotFound):
            await self._sync.catch_up(scope)
            await self._forgets.complete(scope, deletion.receipt_id)
