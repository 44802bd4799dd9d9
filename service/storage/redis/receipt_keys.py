"""The names of the keys that hold the receipts of a project."""

from __future__ import annotations

from dataclasses import dataclass

from service.domain.ids import ProjectId
from service.storage.redis.names import quoted


@dataclass(frozen=True, slots=True)
class ReceiptKeys:
    """What is kept of the receipts, under the project's own tag."""

    project_id: ProjectId

    @property
    def _prefix(self) -> str:
        return f"mneme:{{p:{quoted(self.project_id)}}}"

    @property
    def receipts(self) -> str:
        """List of the receipts of deletions, oldest first."""
        return f"{self._prefix}:receipts"

    @property
    def numbers(self) -> str:
        """Hash of receipt id to its number, from 1."""
        return f"{self._prefix}:receipt_numbers"

    @property
    def of_users(self) -> str:
        """Sorted set of `<user id's name>:<number>`, all of one score: read by prefix."""
        return f"{self._prefix}:receipts_of_users"

    @property
    def head(self) -> str:
        """Hash of how many receipts there should be and the hash of the last."""
        return f"{self._prefix}:receipt_head"
