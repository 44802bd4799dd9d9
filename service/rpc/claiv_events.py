"""ClaivEventsService."""

from __future__ import annotations

from mneme.compat.v1 import claiv_events_service_pb2 as pb
from mneme.compat.v1.claiv_events_service_pb2_grpc import ClaivEventsServiceServicer

from service.rpc.mapping.claiv_events import from_ingest
from service.rpc.principal import current_project
from service.usecases.events.ingest import IngestEvent


class ClaivEventsServicer(ClaivEventsServiceServicer):
    """Decodes, calls, encodes."""

    def __init__(self, ingest: IngestEvent) -> None:
        """Keep the use case."""
        self._ingest = ingest

    async def Ingest(self, request: pb.IngestRequest, _context: object) -> pb.IngestResponse:
        """Store an event."""
        stored = await self._ingest(current_project(), from_ingest(request))
        return pb.IngestResponse(event_id=stored.event_id, deduped=stored.repeated)
