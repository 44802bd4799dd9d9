"""Answer a conflict."""

from __future__ import annotations

from collections.abc import Sequence

from service.domain.conflicts import Answer, Conflict, answered
from service.domain.errors import ConcurrentChange
from service.domain.ids import ProjectId, UserId, parse_conflict_id
from service.domain.ports.stores import ConflictStore, UserStore

ATTEMPTS = 10
"""How often the answers are checked again because the conflict moved on meanwhile."""


class ResolveConflict:
    """Takes the answers to a merge conflict and queues its resolution; `SettleConflict` does what they say."""

    def __init__(self, users: UserStore, conflicts: ConflictStore) -> None:
        """Keep the stores."""
        self._users = users
        self._conflicts = conflicts

    async def __call__(self, project_id: ProjectId, user_id: UserId, conflict_id: str, answers: Sequence[Answer]) -> Conflict:
        """
        Return the conflict with its answers, queued. Of two callers at once one is told that it is already resolved.

        Raises UserNotFound, ConflictNotFound, then what `answered` raises; ConcurrentChange when other writers kept winning.
        """
        scope = (await self._users.get(project_id, user_id)).scope
        known = parse_conflict_id(conflict_id)
        for _ in range(ATTEMPTS):
            before = await self._conflicts.get(scope, known)
            after = answered(before, answers)
            try:
                await self._conflicts.enqueue(before, after, scope)
            except ConcurrentChange:
                continue
            return after
        raise ConcurrentChange
