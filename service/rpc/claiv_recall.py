"""ClaivRecallService."""

from __future__ import annotations

from dataclasses import dataclass

from mneme.compat.v1 import claiv_recall_service_pb2 as pb
from mneme.compat.v1.claiv_recall_service_pb2_grpc import ClaivRecallServiceServicer

from service.domain.events import Feedback
from service.domain.ids import UserId
from service.domain.sessions import SessionOrigin
from service.rpc.mapping.claiv_blocks import citations, ids_of_blocks, to_block, to_quoted_v2, to_quoted_v3
from service.rpc.mapping.claiv_facts import (
    block_facts,
    from_v5,
    from_v6,
    ids_of_facts,
    to_debug,
    to_fact,
    to_fact_block,
    to_prompt_context,
    to_routing,
    to_working_memory,
)
from service.rpc.mapping.values import from_struct, to_timestamp
from service.rpc.principal import current_project
from service.usecases.briefing.blocks import Blocks, BlocksWanted, RecallBlocks
from service.usecases.briefing.facts import RecallFacts, Tier
from service.usecases.briefing.feedback import KeepRecall, SendFeedback

_STILL_READING = "Events of the last seconds are still being read"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaivRecallCalls:
    """The use cases behind ClaivRecallService."""

    blocks: RecallBlocks
    facts: RecallFacts
    keep: KeepRecall
    feedback: SendFeedback


class ClaivRecallServicer(ClaivRecallServiceServicer):
    """Decodes, calls, encodes."""

    def __init__(self, calls: ClaivRecallCalls) -> None:
        """Keep the use cases."""
        self._calls = calls

    async def RecallV1(self, request: pb.RecallV1Request, _context: object) -> pb.RecallV1Response:
        """Return blocks."""
        project = from_struct(request.scope).get("project")
        found = await self._blocks(request, group=project if isinstance(project, str) else "")
        return pb.RecallV1Response(
            system_context=found.text,
            memory_blocks=map(to_block, found.blocks),
            citations=citations(found),
            token_estimate=found.tokens,
        )

    async def RecallV2(self, request: pb.RecallV2Request, _context: object) -> pb.RecallV2Response:
        """Return blocks with their evidence."""
        found = await self._blocks(request)
        return pb.RecallV2Response(
            system_context=found.text,
            memory_blocks=map(to_quoted_v2, found.blocks),
            citations=citations(found),
            token_estimate=found.tokens,
        )

    async def RecallV3(self, request: pb.RecallV3Request, _context: object) -> pb.RecallV3Response:
        """Return blocks under an id."""
        found = await self._blocks(request)
        recall_id = await self._calls.keep(current_project(), ids_of_blocks(found))
        return pb.RecallV3Response(
            recall_id=recall_id,
            as_of=to_timestamp(found.now),
            system_context=found.text,
            memory_blocks=map(to_quoted_v3, found.blocks),
            citations=citations(found),
            token_estimate=found.tokens,
            ingestion_lag_seconds=found.lag.total_seconds(),
            stale_warning=_STILL_READING if found.lag else None,
        )

    async def RecallV5(self, request: pb.RecallV5Request, _context: object) -> pb.RecallV5Response:
        """Return facts with their history."""
        found = await self._calls.facts(current_project(), UserId(request.user_id), from_v5(request))
        facts = block_facts(found, cold=request.include_cold)
        recall_id = await self._calls.keep(current_project(), ids_of_facts(facts))
        history = request.include_history or not request.HasField("include_history")
        return pb.RecallV5Response(
            recall_id=recall_id,
            answer=found.text,
            selected_ids=[fact.chain.current.memory_id for fact in facts],
            memory_blocks=[to_fact_block(fact, history=history) for fact in facts],
            token_estimate=found.tokens,
            as_of=to_timestamp(found.asked_at),
        )

    async def RecallV6(self, request: pb.RecallV6Request, _context: object) -> pb.RecallV6Response:
        """Return facts by how near they are to the query, and a text for a prompt."""
        found = await self._calls.facts(current_project(), UserId(request.user_id), from_v6(request))
        facts = block_facts(found, cold=request.include_cold)
        recall_id = await self._calls.keep(current_project(), ids_of_facts(found.facts))
        history = request.include_history or not request.HasField("include_history")
        context = to_prompt_context(found)
        remembers = request.include.working_memory or not request.include.HasField("working_memory")
        return pb.RecallV6Response(
            answer_facts=map(to_fact, found.of(Tier.HOT)),
            supporting_facts=map(to_fact, found.of(Tier.WARM)),
            background_context=map(to_fact, found.of(Tier.COLD)),
            llm_context=context,
            working_memory=to_working_memory(found) if request.thread_id and remembers else None,
            routing=to_routing(found),
            debug=to_debug(found) if request.include.debug else None,
            recall_id=recall_id,
            answer=found.text,
            selected_ids=[fact.chain.current.memory_id for fact in facts],
            memory_blocks=[to_fact_block(fact, history=history) for fact in facts],
            token_estimate=found.tokens,
            as_of=to_timestamp(found.asked_at),
        )

    async def SendRecallFeedback(self, request: pb.SendRecallFeedbackRequest, _context: object) -> pb.SendRecallFeedbackResponse:
        """Keep what was of use."""
        rating = request.user_rating if request.HasField("user_rating") else None
        feedback = Feedback(ids=tuple(request.selected_ids.ids), rating=rating)
        recorded = await self._calls.feedback(current_project(), request.recall_id, feedback)
        return pb.SendRecallFeedbackResponse(recall_id=request.recall_id, facts_recorded=recorded)

    async def _blocks(self, request: pb.RecallV1Request | pb.RecallV2Request | pb.RecallV3Request, group: str = "") -> Blocks:
        wanted = BlocksWanted(
            text=request.task,
            token_budget=request.token_budget,
            place=SessionOrigin(thread=request.thread_id, group=group),
            min_score=request.min_confidence if request.HasField("min_confidence") else None,
        )
        return await self._calls.blocks(current_project(), UserId(request.user_id), wanted)
