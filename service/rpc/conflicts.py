"""ConflictsService."""

from __future__ import annotations

from dataclasses import dataclass

from mneme.v1 import conflicts_service_pb2 as pb
from mneme.v1.conflicts_service_pb2_grpc import ConflictsServiceServicer

from service.domain.ids import UserId
from service.rpc.mapping.conflicts import from_answers, from_conflict_filter, to_conflict
from service.rpc.mapping.values import from_page
from service.rpc.principal import current_project
from service.usecases.conflicts.get import GetConflict
from service.usecases.conflicts.list import ListConflicts
from service.usecases.conflicts.resolve import ResolveConflict

_PAGE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictCalls:
    """The use cases behind ConflictsService."""

    list: ListConflicts
    get: GetConflict
    resolve: ResolveConflict


class ConflictsServicer(ConflictsServiceServicer):
    """Decodes, calls, encodes."""

    def __init__(self, calls: ConflictCalls) -> None:
        """Keep the use cases."""
        self._calls = calls

    async def ListConflicts(self, request: pb.ListConflictsRequest, _context: object) -> pb.ListConflictsResponse:
        """Return one page of conflicts."""
        user_id = UserId(request.user_id)
        page = await self._calls.list(
            current_project(), user_id, from_page(request, default=_PAGE), from_conflict_filter(request)
        )
        conflicts = [to_conflict(user_id, conflict) for conflict in page.items]
        return pb.ListConflictsResponse(conflicts=conflicts, total=page.total, has_more=page.has_more)

    async def GetConflict(self, request: pb.GetConflictRequest, _context: object) -> pb.GetConflictResponse:
        """Return one conflict."""
        user_id = UserId(request.user_id)
        conflict = await self._calls.get(current_project(), user_id, request.conflict_id)
        return pb.GetConflictResponse(conflict=to_conflict(user_id, conflict))

    async def ResolveConflict(self, request: pb.ResolveConflictRequest, _context: object) -> pb.ResolveConflictResponse:
        """Take the answers to a conflict."""
        user_id = UserId(request.user_id)
        conflict = await self._calls.resolve(current_project(), user_id, request.conflict_id, from_answers(request.answers))
        return pb.ResolveConflictResponse(conflict=to_conflict(user_id, conflict))
