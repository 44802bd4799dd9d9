"""ArchivesService."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from mneme.v1 import archives_service_pb2 as pb
from mneme.v1.archives_service_pb2_grpc import ArchivesServiceServicer

from service.domain.ids import UserId
from service.rpc.mapping.archives import from_record, to_record
from service.rpc.principal import current_project
from service.usecases.archives.export import ExportUser
from service.usecases.archives.restore import ImportMemories


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveCalls:
    """The use cases behind ArchivesService."""

    export: ExportUser
    restore: ImportMemories


class ArchivesServicer(ArchivesServiceServicer):
    """Decodes, calls, encodes."""

    def __init__(self, calls: ArchiveCalls) -> None:
        """Keep the use cases."""
        self._calls = calls

    async def ExportUser(self, request: pb.ExportUserRequest, _context: object) -> AsyncIterator[pb.ExportUserResponse]:
        """Send a user as an archive."""
        async for record in self._calls.export(current_project(), UserId(request.user_id)):
            yield pb.ExportUserResponse(record=to_record(record))

    async def ImportMemories(
        self, request_iterator: AsyncIterator[pb.ImportMemoriesRequest], _context: object
    ) -> pb.ImportMemoriesResponse:
        """Make a user of an archive."""
        records = (from_record(request.record) async for request in request_iterator)
        imported = await self._calls.restore(current_project(), records)
        return pb.ImportMemoriesResponse(
            user_id=imported.user_id,
            sessions=imported.sessions,
            messages=imported.messages,
            memories=imported.memories,
            documents=imported.documents,
        )
