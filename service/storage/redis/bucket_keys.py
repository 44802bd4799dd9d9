"""The names of the keys that all users of a bucket share."""

from __future__ import annotations

from dataclasses import dataclass

from service.domain.ids import ProjectId
from service.storage.redis.names import quoted


@dataclass(frozen=True, slots=True)
class BucketKeys:
    """What all users of a bucket share."""

    number: int

    def _key(self, name: str) -> str:
        return f"mneme:{{b{self.number}}}:{name}"

    @property
    def timers(self) -> str:
        """Sorted set of sessions that wait for silence, by due time."""
        return self._key("timers")

    @property
    def jobs(self) -> str:
        """Stream of sessions to process and conflicts to resolve."""
        return self._key("jobs")

    @property
    def delayed(self) -> str:
        """Sorted set of failed jobs, by the time of their next attempt."""
        return self._key("delayed")

    @property
    def dead(self) -> str:
        """Stream of jobs whose attempts are used up."""
        return self._key("dead")

    @property
    def outbox(self) -> str:
        """Stream of index entries to bring up to date."""
        return self._key("outbox")

    @property
    def bulk(self) -> str:
        """Stream of index entries that may take long and hold up no others: those of chunks."""
        return self._key("bulk")

    @property
    def intents(self) -> str:
        """Sorted set of writes to other slots that follow a commit, by its time."""
        return self._key("intents")

    @property
    def void(self) -> str:
        """Sorted set of tokens of claims that must not be used any more, by the time at which they became so."""
        return self._key("void")

    @property
    def webhooks(self) -> str:
        """Sorted set of projects with events to deliver, by the time of the next attempt at any of them."""
        return self._key("webhooks")

    def due(self, project_id: ProjectId) -> str:
        """Return the sorted set of a project's users with events to deliver, by the time of the next attempt."""
        return self._key(f"webhooks:{quoted(project_id)}:due")

    def deliveries(self, project_id: ProjectId) -> str:
        """Return the sorted set of `<user key> <event id>` of a project's events, by the time at which they were raised."""
        return self._key(f"webhooks:{quoted(project_id)}:deliveries")

    def dead_deliveries(self, project_id: ProjectId) -> str:
        """Return the sorted set of those of them that could not be delivered."""
        return self._key(f"webhooks:{quoted(project_id)}:dead")
