"""Users and what can be asked of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from service.domain.ids import ProjectId, Scope, UserId, UserKey
from service.domain.values import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """
    A user as stored. `merge_conflict_enabled` None means: as the project says. Times are UTC. *has_documents* is kept with the
    user, so that whoever reads one knows without another look whether there is any document to search.
    """

    project_id: ProjectId
    user_key: UserKey
    user_id: UserId
    metadata: JsonObject
    merge_conflict_enabled: bool | None
    created_at: datetime
    last_active_at: datetime
    has_documents: bool = False

    @property
    def scope(self) -> Scope:
        """What a storage call needs to reach this user's data."""
        return Scope(project_id=self.project_id, user_key=self.user_key)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUser:
    """A user to create."""

    user_id: UserId
    metadata: JsonObject
    merge_conflict_enabled: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UserUpdate:
    """
    What to change of a user; None changes nothing.

    `set_merge_conflict_enabled` says whether `merge_conflict_enabled` is to be written, because None is one of its values.
    """

    new_user_id: UserId | None = None
    new_metadata: JsonObject | None = None
    set_merge_conflict_enabled: bool = False
    merge_conflict_enabled: bool | None = None
