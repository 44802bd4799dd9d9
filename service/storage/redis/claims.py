"""
Ids that are unique in a project as claims: those of users and those of documents.

Two users of one project lie in different buckets, so no script can see both. What makes an id unique is its claim, a key of its
own that only one user can hold. A claim is taken before the record is written; whoever dies in between leaves a claim that
nobody uses. Such a claim is given to the next one who asks, after its token was made void in the bucket of the dead holder:
should the holder only have been slow, its script finds the token void and writes nothing. So no clock decides who wins.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from service.domain.document_errors import DocumentOfAnotherUser
from service.domain.errors import ConcurrentChange, DomainError, UserAlreadyExists
from service.domain.ids import DocumentId, ProjectId, Scope, UserId, UserKey
from service.storage.redis.codec import MICROSECOND
from service.storage.redis.database import Database
from service.storage.redis.keys import Keyspace, ProjectKeys, UserKeys

ROUNDS = 8
"""How often a claim may pass between writers before one of them gives up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """What is claimed: the key of an id's claim, and of the hash that has the id in its *field* when the holder uses it."""

    claim: Callable[[ProjectKeys, str], str]
    record: Callable[[UserKeys, str], str]
    field: str
    taken: Callable[[str], DomainError]


USER_IDS = Claimed(
    claim=lambda keys, user_id: keys.claim(UserId(user_id)),
    record=lambda keys, _: keys.record,
    field="user_id",
    taken=lambda user_id: UserAlreadyExists(user_id=user_id),
)
DOCUMENT_IDS = Claimed(
    claim=lambda keys, document_id: keys.document_claim(DocumentId(document_id)),
    record=lambda keys, document_id: keys.document(DocumentId(document_id)),
    field="document_id",
    taken=lambda document_id: DocumentOfAnotherUser(document_id=document_id),
)


@dataclass(frozen=True, slots=True)
class Claims:
    """
    Takes and frees ids. A claim whose holder does not use it counts as one whose record is still being written for *grace*, and
    as free after that.
    """

    database: Database
    keyspace: Keyspace
    grace: timedelta
    claimed: Claimed = USER_IDS

    async def holder(self, project_id: ProjectId, name: str) -> UserKey | None:
        """Return who holds the id *name*, or None. The holder's record says whether it is used."""
        held = await self.database.get("GET", self.claimed.claim(ProjectKeys(project_id), name))
        return UserKey(held.split(" ")[0]) if held else None

    async def take(self, scope: Scope, name: str, *, spent: str = "") -> str:
        """
        Make the user the holder of the id and return the token of the claim. *spent* is a token that turned out to be void.

        Writers for the same user share a claim. Raises UserAlreadyExists or DocumentOfAnotherUser, ConcurrentChange.
        """
        key, token = self.claimed.claim(ProjectKeys(scope.project_id), name), str(uuid4())
        for _ in range(ROUNDS):
            holder, held, age = await self.database.run("claim", [key], [scope.user_key, token])
            if holder == scope.user_key:
                if held != spent:
                    return str(held)
            elif int(age) * MICROSECOND < self.grace or not await self._void(_other(scope, holder), name, held):
                raise self.claimed.taken(name)
            if await self.database.run("pass_claim", [key], [holder, held, scope.user_key, token]):
                return token
        raise ConcurrentChange

    async def free(self, scope: Scope, name: str) -> None:
        """Give up the id, unless the user uses it or somebody else holds it. Can be repeated."""
        key = self.claimed.claim(ProjectKeys(scope.project_id), name)
        held = await self.database.get("GET", key)
        if not held:
            return
        holder, token, _ = held.split(" ")
        if holder == scope.user_key and await self._void(scope, name, token):
            await self.database.run("pass_claim", [key], [holder, token, "", ""])

    async def _void(self, holder: Scope, name: str, token: str) -> bool:
        keys = self.keyspace.user(holder)
        record = self.claimed.record(keys, name)
        return bool(await self.database.run("void_claim", [record, keys.bucket.void], [self.claimed.field, name, token]))


def _other(scope: Scope, user_key: str) -> Scope:
    return Scope(project_id=scope.project_id, user_key=UserKey(user_key))
