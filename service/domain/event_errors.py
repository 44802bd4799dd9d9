"""What is raised about events and recalls. As those of `errors.py`."""

from __future__ import annotations

from service.domain.errors import NotFound, WrongState


class RecallNotFound(NotFound):
    """The project made no such recall, or made it more than a day ago."""

    reason = "RECALL_NOT_FOUND"

    def __init__(self, *, recall_id: str) -> None:
        """Name the recall."""
        super().__init__(f"Recall {recall_id} not found", recall_id=recall_id)


class LegalHold(WrongState):
    """What is to be forgotten or deleted is held for legal reasons."""

    reason = "LEGAL_HOLD"

    def __init__(self) -> None:
        """Say why; not what, which the caller may have no right to know."""
        super().__init__("A legal hold keeps some of this from being deleted: an administrator must release it first")
