"""Keep what a recall returned, and what was said of it."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

from service.domain.events import Feedback
from service.domain.ids import ProjectId, RecallId
from service.domain.ports.events import RecallLog


class KeepRecall:
    """Gives a recall an id that feedback can be sent to."""

    def __init__(self, log: RecallLog) -> None:
        """Keep the log."""
        self._log = log

    async def __call__(self, project_id: ProjectId, ids: Sequence[str]) -> RecallId:
        """Return the id of a recall that returned things of these *ids*; it is known for a day."""
        recall_id = RecallId(str(uuid4()))
        await self._log.keep(project_id, recall_id, ids)
        return recall_id


class SendFeedback:
    """Keeps what of a recall was of use."""

    def __init__(self, log: RecallLog) -> None:
        """Keep the log."""
        self._log = log

    async def __call__(self, project_id: ProjectId, recall_id: str, feedback: Feedback) -> int:
        """Return how many of the ids the recall had returned. Raises RecallNotFound."""
        return await self._log.rate(project_id, RecallId(recall_id), feedback)
