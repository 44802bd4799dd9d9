"""Making messages forgotten, and what follows in other slots: the receipt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from service.domain.deletions import DeletionReceipt, ForgetFilter, Forgetting, ForgottenSession
from service.domain.errors import ConcurrentChange, IdempotencyKeyReused
from service.domain.ids import ReceiptId, Scope, UserId
from service.domain.ports.work import IndexedKind
from service.storage.redis.changes import MemoryChanges
from service.storage.redis.codec import digest, dump, micros, write_places
from service.storage.redis.database import Database
from service.storage.redis.document_codec import erased_field
from service.storage.redis.forgotten import read_forgotten, write_forgotten
from service.storage.redis.intents import Settler, parts_intent, receipt_intent
from service.storage.redis.keys import Keyspace, UserKeys
from service.storage.redis.messages import WINDOW
from service.storage.redis.parts import Parts, SessionPart
from service.storage.redis.writes import Writes


@dataclass(frozen=True, slots=True)
class RedisForgets:
    """Implements `ForgetStore`."""

    database: Database
    keyspace: Keyspace
    changes: MemoryChanges
    parts: Parts
    settler: Settler

    async def answered(self, scope: Scope, user_id: UserId, wanted: ForgetFilter, idempotency_key: str) -> ReceiptId | None:
        """Return the receipt's id of the request that came with this key before, None for none. Raises IdempotencyKeyReused."""
        keys = self.keyspace.user(scope)
        kept = await self.database.get("GET", _answer(keys, idempotency_key))
        if not kept:
            return None
        # who asked before may have died in the middle
        await self.parts.finish(keys)
        wanted_digest, _, receipt_id = kept.partition(" ")
        if wanted_digest != _digest(user_id, wanted):
            raise IdempotencyKeyReused(idempotency_key=idempotency_key)
        return ReceiptId(receipt_id)

    async def apply(self, scope: Scope, forgetting: Forgetting, *, idempotency_key: str | None = None) -> ReceiptId:
        """
        Do all of a *forgetting*, queue index entries, and note that its receipt is to follow. It is decided for in one step; a
        long one is made in parts after that, by workers too when this breaks off.

        Return the id of the receipt: that of the first request when the key came before. Raises IdempotencyKeyReused;
        ConcurrentChange when the memories or a session moved on.
        """
        keys, deletion = self.keyspace.user(scope), forgetting.deletion
        chains = Writes()
        plan = await self.changes.plan(scope, forgetting.memories, chains=chains)
        for one in forgetting.sessions:
            for place in _turns(one):
                chains.index_entry(keys, IndexedKind.TURN, f"{one.session_id}:{place}")
        staged = await self.parts.stage(keys, chains, await self._sessions(keys, forgetting))
        kind, *answer = await self.database.run(
            "forget",
            [
                *_shared(keys, idempotency_key),
                *(staged.key, keys.parts),
                *(keys.session(one.session_id) for one in forgetting.sessions),
                *staged.keys(plan.writes),
            ],
            [
                forgetting.memories.revision,
                int(bool(forgetting.sessions) or plan.changes),
                _digest(deletion.user_id, deletion.wanted) if idempotency_key else "",
                deletion.receipt_id,
                receipt_intent(scope, deletion).text,
                dump([erased_field(deletion.wanted, upload_id) for upload_id in forgetting.erased]),
                dump([_expected(one) for one in forgetting.sessions]),
                *staged.arguments(parts_intent(scope).text, plan.writes),
            ],
        )
        await self.parts.discard(staged)
        match kind:
            case "reused":
                raise IdempotencyKeyReused(idempotency_key=idempotency_key or "")
            case "stale":
                raise ConcurrentChange
        await self.changes.settle(plan)
        if staged.length:
            await self.settler.carry_out(parts_intent(scope))
        return ReceiptId(answer[0])

    async def complete(self, scope: Scope, receipt_id: ReceiptId) -> DeletionReceipt:
        """
        Give the deletion its place among the project's receipts, now that the index has followed, and return the receipt. Can be
        repeated. Raises ReceiptNotFound.
        """
        return await self.settler.complete(scope, receipt_id)

    async def _sessions(self, keys: UserKeys, forgetting: Forgetting) -> Sequence[SessionPart]:
        """Return what becomes of the sessions."""
        ids = [one.session_id for one in forgetting.sessions]
        texts = await self.database.get("HMGET", keys.forgotten, *ids) if ids else []
        at = forgetting.deletion.requested_at
        return [_about(keys, one, read_forgotten(text), at) for one, text in zip(forgetting.sessions, texts, strict=True)]


def _about(keys: UserKeys, session: ForgottenSession, forgotten: Mapping[int, datetime], at: datetime) -> SessionPart:
    marked = {**forgotten, **dict.fromkeys(session.indexes, at)}
    about = {
        "id": session.session_id,
        "timer": keys.timer(session.session_id),
        "count": str(session.message_count),
        "forgotten": write_forgotten(marked) if session.indexes else "",
        "number": str(len(session.indexes)),
        "newest": "" if session.newest_left is None else str(micros(session.newest_left)),
        "summary": str(int(session.had_summary)),
        "again": str(int(session.again)),
        "still_missing": write_places(session.still_missing),
    }
    return SessionPart(about=about, keys=(keys.session(session.session_id), keys.steps(session.session_id)))


def _expected(session: ForgottenSession) -> Sequence[str]:
    return [session.session_id, session.status, write_places(session.missing), write_places(session.held or None)]


def _shared(keys: UserKeys, idempotency_key: str | None) -> list[str]:
    answer = _answer(keys, idempotency_key)
    return [keys.record, keys.revision, keys.bucket.intents, answer, keys.answers, keys.holds, keys.erased]


def _answer(keys: UserKeys, idempotency_key: str | None) -> str:
    return keys.answer(f"forget {idempotency_key}")


def _digest(user_id: UserId, wanted: ForgetFilter) -> str:
    return digest("forget", user_id, wanted)


def _turns(session: ForgottenSession) -> Sequence[int]:
    """Return the places of the turns whose index entries change: those forgotten, and those whose window they stood in."""
    near = {place for index in session.indexes for place in range(index - WINDOW, index + WINDOW + 1)}
    return sorted(place for place in near if 0 <= place < session.message_count)
