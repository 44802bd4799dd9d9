"""Recall: options, items, contexts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mneme.v1 import recall_pb2

from service.domain.memories import MemoryVersion
from service.domain.recall import Context, DateRange, Recalled, RecalledKind, RecallResult, StrategyName
from service.domain.sessions import Message, Summary
from service.rpc.mapping.memories import to_sources
from service.rpc.mapping.sessions import ROLES
from service.rpc.mapping.values import to_timestamp
from service.usecases.memory.get_context import ContextWanted
from service.usecases.memory.recall import RecallLimits

STRATEGIES: Mapping[StrategyName, recall_pb2.RecallStrategy.ValueType] = {
    StrategyName.LOW_LATENCY: recall_pb2.RECALL_STRATEGY_LOW_LATENCY,
    StrategyName.BALANCED: recall_pb2.RECALL_STRATEGY_BALANCED,
    StrategyName.AGENTIC: recall_pb2.RECALL_STRATEGY_AGENTIC,
    StrategyName.AUTO: recall_pb2.RECALL_STRATEGY_AUTO,
}
KINDS: Mapping[RecalledKind, recall_pb2.RecalledKind.ValueType] = {
    RecalledKind.MEMORY: recall_pb2.RECALLED_KIND_MEMORY,
    RecalledKind.MESSAGE: recall_pb2.RECALLED_KIND_MESSAGE,
    RecalledKind.SUMMARY: recall_pb2.RECALLED_KIND_SUMMARY,
}
_FROM_STRATEGY = {wire: noun for noun, wire in STRATEGIES.items()}
_FROM_KIND = {wire: noun for noun, wire in KINDS.items()}


def from_strategy(strategy: recall_pb2.RecallStrategy.ValueType) -> StrategyName:
    """Return the strategy; unspecified means balanced."""
    return _FROM_STRATEGY.get(strategy, StrategyName.BALANCED)


def from_kinds(kinds: Iterable[recall_pb2.RecalledKind.ValueType]) -> frozenset[RecalledKind]:
    """Return the kinds of item that are wanted."""
    return frozenset(_FROM_KIND[kind] for kind in kinds)


def from_recall_options(options: recall_pb2.RecallOptions) -> RecallLimits:
    """Return how to recall; what is absent has its default."""
    given = {field.name: value for field, value in options.ListFields() if field.name != "recall_strategy"}
    return RecallLimits(strategy=from_strategy(options.recall_strategy), **given)


def from_context_options(options: recall_pb2.ContextOptions) -> ContextWanted:
    """Return what a context is to hold; what is absent has its default."""
    apart = {"recall", "include_metadata_ids"}
    # `ListFields` knows an optional field that is present with the value false or zero
    given = {field.name: value for field, value in options.ListFields() if field.name not in apart}
    return ContextWanted(limits=from_recall_options(options.recall), **given)


def to_item(recalled: Recalled) -> recall_pb2.RecalledItem:
    """Return one thing that was found."""
    item = _item_of(recalled)
    item.kind = KINDS[recalled.kind]
    item.score = recalled.score
    item.sources.extend(to_sources(recalled.sources))
    item.signals.update(recalled.signals)
    return item


def _item_of(recalled: Recalled) -> recall_pb2.RecalledItem:
    if recalled.memory is not None:
        return _of_memory(recalled.memory.current)
    if recalled.message is not None:
        return _of_message(recalled.message)
    if recalled.summary is not None:
        return _of_summary(recalled.summary)
    raise AssertionError(recalled)


def to_result_metadata(result: RecallResult) -> recall_pb2.ContextMetadata:
    """Return how a recall came to its result, without ids."""
    metadata = to_strategy_metadata(result.strategy)
    if result.reasoning is not None:
        metadata.agent_reasoning = result.reasoning
    metadata.vector_search_queries.CopyFrom(_to_list(result.search_queries))
    metadata.keywords.CopyFrom(_to_list(result.keywords))
    metadata.session_summaries_search_queries.CopyFrom(_to_list(result.summary_queries))
    metadata.date_range_filters.SetInParent()
    metadata.date_range_filters.filters.extend(_to_date_range(span) for span in result.date_ranges)
    return metadata


def to_strategy_metadata(strategy: StrategyName) -> recall_pb2.ContextMetadata:
    """Return the metadata that every answer has."""
    return recall_pb2.ContextMetadata(recall_strategy_used=STRATEGIES[strategy])


def to_stage_event(message: str) -> recall_pb2.ContextEvent:
    """Return the event of a stage."""
    return recall_pb2.ContextEvent(is_final=False, status_update_message=message)


def to_final_event(context: Context, *, include_ids: bool) -> recall_pb2.ContextEvent:
    """Return the event that carries the context, with its ids and queries if asked for."""
    metadata = _to_context_metadata(context) if include_ids else to_strategy_metadata(context.result.strategy)
    return recall_pb2.ContextEvent(is_final=True, context=context.text, memory_used=bool(context.included), metadata=metadata)


def _to_context_metadata(context: Context) -> recall_pb2.ContextMetadata:
    metadata = to_result_metadata(context.result)
    memories = [recalled.memory.current.memory_id for recalled in context.included if recalled.memory is not None]
    metadata.memory_ids.CopyFrom(_to_list(memories))
    metadata.session_ids.CopyFrom(_to_list(context.session_ids))
    return metadata


def _to_list(values: Iterable[str]) -> recall_pb2.StringList:
    return recall_pb2.StringList(values=values)


def _to_date_range(span: DateRange) -> recall_pb2.DateRangeFilter:
    event, written = recall_pb2.DATE_RANGE_FILTER_TYPE_EVENT_DATE, recall_pb2.DATE_RANGE_FILTER_TYPE_CREATED_AT
    return recall_pb2.DateRangeFilter(
        filter_type=event if span.event else written, start_date=to_timestamp(span.start), end_date=to_timestamp(span.end)
    )


def _of_memory(version: MemoryVersion) -> recall_pb2.RecalledItem:
    return recall_pb2.RecalledItem(
        id=version.memory_id,
        content=version.content,
        event_date_start=to_timestamp(version.event_start),
        event_date_end=to_timestamp(version.event_end),
        created_at=to_timestamp(version.created_at),
        categories=version.categories,
        session_id=version.session_id,
    )


def _of_message(message: Message) -> recall_pb2.RecalledItem:
    said = to_timestamp(message.timestamp)
    return recall_pb2.RecalledItem(
        id=f"{message.session_id}:{message.index}",
        content=message.content,
        role=ROLES[message.role],
        session_id=message.session_id,
        event_date_start=said,
        event_date_end=said,
        created_at=said,
    )


def _of_summary(summary: Summary) -> recall_pb2.RecalledItem:
    at = to_timestamp(summary.created_at)
    return recall_pb2.RecalledItem(
        id=summary.session_id,
        content=summary.content,
        session_id=summary.session_id,
        event_date_start=at,
        event_date_end=at,
        created_at=at,
    )
