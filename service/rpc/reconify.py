"""ReconifyService."""

from __future__ import annotations

import json

from mneme.compat.v1 import reconify_service_pb2 as pb
from mneme.compat.v1.reconify_service_pb2_grpc import ReconifyServiceServicer

from service.domain.errors import InvalidRequest
from service.domain.values import Json
from service.rpc.meter import count_text
from service.rpc.principal import current_project
from service.usecases.interactions.reading import Report, read_interaction
from service.usecases.interactions.track import TrackInteraction

_OK = "ok"


class ReconifyServicer(ReconifyServiceServicer):
    """Decodes, calls, encodes."""

    def __init__(self, track: TrackInteraction) -> None:
        """Keep the use case."""
        self._track = track

    async def Track(self, request: pb.TrackRequest, _context: object) -> pb.TrackResponse:
        """Store one interaction."""
        for message in await self._track(current_project(), read_interaction(_report(request))):
            count_text(message.content)
        return pb.TrackResponse(status=_OK)

    async def Upload(self, _request: pb.UploadRequest, _context: object) -> pb.UploadResponse:
        """Take an image, of which nothing is kept."""
        return pb.UploadResponse(status=_OK)


def _report(request: pb.TrackRequest) -> Report:
    return Report(
        format=request.reconify.format,
        kind=request.reconify.type,
        timestamps=_json("timestamps", request.timestamps),
        session=_json("session", request.session),
        session_timeout=_json("session_timeout", request.session_timeout),
        user=_json("user", request.user),
        request=_json("request", request.request),
        response=_json("response", request.response),
    )


def _json(field: str, text: bytes) -> Json:
    """Return the value of a JSON text, None for none. Raises InvalidRequest about *field*."""
    try:
        value: Json = json.loads(text) if text else None
    except (ValueError, RecursionError) as error:
        raise InvalidRequest.of(field, "must hold JSON") from error
    return value
