"""MemoryService."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass

from mneme.v1 import memory_service_pb2 as pb
from mneme.v1.memory_service_pb2_grpc import MemoryServiceServicer

from service.domain.ids import UserId
from service.rpc.mapping.memories import from_memory_filter, to_memory
from service.rpc.mapping.recall import (
    from_context_options,
    from_kinds,
    from_recall_options,
    from_strategy,
    to_final_event,
    to_response,
    to_stage_event,
)
from service.rpc.mapping.values import from_page
from service.rpc.principal import current_project
from service.usecases.memory.delete import DeleteMemory
from service.usecases.memory.get import GetMemory
from service.usecases.memory.get_context import GetContext
from service.usecases.memory.get_system_prompt import GetSystemPrompt
from service.usecases.memory.list import ListMemories
from service.usecases.memory.recall import Recall
from service.usecases.memory.stream_context import StreamContext

_PAGE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryCalls:
    """The use cases behind MemoryService."""

    recall: Recall
    get_context: GetContext
    stream_context: StreamContext
    get_system_prompt: GetSystemPrompt
    list: ListMemories
    get: GetMemory
    delete: DeleteMemory


class MemoryServicer(MemoryServiceServicer):
    """Decodes, calls, encodes."""

    def __init__(self, calls: MemoryCalls) -> None:
        """Keep the use cases."""
        self._calls = calls

    async def Recall(self, request: pb.RecallRequest, _context: object) -> pb.RecallResponse:
        """Return what is relevant to a query."""
        result = await self._calls.recall(
            current_project(),
            UserId(request.user_id),
            request.query,
            from_recall_options(request.options),
            kinds=from_kinds(request.kinds),
            exclude_sessions=request.exclude_session_ids,
        )
        return to_response(result)

    async def GetContext(self, request: pb.GetContextRequest, _context: object) -> pb.GetContextResponse:
        """Return what the next prompt of a session needs."""
        context = await self._calls.get_context(
            current_project(), UserId(request.user_id), request.session_id, from_context_options(request.options)
        )
        return pb.GetContextResponse(event=to_final_event(context, include_ids=request.options.include_metadata_ids))

    async def StreamContext(self, request: pb.StreamContextRequest, _context: object) -> AsyncIterator[pb.StreamContextResponse]:
        """Report each stage, then return the context."""
        wanted = from_context_options(request.options)
        steps = self._calls.stream_context(current_project(), UserId(request.user_id), request.session_id, wanted)
        # closed at once when the client leaves, not when the garbage collector comes
        async with aclosing(steps):
            async for step in steps:
                if isinstance(step, str):
                    event = to_stage_event(step)
                else:
                    event = to_final_event(step, include_ids=request.options.include_metadata_ids)
                yield pb.StreamContextResponse(event=event)

    async def GetSystemPrompt(self, request: pb.GetSystemPromptRequest, _context: object) -> pb.GetSystemPromptResponse:
        """Return the text that tells a model how to read a context."""
        prompt = await self._calls.get_system_prompt(from_strategy(request.recall_strategy))
        return pb.GetSystemPromptResponse(system_prompt=prompt)

    async def ListMemories(self, request: pb.ListMemoriesRequest, _context: object) -> pb.ListMemoriesResponse:
        """Return one page of memories."""
        previous, connected = _wanted(request)
        page = await self._calls.list(
            current_project(),
            UserId(request.user_id),
            from_page(request, default=_PAGE),
            from_memory_filter(request),
            include_connected=connected,
        )
        items = [to_memory(view, previous_versions=previous, connected_memories=connected) for view in page.items]
        return pb.ListMemoriesResponse(items=items, total=page.total, has_more=page.has_more)

    async def GetMemory(self, request: pb.GetMemoryRequest, _context: object) -> pb.GetMemoryResponse:
        """Return one version of a memory."""
        previous, connected = _wanted(request)
        view = await self._calls.get(current_project(), UserId(request.user_id), request.memory_id, include_connected=connected)
        return pb.GetMemoryResponse(memory=to_memory(view, previous_versions=previous, connected_memories=connected))

    async def DeleteMemory(self, request: pb.DeleteMemoryRequest, _context: object) -> pb.DeleteMemoryResponse:
        """Remove a version of a memory, or it and all older ones."""
        await self._calls.delete(
            current_project(), UserId(request.user_id), request.memory_id, with_older=request.delete_previous_versions
        )
        return pb.DeleteMemoryResponse()


def _wanted(request: pb.ListMemoriesRequest | pb.GetMemoryRequest) -> tuple[bool, bool]:
    """Return whether previous versions and connected memories are wanted; both are unless the caller says no."""
    previous = not request.HasField("include_previous_versions") or request.include_previous_versions
    connected = not request.HasField("include_connected_memories") or request.include_connected_memories
    return previous, connected
