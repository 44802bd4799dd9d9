"""Facts as the fifth and the sixth generation of the Claiv API have them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import pairwise

from google.protobuf.struct_pb2 import Struct, Value
from mneme.compat.v1 import claiv_fact_pb2, claiv_recall_service_pb2

from service.domain.memories import MemoryVersion, VersionReason
from service.domain.recall import RecallResult, StrategyName
from service.domain.sessions import Message, SessionOrigin
from service.domain.values import JsonObject
from service.rpc.mapping.claiv_blocks import event_id, event_ids
from service.rpc.mapping.values import from_timestamp, to_struct, to_timestamp
from service.usecases.briefing.facts import Fact, FactLimits, Facts, FactsWanted, Tier

MOST_FOCUSED = 10
"""The most entities that a focus names."""

_ROLES_OF_THEIR_OWN = frozenset({"system", "tool"})
_DAY = timedelta(days=1)
_INSTANT = timedelta(minutes=1)


def from_v5(request: claiv_recall_service_pb2.RecallV5Request) -> FactsWanted:
    """Return what RecallV5 is to find."""
    limits = FactLimits(tokens=request.token_budget) if request.HasField("token_budget") else FactLimits()
    place = SessionOrigin(thread=request.thread_id)
    return FactsWanted(text=request.query, place=place, limits=limits, only_thread=bool(request.thread_id))


def from_v6(request: claiv_recall_service_pb2.RecallV6Request) -> FactsWanted:
    """Return what RecallV6 is to find. Raises InvalidRequest for a time that is none."""
    named = request.HasField("reference_time")
    return FactsWanted(
        text=request.query,
        place=SessionOrigin(thread=request.thread_id, group=request.project_id),
        limits=_limits(request),
        now=from_timestamp("reference_time", request.reference_time) if named else None,
        document_id=request.document_id,
        collection_id=request.collection_id,
    )


def _limits(request: claiv_recall_service_pb2.RecallV6Request) -> FactLimits:
    default = FactLimits()
    # `ListFields` knows a field that is present with the value zero
    given: dict[str, int] = {field.name: value for field, value in request.limits.ListFields()}
    most = given.get("max_list_items", 100)
    return FactLimits(
        hot=min(most, given.get("answer_facts", default.hot)),
        warm=min(most, given.get("supporting_facts", default.warm)),
        cold=min(most, given.get("background_facts", default.cold)),
        passages=given.get("document_chunks", default.passages),
        tokens=request.token_budget or default.tokens,
    )


def block_facts(found: Facts, *, cold: bool) -> list[Fact]:
    """Return the facts that are shown as blocks: those that bear on the query, and with *cold* the others too."""
    return [fact for fact in found.facts if cold or fact.tier is not Tier.COLD]


def ids_of_facts(facts: Sequence[Fact]) -> list[str]:
    """Return the ids that feedback may name: those of the facts and of the events that they come from."""
    return [*(fact.chain.current.memory_id for fact in facts), *(one for fact in facts for one in event_ids(fact.sources))]


def to_fact(fact: Fact) -> claiv_fact_pb2.ClaivFact:
    """Return a fact of RecallV6."""
    said, version = fact.statement, fact.chain.current
    return claiv_fact_pb2.ClaivFact(
        fact_id=version.memory_id,
        subject=said.subject,
        kind=said.kind,
        predicate=said.predicate,
        object=Value(string_value=said.object_text),
        object_text=said.object_text,
        relation_phrase=said.phrase or None,
        source_text=fact.quotes[0].content if fact.quotes else None,
        confidence=fact.score,
        importance=fact.score,
        created_at=to_timestamp(version.created_at),
        temporal_matches=[_span(version, fact.quotes)],
        document_id=fact.document_id or None,
        document_name=fact.document_name or None,
    )


def _span(version: MemoryVersion, quotes: Sequence[Message]) -> claiv_fact_pb2.ClaivSpan:
    length = version.event_end - version.event_start
    return claiv_fact_pb2.ClaivSpan(
        ts_start=to_timestamp(version.event_start),
        ts_end=to_timestamp(version.event_end) if length else None,
        anchor_time=to_timestamp(quotes[0].timestamp) if quotes else None,
        date_type="event",
        granularity="moment" if length <= _INSTANT else "day" if length <= _DAY else "range",
    )


def to_fact_block(fact: Fact, *, history: bool) -> claiv_fact_pb2.ClaivFactBlock:
    """Return a fact of RecallV5, with its *history* if that is wanted."""
    said, version = fact.statement, fact.chain.current
    return claiv_fact_pb2.ClaivFactBlock(
        fact_id=version.memory_id,
        subject=said.subject,
        relation=said.predicate,
        object=Value(string_value=said.object_text),
        object_category=version.categories[0] if version.categories else None,
        memory_type=said.kind,
        importance_score=fact.score,
        tier=fact.tier.value,
        content=version.content,
        evidence=[claiv_fact_pb2.ClaivEvidence(event_id=event_id(quote), source_text=quote.content) for quote in fact.quotes],
        temporal_history=_edges(fact.chain.versions) if history else (),
    )


def _edges(versions: Sequence[MemoryVersion]) -> Iterator[claiv_fact_pb2.ClaivEdge]:
    """Yield each step from a version to the next."""
    for earlier, later in pairwise(versions):
        merged = later.reason is VersionReason.MERGE_CONFLICT
        yield claiv_fact_pb2.ClaivEdge(
            edge_id=f"{earlier.memory_id}:{later.memory_id}",
            from_fact_id=earlier.memory_id,
            to_fact_id=later.memory_id,
            change_type="merge" if merged else "update",
            valid_from=to_timestamp(earlier.created_at),
            valid_to=to_timestamp(earlier.expired_at or later.created_at),
        )


def to_prompt_context(found: Facts) -> claiv_fact_pb2.ClaivPromptContext:
    """Return what goes into a prompt."""
    return claiv_fact_pb2.ClaivPromptContext(
        reference_time=to_timestamp(found.now),
        anchor_source=found.anchor.value,
        conversation_history=[
            claiv_fact_pb2.ClaivHistoryTurn(
                role=message.kind if message.kind in _ROLES_OF_THEIR_OWN else message.role.value,
                content=message.content,
                event_time=to_timestamp(message.timestamp),
            )
            for message in found.history
        ],
        fact_ids=[fact.chain.current.memory_id for fact in found.included],
        text=found.text,
    )


def to_working_memory(found: Facts) -> claiv_fact_pb2.ClaivWorkingMemory:
    """Return where a conversation stands: what the facts say that its newest messages are behind."""
    recent = {message.session_id for message in found.history}
    facts = [fact for fact in found.facts if any(source.session_id in recent for source in fact.sources)]
    entities = dict.fromkeys(entity for fact in facts for entity in fact.chain.current.entities)
    subjects = dict.fromkeys(fact.statement.subject for fact in facts)
    return claiv_fact_pb2.ClaivWorkingMemory(
        focus=claiv_fact_pb2.ClaivFocus(
            entities=list(entities)[:MOST_FOCUSED], last_subjects=list(subjects)[:MOST_FOCUSED], last_constraints=Struct()
        ),
        turn_summary=found.stretch,
    )


def to_routing(found: Facts) -> claiv_fact_pb2.ClaivRouting:
    """Return how a query was taken."""
    several = found.result is not None and found.result.strategy is StrategyName.AGENTIC
    return claiv_fact_pb2.ClaivRouting(
        mode="multi" if several else "single",
        kinds=dict.fromkeys(fact.statement.kind for fact in found.facts),
        predicates=dict.fromkeys(fact.statement.predicate for fact in found.facts),
        temporal_intent=_times(found.result),
    )


def _times(result: RecallResult | None) -> Value | None:
    if result is None or not result.date_ranges:
        return None
    value = Value()
    for span in result.date_ranges:
        one = {"start": span.start.isoformat(), "end": span.end.isoformat(), "about": "event" if span.event else "said"}
        value.list_value.values.add().struct_value.update(one)
    return value


def to_debug(found: Facts) -> Struct:
    """Return how a recall was made."""
    result = found.result
    told: JsonObject = (
        {}
        if result is None
        else {
            "strategy": result.strategy.value,
            "search_queries": list(result.search_queries),
            "keywords": list(result.keywords),
            "reasoning": result.reasoning,
        }
    )
    return to_struct(told)
