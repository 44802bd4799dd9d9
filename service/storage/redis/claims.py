"""
User ids as claims.

Two users of one project lie in different buckets, so no script can see both. What makes an id unique is its claim, a key of its
own that only one user can hold. A claim is taken before the record is written; whoever dies in between leaves a claim that
nobody uses. Such a claim is given to the next one who asks, after its token was made void in the bucket of the dead holder:
should the holder only have been slow, its script finds the token void and writes nothing. So no clock decides who wins.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from service.domain.errors import ConcurrentChange, UserAlreadyExists
from service.domain.ids import ProjectId, Scope, UserId, UserKey
from service.storage.redis.codec import MICROSECOND
from service.storage.redis.database import Database
from service.storage.redis.keys import Keyspace, ProjectKeys

ROUNDS = 8
"""How often a claim may pass between writers before one of them gives up."""


@dataclass(frozen=True, slots=True)
class Claims:
    """
    Takes and frees user ids. A claim without its user counts as one whose user is still being written for *grace*, and as free
    after that.
    """

    database: Database
    keyspace: Keyspace
    grace: timedelta

    async def holder(self, project_id: ProjectId, user_id: UserId) -> UserKey | None:
        """Return who holds the id, or None. The holder's record says whether it is used."""
        held = await self.database.get("GET", ProjectKeys(project_id).claim(user_id))
        return UserKey(held.split(" ")[0]) if held else None

    async def take(self, scope: Scope, user_id: UserId, *, spent: str = "") -> str:
        """
        Make the user the holder of the id and return the token of the claim. *spent* is a token that turned out to be void.

        Writers for the same user share a claim. Raises UserAlreadyExists, ConcurrentChange.
        """
        key, token = ProjectKeys(scope.project_id).claim(user_id), str(uuid4())
        for _ in range(ROUNDS):
            holder, held, age = await self.database.run("claim", [key], [scope.user_key, token])
            if holder == scope.user_key:
                if held != spent:
                    return str(held)
            elif int(age) * MICROSECOND < self.grace or not await self._void(_other(scope, holder), user_id, held):
                raise UserAlreadyExists(user_id=user_id)
            if await self.database.run("pass_claim", [key], [holder, held, scope.user_key, token]):
                return token
        raise ConcurrentChange

    async def free(self, scope: Scope, user_id: UserId) -> None:
        """Give up the id, unless the user has it or somebody else holds it. Can be repeated."""
        key = ProjectKeys(scope.project_id).claim(user_id)
        held = await self.database.get("GET", key)
        if not held:
            return
        holder, token, _ = held.split(" ")
        if holder == scope.user_key and await self._void(scope, user_id, token):
            await self.database.run("pass_claim", [key], [holder, token, "", ""])

    async def _void(self, holder: Scope, user_id: UserId, token: str) -> bool:
        keys = self.keyspace.user(holder)
        return bool(await self.database.run("void_claim", [keys.record, keys.bucket.void], [user_id, token]))


def _other(scope: Scope, user_key: str) -> Scope:
    return Scope(project_id=scope.project_id, user_key=UserKey(user_key))
