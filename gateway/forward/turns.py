"""The two calls of the service that bracket a turn."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from mneme.v1 import memory_service_pb2
from mneme.v1 import turns_service_pb2 as pb

from gateway.client import Listener, Metadata, ServiceClient
from gateway.forward.conversation import NewTurn
from gateway.forward.options import TurnOptions
from gateway.forward.reply import Ending, Reply
from gateway.status import CallFailed, unreachable

ROUTE = "/api/v1/forward/{url}"
# what the service may take besides the recall: to find the user and the session, or to make them
_GRACE = timedelta(milliseconds=500)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Who calls, and the id of the request."""

    api_key: str
    project_id: str
    request_id: str

    @property
    def metadata(self) -> Metadata:
        """What goes with each call of the service."""
        return (
            ("x-recallr-api-key", self.api_key),
            ("x-recallr-project-id", self.project_id),
            ("x-request-id", self.request_id),
            ("x-mneme-route", ROUTE),
        )


class TurnsClient:
    """Opens and stores turns."""

    def __init__(self, client: ServiceClient, *, recall: timedelta) -> None:
        """Call over *client*; *recall* bounds the time that a recall may take."""
        service = pb.DESCRIPTOR.services_by_name["TurnsService"]
        opening, storing = service.methods_by_name["OpenTurn"], service.methods_by_name["StoreTurn"]
        name = f"/{service.full_name}/"
        # opening twice finds the same session, and a part of a turn is stored once under its key
        self._open = client.unary(f"{name}OpenTurn", opening.input_type, opening.output_type, repeatable=True)
        self.store = client.unary(f"{name}StoreTurn", storing.input_type, storing.output_type, repeatable=True)
        memory = memory_service_pb2.DESCRIPTOR.services_by_name["MemoryService"]
        prompt = memory.methods_by_name["GetSystemPrompt"]
        self._prompt = client.unary(
            f"/{memory.full_name}/GetSystemPrompt", prompt.input_type, prompt.output_type, repeatable=True
        )
        self._recall = recall

    async def open(
        self, options: TurnOptions, user_id: str, query: str, credentials: Credentials, listen: Listener
    ) -> pb.OpenTurnResponse:
        """Return the open turn of a user, of whose quota *listen* is told. CallFailed, also when the service takes too long."""
        request = pb.OpenTurnRequest(
            user_id=user_id,
            allow_new_user=options.allow_new_user,
            session_id=options.session_id,
            session_timeout_seconds=options.session_timeout_seconds,
            query=query,
            recall_strategy=options.strategy,
            min_top_k=options.min_top_k,
            max_top_k=options.max_top_k,
            memories_threshold=options.memories_threshold,
            summaries_threshold=options.summaries_threshold,
            last_n_messages=options.last_n_messages,
            last_n_summaries=options.last_n_summaries,
            timezone=options.timezone,
            include_system_prompt=options.include_system_prompt,
            recall_timeout_milliseconds=round(self._recall.total_seconds() * 1000),
        )
        try:
            async with asyncio.timeout((self._recall + _GRACE).total_seconds()):
                answer = await self._open(request, credentials.metadata, listen)
        except TimeoutError as error:
            raise CallFailed(unreachable()) from error
        assert isinstance(answer, pb.OpenTurnResponse)  # noqa: S101 - tells the type checker what the descriptor says
        return answer

    async def check(self, credentials: Credentials) -> None:
        """Return when *credentials* are good: the cheapest call that asks for them. CallFailed."""
        try:
            async with asyncio.timeout((self._recall + _GRACE).total_seconds()):
                await self._prompt(memory_service_pb2.GetSystemPromptRequest(), credentials.metadata)
        except TimeoutError as error:
            raise CallFailed(unreachable()) from error


def turn_to_store(
    options: TurnOptions, user_id: str, session_id: str, turn: NewTurn, reply: Reply, *, broken: bool
) -> pb.StoreTurnRequest | None:
    """
    Return what is to be stored of a turn, None when it is nothing: the provider or the model refused, or broke off before a word.

    *broken* says that the answer did not come to its end.
    """
    if reply.ending in (Ending.FAILED, Ending.REFUSED):
        return None
    unfinished = reply.ending is Ending.UNFINISHED
    if unfinished and broken and not reply.text:
        return None
    # an answer that came to its end and could not be read is no reply, and the user has said what he said
    has_reply = bool(reply.text) and reply.ending is not Ending.TOOLS
    if not has_reply and not turn.user_messages:
        return None
    end = pb.REPLY_END_COMPLETE
    if unfinished or reply.truncated:
        end = pb.REPLY_END_INTERRUPTED if broken or not reply.truncated else pb.REPLY_END_TRUNCATED
    return pb.StoreTurnRequest(
        user_id=user_id,
        allow_new_user=options.allow_new_user,
        session_id=session_id,
        session_timeout_seconds=options.session_timeout_seconds,
        user_messages=turn.user_messages,
        user_key=turn.user_key,
        reply=reply.text if has_reply else None,
        reply_key=turn.reply_key,
        reply_end=end,
    )
