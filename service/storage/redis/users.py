"""Users: a claim, a record in the user's bucket, an entry in the project's list, written in this order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from service.domain.deletions import Deletion
from service.domain.errors import ConcurrentChange, IdempotencyKeyReused, UserNotFound
from service.domain.event_errors import LegalHold
from service.domain.ids import ProjectId, Scope, UserId, UserKey
from service.domain.ports.work import IndexedKind
from service.domain.users import NewUser, User, UserUpdate
from service.domain.values import JsonObject, Page, PageRequest, contains
from service.domain.webhooks import EventType
from service.storage.redis.claims import ROUNDS, Claims
from service.storage.redis.codec import digest, dump_object, flag, moment, read_user
from service.storage.redis.database import Argument, Database, span
from service.storage.redis.events import Events
from service.storage.redis.intents import Intent, Settler, receipt_intent, tally
from service.storage.redis.keys import Keyspace, ProjectKeys, UserKeys
from service.storage.redis.writes import Writes

SEEN = 10_000
"""Users whose place is remembered, so that finding one by its id takes one round trip instead of two."""

SCANNED = 500
"""Users that a filtered list reads in one round trip."""


@dataclass(frozen=True, slots=True)
class RedisUsers:
    """Implements `UserStore`."""

    database: Database
    keyspace: Keyspace
    claims: Claims
    settler: Settler
    events: Events
    seen: dict[tuple[ProjectId, UserId], UserKey] = field(default_factory=dict)
    """Who held an id when it was last read: only where to look first, since a record itself says whose id it has."""

    async def create(self, project_id: ProjectId, user: NewUser, *, idempotency_key: str | None = None) -> User:
        """Store a new user. Raises UserAlreadyExists, IdempotencyKeyReused, ConcurrentChange."""
        answer = ProjectKeys(project_id).answer(idempotency_key) if idempotency_key else ""
        given_up = ""
        for _ in range(ROUNDS):
            scope = Scope(project_id=project_id, user_key=UserKey(str(uuid4())))
            if idempotency_key:
                scope = await self._remembered(scope, user, idempotency_key, given_up)
                first = await self.database.get("HGET", self.keyspace.user(scope).record, "created_at")
                if first:
                    return _created(scope, user, first)
            created = await self._write(scope, user, answer)
            if created:
                return created
            # the claim was given to someone else, or the user was deleted at once: begin anew under another uuid
            given_up = scope.user_key
        raise ConcurrentChange

    async def get(self, project_id: ProjectId, user_id: UserId) -> User:
        """Return the user. Raises UserNotFound."""
        name = (project_id, user_id)
        found = await self._record(project_id, user_id, self.seen.get(name))
        if found is None:
            found = await self._record(project_id, user_id, await self.claims.holder(project_id, user_id))
        if found is None:
            raise UserNotFound(user_id=user_id)
        if len(self.seen) >= SEEN:
            self.seen.clear()
        self.seen[name] = found.scope.user_key
        return found

    def last_seen(self, project_id: ProjectId, user_id: UserId) -> Scope | None:
        """Return the scope that the user had when it was last read here. Whoever uses it makes sure that it still has it."""
        user_key = self.seen.get((project_id, user_id))
        return None if user_key is None else Scope(project_id=project_id, user_key=user_key)

    async def of(self, scope: Scope) -> User:
        """Return the user of a scope that was made before. Raises UserNotFound when it was deleted since."""
        record = await self.database.get("HGETALL", self.keyspace.user(scope).record)
        if not record:
            raise UserNotFound(user_id=scope.user_key)
        return read_user(scope, record)

    async def list(self, project_id: ProjectId, page: PageRequest, *, metadata: JsonObject | None = None) -> Page[User]:
        """Return one page of the users whose metadata contains *metadata*, newest first."""
        total = await self.database.get("ZCARD", ProjectKeys(project_id).users)
        gone: set[UserKey] = set()
        if metadata:
            found, total = await self._search(project_id, page, metadata, total, gone)
        else:
            found = await self._read(project_id, page.offset, page.limit, gone)
        if gone:
            # only now: struck off while the list was read, they would move the others to places that were read already
            await self.database.get("ZREM", ProjectKeys(project_id).users, *gone)
        return Page(items=found, offset=page.offset, total=total)

    async def update(self, project_id: ProjectId, user_id: UserId, update: UserUpdate) -> User:
        """Change a user and return it as it is then. Raises UserNotFound, UserAlreadyExists, ConcurrentChange."""
        scope = (await self.get(project_id, user_id)).scope
        new_id = None if update.new_user_id == user_id else update.new_user_id
        if new_id is None:
            await self._change(scope, user_id, "", update)
            return await self.get(project_id, user_id)
        token = ""
        for _ in range(ROUNDS):
            token = await self.claims.take(scope, new_id, spent=token)
            try:
                renamed = await self._change(scope, user_id, token, update)
            except UserNotFound:
                await self.claims.free(scope, new_id)
                raise
            if renamed:
                return await self.get(project_id, new_id)
        raise ConcurrentChange

    async def delete(self, project_id: ProjectId, user_id: UserId, *, deletion: Deletion | None = None) -> None:
        """
        Remove the user and everything under its scope; index entries go through the outbox.

        With a *deletion* a receipt of it follows, with the counts of what went. Raises UserNotFound, LegalHold.

        After the first script nothing is to be seen any more; the rest is an intent, which survives a crash.
        """
        scope = (await self.get(project_id, user_id)).scope
        keys = self.keyspace.user(scope)
        token, answer = await self.database.get("HMGET", keys.record, "claim", "idempotent")
        intent = _intent(keys, "purge", name=user_id, answer=answer or "")
        writes = await self._parting(keys)
        receipt = "" if deletion is None else receipt_intent(scope, deletion).text
        names, arguments = removal(keys, user_id, token or "", intent.text, writes, receipt=receipt)
        outcome = await self.database.run("delete_user", names, arguments)
        if outcome == "gone":
            raise UserNotFound(user_id=user_id)
        if outcome == "held":
            raise LegalHold
        await self.settler.settle(intent)

    async def _record(self, project_id: ProjectId, user_id: UserId, user_key: UserKey | None) -> User | None:
        """Return the user with this key, None when there is none or when it has another id."""
        if user_key is None:
            return None
        scope = Scope(project_id=project_id, user_key=user_key)
        record = await self.database.get("HGETALL", self.keyspace.user(scope).record)
        # a claim without its user is half made or half freed
        return read_user(scope, record) if record and record["user_id"] == user_id else None

    async def _parting(self, keys: UserKeys) -> Writes:
        """Return what is written when a user goes: index entries are queued, its events go, and an event of its own is raised."""
        writes = Writes()
        for kind in IndexedKind:
            writes.index_entry(keys, kind, "")
        await self.events.withdraw(writes, keys.scope)
        teller = await self.events.teller(keys.scope)
        if EventType.USER_FORGOTTEN in teller.wanted:
            teller.forgotten(writes, await self.events.now(keys.scope))
        return writes

    async def _remembered(self, scope: Scope, user: NewUser, idempotency_key: str, given_up: str) -> Scope:
        """Return the scope that the first request with this key was given: *scope* if this is the first one."""
        answer = ProjectKeys(scope.project_id).answer(idempotency_key)
        wanted = digest("users", user.user_id, user.metadata, user.merge_conflict_enabled)
        kept, user_key = await self.database.run("remember_user", [answer], [wanted, scope.user_key, given_up])
        if kept != wanted:
            raise IdempotencyKeyReused(idempotency_key=idempotency_key)
        return Scope(project_id=scope.project_id, user_key=UserKey(user_key))

    async def _write(self, scope: Scope, user: NewUser, answer: str) -> User | None:
        """Claim the id, store the record and list it. None when the claim went to someone else meanwhile."""
        keys = self.keyspace.user(scope)
        token = await self.claims.take(scope, user.user_id)
        intent = _intent(keys, "list")
        fields = [user.user_id, dump_object(user.metadata), flag(value=user.merge_conflict_enabled), answer]
        outcome: list[Any] = await self.database.run(
            "create_user", [keys.record, keys.bucket.void, keys.bucket.intents], [token, intent.text, *fields]
        )
        if outcome[0] == "void":
            return None
        await self.settler.settle(intent)
        return _created(scope, user, outcome[1])

    async def _change(self, scope: Scope, user_id: UserId, token: str, update: UserUpdate) -> bool:
        """Change the record; False when the claim on the new id went to someone else. Raises UserNotFound."""
        keys = self.keyspace.user(scope)
        fields = []
        if token and update.new_user_id is not None:
            fields += ["user_id", update.new_user_id]
        if update.new_metadata is not None:
            fields += ["metadata", dump_object(update.new_metadata)]
        if update.set_merge_conflict_enabled:
            fields += ["merge_conflict", flag(value=update.merge_conflict_enabled)]
        intent = _intent(keys, "free", name=user_id)
        outcome = await self.database.run(
            "update_user", [keys.record, keys.bucket.void, keys.bucket.intents], [user_id, token, intent.text, *fields]
        )
        if outcome == "gone":
            raise UserNotFound(user_id=user_id)
        if outcome == "updated" and token:
            await self.settler.settle(intent)
        return bool(outcome == "updated")

    async def _search(
        self, project_id: ProjectId, page: PageRequest, metadata: JsonObject, listed: int, gone: set[UserKey]
    ) -> tuple[Sequence[User], int]:
        """Return the page of the users whose metadata contains *metadata*, and how many there are."""
        shown: list[User] = []
        total = 0
        for start in range(0, listed, SCANNED):
            users = await self._read(project_id, start, SCANNED, gone)
            matching = [user for user in users if contains(user.metadata, metadata)]
            # only the page is kept: a project may have more users than fit in memory
            first = max(0, page.offset - total)
            shown += matching[first : first + page.limit - len(shown)]
            total += len(matching)
        return shown, total

    async def _read(self, project_id: ProjectId, start: int, count: int, gone: set[UserKey]) -> Sequence[User]:
        """Return the users at some places of the list. A place whose user is gone is skipped and told in *gone*."""
        user_keys = await self.database.get("ZREVRANGE", ProjectKeys(project_id).users, *span(start, count))
        scopes = [Scope(project_id=project_id, user_key=UserKey(user_key)) for user_key in user_keys]
        records = await self.database.send(*(("HGETALL", self.keyspace.user(scope).record) for scope in scopes))
        # an entry is made only after its record: without one, the user was deleted while it was being entered
        gone |= {scope.user_key for scope, record in zip(scopes, records, strict=True) if not record}
        return [read_user(scope, record) for scope, record in zip(scopes, records, strict=True) if record]


def removal(
    keys: UserKeys, user_id: UserId, token: str, intent: str, writes: Writes, *, receipt: str = ""
) -> tuple[Sequence[str], Sequence[Argument]]:
    """Return the keys and the arguments of the script that removes a user; *receipt* is the intent of its receipt, if any."""
    bucket, whole = keys.bucket, keys.removed_whole()
    shared = [keys.record, bucket.void, bucket.intents, keys.sessions, keys.grave]
    counted = [tally(keys), keys.chains, keys.versions, keys.summaries, keys.conflicts, keys.holds]
    return [*shared, *counted, *whole, *writes.keys], [user_id, token, intent, receipt, len(whole), *writes.arguments]


def _intent(keys: UserKeys, kind: Any, *, name: str = "", answer: str = "") -> Intent:
    return Intent(kind=kind, project_id=keys.scope.project_id, user_key=keys.scope.user_key, name=name, answer=answer)


def _created(scope: Scope, user: NewUser, created_at: str) -> User:
    """Return the user as it was when it was created."""
    return User(
        project_id=scope.project_id,
        user_key=scope.user_key,
        user_id=user.user_id,
        metadata=user.metadata,
        merge_conflict_enabled=user.merge_conflict_enabled,
        created_at=moment(created_at),
        last_active_at=moment(created_at),
    )
