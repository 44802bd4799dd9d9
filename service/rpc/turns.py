"""TurnsService."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from mneme.v1 import turns_service_pb2 as pb
from mneme.v1.recall_pb2 import RECALL_STRATEGY_UNSPECIFIED
from mneme.v1.turns_service_pb2_grpc import TurnsServiceServicer

from service.domain.ids import UserId
from service.domain.sessions import DEFAULT_AUTO_PROCESS_AFTER
from service.rpc.mapping.recall import STRATEGIES, from_strategy
from service.rpc.principal import current_project
from service.usecases.memory.get_context import ContextWanted
from service.usecases.memory.recall import RecallLimits
from service.usecases.turns.open import OpenTurn, RecallOutcome, TurnRecall
from service.usecases.turns.places import PlaceWanted
from service.usecases.turns.store import ReplyEnd, StoreTurn, Turn

_RECALL_PATIENCE = timedelta(milliseconds=300)
_LIMITS = {"min_top_k": 10, "max_top_k": 50, "memories_threshold": 0.7, "summaries_threshold": 0.6}
_CONTEXT = ("last_n_messages", "last_n_summaries", "timezone", "include_system_prompt", "token_budget")
_OUTCOMES: Mapping[RecallOutcome, pb.RecallOutcome.ValueType] = {
    RecallOutcome.NOT_ASKED: pb.RECALL_OUTCOME_NOT_ASKED,
    RecallOutcome.DONE: pb.RECALL_OUTCOME_DONE,
    RecallOutcome.TIMED_OUT: pb.RECALL_OUTCOME_TIMED_OUT,
    RecallOutcome.FAILED: pb.RECALL_OUTCOME_FAILED,
}
_ENDS: Mapping[pb.ReplyEnd.ValueType, ReplyEnd] = {
    pb.REPLY_END_INTERRUPTED: ReplyEnd.INTERRUPTED,
    pb.REPLY_END_TRUNCATED: ReplyEnd.TRUNCATED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnCalls:
    """The use cases behind TurnsService."""

    open: OpenTurn
    store: StoreTurn


class TurnsServicer(TurnsServiceServicer):
    """Decodes, calls, encodes."""

    def __init__(self, calls: TurnCalls) -> None:
        """Keep the use cases."""
        self._calls = calls

    async def OpenTurn(self, request: pb.OpenTurnRequest, _context: object) -> pb.OpenTurnResponse:
        """Find the session of a turn and recall for it."""
        opened = await self._calls.open(_place(request), _recall(request))
        context = opened.context
        return pb.OpenTurnResponse(
            session_id=opened.place.session.session_id,
            session_created=opened.place.session_created,
            user_created=opened.place.user_created,
            context=context.text if context else "",
            system_prompt=opened.prompt,
            recall_strategy_used=STRATEGIES[context.result.strategy] if context else RECALL_STRATEGY_UNSPECIFIED,
            recall_outcome=_OUTCOMES[opened.outcome],
            recall_microseconds=opened.took // timedelta(microseconds=1),
        )

    async def StoreTurn(self, request: pb.StoreTurnRequest, _context: object) -> pb.StoreTurnResponse:
        """Append what was said, once."""
        turn = Turn(
            user_messages=tuple(request.user_messages),
            user_key=request.user_key,
            reply=request.reply if request.HasField("reply") else None,
            reply_key=request.reply_key,
            reply_end=_ENDS.get(request.reply_end, ReplyEnd.COMPLETE),
        )
        return pb.StoreTurnResponse(session_id=await self._calls.store(_place(request), turn))


def _place(request: pb.OpenTurnRequest | pb.StoreTurnRequest) -> PlaceWanted:
    timed = request.HasField("session_timeout_seconds")
    return PlaceWanted(
        project_id=current_project(),
        user_id=UserId(request.user_id),
        allow_new_user=request.allow_new_user,
        session_id=request.session_id,
        inactivity=timedelta(seconds=request.session_timeout_seconds) if timed else DEFAULT_AUTO_PROCESS_AFTER,
    )


def _recall(request: pb.OpenTurnRequest) -> TurnRecall:
    # `ListFields` knows an optional field that is present with the value false or zero
    given = {field.name: value for field, value in request.ListFields()}
    limits = RecallLimits(
        strategy=from_strategy(request.recall_strategy),
        **{name: given.get(name, default) for name, default in _LIMITS.items()},
    )
    patience = given.get("recall_timeout_milliseconds")
    return TurnRecall(
        query=request.query,
        context=ContextWanted(limits=limits, **{name: given[name] for name in _CONTEXT if name in given}),
        patience=timedelta(milliseconds=patience) if patience else _RECALL_PATIENCE,
    )
