"""
What follows a commit in other slots.

A script that leaves something to be written elsewhere notes an intent in its bucket. Whoever ran the script carries the intent
out at once and strikes it off; after a crash the worker does. Every intent can be carried out any number of times.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Literal

import orjson

from service.domain.deletions import DeletedCounts, Deletion, DeletionReceipt
from service.domain.errors import StorageUnavailable
from service.domain.ids import DocumentId, ProjectId, ReceiptId, Scope, SessionId, UploadId, UserId, UserKey
from service.storage.redis.claims import Claims
from service.storage.redis.codec import dump
from service.storage.redis.database import Database
from service.storage.redis.drafts import Drafts
from service.storage.redis.keys import Keyspace, ProjectKeys, UserKeys
from service.storage.redis.outbox import is_indexed
from service.storage.redis.parts import Parts
from service.storage.redis.receipt_codec import read_deletion, write_deletion
from service.storage.redis.receipts import RedisReceipts

BATCH = 100
"""Sessions, and kept answers, that one script removes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """
    One intent: `list` the user among the users of its project, `free` the id *name* that it gave up, `purge` what is left of it
    when it was deleted (*name* is its id, *answer* the key of its kept answer or empty), name the *categories* to the project,
    `discard` a draft that did not become a user, `restore` what follows when one did, `release` the id *name* of a document that
    was deleted, make the `parts` of a change that is decided for, and give a *deletion* its `receipt`, whose id is *name*.
    """

    kind: Literal["list", "free", "purge", "categories", "discard", "restore", "release", "parts", "receipt"]
    project_id: str
    user_key: str
    name: str = ""
    answer: str = ""
    categories: tuple[str, ...] = ()
    deletion: str = ""

    @property
    def scope(self) -> Scope:
        """The user that it is about."""
        return Scope(project_id=ProjectId(self.project_id), user_key=UserKey(self.user_key))

    @property
    def text(self) -> str:
        """The intent as it is noted."""
        fields = asdict(self)
        # an intent of an older version is struck off by the text that it was noted with
        return dump(fields if self.deletion else {name: value for name, value in fields.items() if name != "deletion"})

    @classmethod
    def parse(cls, text: str) -> Intent:
        """Return the intent of a note."""
        fields = orjson.loads(text)
        return cls(**{**fields, "categories": tuple(fields["categories"])})


def tally(keys: UserKeys) -> str:
    """Return the key of the hash of what went with a deleted user, until its receipt tells of it."""
    return f"{keys.grave}:tally"


def parts_intent(scope: Scope) -> Intent:
    """Return the intent to make the parts of a change that was decided for."""
    return Intent(kind="parts", project_id=scope.project_id, user_key=scope.user_key)


def receipt_intent(scope: Scope, deletion: Deletion) -> Intent:
    """Return the intent to give a deletion its receipt."""
    return Intent(
        kind="receipt",
        project_id=scope.project_id,
        user_key=scope.user_key,
        name=deletion.receipt_id,
        deletion=write_deletion(deletion),
    )


@dataclass(frozen=True, slots=True)
class Settler:
    """Carries out intents."""

    database: Database
    keyspace: Keyspace
    claims: Claims
    documents: Claims
    receipts: RedisReceipts
    parts: Parts

    async def settle(self, intent: Intent) -> None:
        """Carry out an intent that was just committed. A failure is left to the worker: what the caller asked for is done."""
        with suppress(StorageUnavailable):
            await self.carry_out(intent)

    async def carry_out(self, intent: Intent) -> None:
        """Carry out an intent and strike it off."""
        keys = self.keyspace.user(intent.scope)
        match intent.kind:
            case "list":
                await self._list(keys)
            case "free":
                await self.claims.free(intent.scope, UserId(intent.name))
            case "purge":
                await self._purge(keys, intent)
            case "categories":
                await self.database.get("SADD", ProjectKeys(intent.scope.project_id).categories, *intent.categories)
            case "discard":
                await self._discard(keys, intent)
            case "restore":
                await self._restore(keys)
            case "release":
                await self.documents.free(intent.scope, intent.name)
            case "parts":
                await self.parts.finish(keys)
            case "receipt":
                await self._receipt(keys, intent)
        await self.database.get("ZREM", keys.bucket.intents, intent.text)

    async def sweep(self, texts: Sequence[str]) -> None:
        """Carry out the intents that were left behind."""
        for intent in map(Intent.parse, texts):
            keys = self.keyspace.user(intent.scope)
            if intent.kind == "receipt" and not await self._is_everywhere(keys):
                await self.database.run("postpone", [keys.bucket.intents], [intent.text])
            else:
                await self.carry_out(intent)

    async def complete(self, scope: Scope, receipt_id: ReceiptId) -> DeletionReceipt:
        """
        Carry out the intent of a receipt, if it is not yet and its user is removed to the last session, and return the receipt.

        Raises ReceiptNotFound.
        """
        keys = self.keyspace.user(scope)
        notes, waits = await self.database.send(("ZRANGE", keys.bucket.intents, 0, -1), ("EXISTS", keys.grave))
        for intent in (Intent.parse(note) for note in notes if receipt_id in note):
            if intent.kind == "receipt" and intent.name == receipt_id and not waits:
                await self.carry_out(intent)
        return await self.receipts.get(scope.project_id, receipt_id)

    async def _is_everywhere(self, keys: UserKeys) -> bool:
        """Return whether a deletion is done: to its last part, in the index, and of a deleted user to the last session."""
        return not await self.database.get("EXISTS", keys.parts, keys.grave) and await is_indexed(self.database, keys)

    async def _receipt(self, keys: UserKeys, intent: Intent) -> None:
        deletion = read_deletion(intent.deletion)
        counted = await self.database.get("HGETALL", tally(keys))
        if counted:
            counts = DeletedCounts(**{name: int(count) for name, count in counted.items()})
            deletion = replace(deletion, counts=counts)
        await self.receipts.append(deletion)
        await self.database.get("DEL", tally(keys))

    async def _list(self, keys: UserKeys) -> None:
        created_at = await self.database.get("HGET", keys.record, "created_at")
        if created_at:
            await self.database.get("ZADD", ProjectKeys(keys.scope.project_id).users, created_at, keys.scope.user_key)

    async def _discard(self, keys: UserKeys, intent: Intent) -> None:
        purge = replace(intent, kind="purge")
        if await Drafts(self.database).remove(keys, intent.text, purge.text):
            await self.carry_out(purge)

    async def _restore(self, keys: UserKeys) -> None:
        await self._list(keys)
        categories = await self.database.get("SMEMBERS", keys.categories)
        if categories:
            await self.database.get("SADD", ProjectKeys(keys.scope.project_id).categories, *categories)
        await Drafts(self.database).finish(keys)

    async def _purge(self, keys: UserKeys, intent: Intent) -> None:
        await self.database.get("ZREM", ProjectKeys(keys.scope.project_id).users, keys.scope.user_key)
        # before the sessions, whose grave a receipt waits for
        await self._purge_documents(keys)
        while sessions := [SessionId(id_) for id_ in await self.database.get("ZRANGE", keys.grave, 0, BATCH - 1)]:
            parts = [key for id_ in sessions for key in (keys.session(id_), keys.messages(id_), keys.steps(id_))]
            members = [member for id_ in sessions for member in (id_, keys.timer(id_))]
            await self.database.run("purge_sessions", [keys.grave, keys.bucket.timers, tally(keys), *parts], members)
        while answers := await self.database.get("ZRANGE", keys.answers, 0, BATCH - 1):
            await self.database.run("purge_answers", [keys.answers, *answers])
        if intent.answer:
            await self.database.get("DEL", intent.answer)
        await self.claims.free(intent.scope, UserId(intent.name))

    async def _purge_documents(self, keys: UserKeys) -> None:
        while ids := [DocumentId(id_) for id_ in await self.database.get("ZRANGE", keys.documents, 0, BATCH - 1)]:
            uploads = await self.database.send(*(("HGET", keys.document(id_), "upload") for id_ in ids))
            parts = [
                key
                for id_, upload in zip(ids, uploads, strict=True)
                for key in (keys.document(id_), keys.upload(UploadId(upload)) if upload else keys.document(id_))
            ]
            await self.database.run("purge_documents", [tally(keys), *parts])
            for id_ in ids:
                await self.documents.free(keys.scope, id_)
            await self.database.get("ZREM", keys.documents, *ids)
