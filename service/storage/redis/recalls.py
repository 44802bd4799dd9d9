"""The names of events, and what recalls returned: both under the project, spread by their hash, and gone after a day."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from service.domain.event_errors import RecallNotFound
from service.domain.events import Feedback
from service.domain.ids import ProjectId, RecallId, UserId
from service.storage.redis.database import Database
from service.storage.redis.keys import ProjectKeys


@dataclass(frozen=True, slots=True)
class RedisEventNames:
    """Implements `EventNames`."""

    database: Database

    async def claim(self, project_id: ProjectId, name: str, user_id: UserId) -> UserId:
        """Give a *name* to an event of a user, unless it is given: return the user of the event that has it."""
        return UserId(await self.database.run("claim_name", [ProjectKeys(project_id).event_name(name)], [user_id]))


@dataclass(frozen=True, slots=True)
class RedisRecallLog:
    """Implements `RecallLog`."""

    database: Database

    async def keep(self, project_id: ProjectId, recall_id: RecallId, ids: Sequence[str]) -> None:
        """Remember for a day the *ids* of all that a recall returned."""
        await self.database.run("keep_recall", [ProjectKeys(project_id).recall(recall_id)], [json.dumps(ids)])

    async def rate(self, project_id: ProjectId, recall_id: RecallId, feedback: Feedback) -> int:
        """Keep *feedback* in place of an earlier one, and return how many of its ids were returned. Raises RecallNotFound."""
        key = ProjectKeys(project_id).recall(recall_id)
        returned = await self.database.get("HGET", key, "ids")
        if returned is None:
            raise RecallNotFound(recall_id=recall_id)
        used = sorted(frozenset(feedback.ids).intersection(json.loads(returned)))
        rating = "" if feedback.rating is None else feedback.rating
        if not await self.database.run("rate_recall", [key], [json.dumps(used), rating]):
            raise RecallNotFound(recall_id=recall_id)
        return len(used)
