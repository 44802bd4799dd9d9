"""Making messages forgotten, and what follows in other slots: the receipt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from service.domain.deletions import DeletionReceipt, ForgetFilter, Forgetting, ForgottenSession
from service.domain.errors import ConcurrentChange, IdempotencyKeyReused
from service.domain.ids import ReceiptId, Scope, UserId
from service.storage.redis.changes import MemoryChanges
from service.storage.redis.codec import digest, micros, write_places
from service.storage.redis.database import Argument, Database
from service.storage.redis.document_codec import erased_field
from service.storage.redis.forgotten import read_forgotten, write_forgotten
from service.storage.redis.intents import Settler, receipt_intent
from service.storage.redis.keys import Keyspace, UserKeys
from service.storage.redis.messages import WINDOW
from service.storage.redis.names import quoted


@dataclass(frozen=True, slots=True)
class RedisForgets:
    """Implements `ForgetStore`."""

    database: Database
    keyspace: Keyspace
    changes: MemoryChanges
    settler: Settler

    async def answered(self, scope: Scope, user_id: UserId, wanted: ForgetFilter, idempotency_key: str) -> ReceiptId | None:
        """Return the receipt's id of the request that came with this key before, None for none. Raises IdempotencyKeyReused."""
        kept = await self.database.get("GET", _answer(self.keyspace.user(scope), idempotency_key))
        if not kept:
            return None
        wanted_digest, _, receipt_id = kept.partition(" ")
        if wanted_digest != _digest(user_id, wanted):
            raise IdempotencyKeyReused(idempotency_key=idempotency_key)
        return ReceiptId(receipt_id)

    async def apply(self, scope: Scope, forgetting: Forgetting, *, idempotency_key: str | None = None) -> ReceiptId:
        """
        Do all of a *forgetting* in one step, queue index entries, and note that its receipt is to follow.

        Return the id of the receipt: that of the first request when the key came before. Raises IdempotencyKeyReused;
        ConcurrentChange when the memories or a session moved on.
        """
        keys, deletion = self.keyspace.user(scope), forgetting.deletion
        plan = await self.changes.plan(scope, forgetting.memories)
        kind, *answer = await self.database.run(
            "forget",
            [*_shared(keys, idempotency_key), *_parts(keys, forgetting.sessions), *plan.writes.keys],
            [
                forgetting.memories.revision,
                int(bool(forgetting.sessions) or plan.changes),
                _digest(deletion.user_id, deletion.wanted) if idempotency_key else "",
                deletion.receipt_id,
                receipt_intent(scope, deletion).text,
                quoted(scope.project_id),
                scope.user_key,
                len(forgetting.sessions),
                *await self._sessions(keys, forgetting),
                len(forgetting.erased),
                *(erased_field(deletion.wanted, upload_id) for upload_id in forgetting.erased),
                *plan.writes.arguments,
            ],
        )
        match kind:
            case "reused":
                raise IdempotencyKeyReused(idempotency_key=idempotency_key or "")
            case "stale":
                raise ConcurrentChange
        await self.changes.settle(plan)
        return ReceiptId(answer[0])

    async def complete(self, scope: Scope, receipt_id: ReceiptId) -> DeletionReceipt:
        """
        Give the deletion its place among the project's receipts, now that the index has followed, and return the receipt. Can be
        repeated. Raises ReceiptNotFound.
        """
        return await self.settler.complete(scope, receipt_id)

    async def _sessions(self, keys: UserKeys, forgetting: Forgetting) -> Sequence[Argument]:
        """Return what the script wants to know of the sessions."""
        ids = [one.session_id for one in forgetting.sessions]
        texts = await self.database.get("HMGET", keys.forgotten, *ids) if ids else []
        at = forgetting.deletion.requested_at
        about: list[Argument] = []
        for one, text in zip(forgetting.sessions, texts, strict=True):
            forgotten = write_forgotten({**read_forgotten(text), **dict.fromkeys(one.indexes, at)}) if one.indexes else ""
            newest = "" if one.newest_left is None else micros(one.newest_left)
            about += [one.session_id, keys.timer(one.session_id), one.status, write_places(one.missing)]
            about += [write_places(one.held or None), one.message_count]
            about += [forgotten, len(one.indexes), newest, int(one.had_summary), int(one.again), write_places(one.still_missing)]
            entries = _entries(one)
            about += [len(entries), *entries]
        return about


def _shared(keys: UserKeys, idempotency_key: str | None) -> list[str]:
    bucket = keys.bucket
    return [
        *(keys.record, keys.revision, bucket.intents, bucket.outbox, bucket.jobs, keys.pending, bucket.timers, keys.spoken),
        *(
            keys.summaries,
            keys.summary_times,
            keys.forgotten,
            _answer(keys, idempotency_key),
            keys.answers,
            keys.holds,
            keys.erased,
        ),
    ]


def _answer(keys: UserKeys, idempotency_key: str | None) -> str:
    return keys.answer(f"forget {idempotency_key}")


def _digest(user_id: UserId, wanted: ForgetFilter) -> str:
    return digest("forget", user_id, wanted)


def _parts(keys: UserKeys, sessions: Sequence[ForgottenSession]) -> list[str]:
    return [key for one in sessions for key in (keys.session(one.session_id), keys.steps(one.session_id))]


def _entries(session: ForgottenSession) -> Sequence[int]:
    """Return the places of the turns whose index entries change: those forgotten, and those whose window they stood in."""
    near = {place for index in session.indexes for place in range(index - WINDOW, index + WINDOW + 1)}
    return sorted(place for place in near if 0 <= place < session.message_count)
