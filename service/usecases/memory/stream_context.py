"""Stream the making of a context."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from service.domain.ids import ProjectId, UserId
from service.domain.recall import Context
from service.usecases.memory.get_context import ContextWanted, GetContext

FIRST_STAGE = "Reading the conversation"


class StreamContext:
    """Does what GetContext does and reports each stage when it begins."""

    def __init__(self, get_context: GetContext) -> None:
        """Keep the use case that does the work."""
        self._get_context = get_context

    async def __call__(
        self, project_id: ProjectId, user_id: UserId, session_id: str, wanted: ContextWanted
    ) -> AsyncGenerator[str | Context]:
        """
        Yield a status line for a person at each stage, the first before any work, and the context at last. Whoever stops
        iterating stops the work.

        Raises UserNotFound, SessionNotFound, InvalidRequest before the first stage.
        """
        prepared = await self._get_context.prepare(project_id, user_id, session_id, wanted)
        yield FIRST_STAGE
        stages: asyncio.Queue[str | None] = asyncio.Queue()
        work = asyncio.create_task(self._get_context.run(prepared, on_stage=stages.put))
        # None ends the stages, however the work ends
        work.add_done_callback(lambda _: stages.put_nowait(None))
        try:
            while (stage := await stages.get()) is not None:
                yield stage
            yield await work
        finally:
            work.cancel()
