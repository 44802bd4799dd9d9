"""Recall: options, items, contexts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from mneme.v1 import recall_pb2
from mneme.v1.memory_service_pb2 import RecallResponse

from service.domain.memories import MemoryVersion
from service.domain.recall import Context, DateRange, Recalled, RecalledKind, RecallResult, StrategyName
from service.domain.sessions import Message, Summary
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


def to_response(result: RecallResult) -> RecallResponse:
    """Return what a recall found, and how it came to it."""
    response = RecallResponse(metadata=to_result_metadata(result))
    for recalled in result.items:
        # filled in its place: to copy an item takes as long as to make it
        _fill(response.items.add(), recalled)
    return response


def _fill(item: recall_pb2.RecalledItem, recalled: Recalled) -> None:
    item.kind = KINDS[recalled.kind]
    item.score = recalled.score
    if recalled.memory is not None:
        _fill_memory(item, recalled.memory.current)
    elif recalled.message is not None:
        _fill_message(item, recalled.message)
    elif recalled.summary is not None:
        _fill_summary(item, recalled.summary)
    for source in recalled.sources:
        item.sources.add(session_id=source.session_id, message_index=source.message_index)
    signals = item.signals
    for name, value in recalled.signals.items():
        signals[name] = value


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


def _fill_memory(item: recall_pb2.RecalledItem, version: MemoryVersion) -> None:
    item.id = version.memory_id
    item.content = version.content
    item.categories.extend(version.categories)
    item.session_id = version.session_id
    item.event_date_start.CopyFrom(to_timestamp(version.event_start))
    item.event_date_end.CopyFrom(to_timestamp(version.event_end))
    item.created_at.CopyFrom(to_timestamp(version.created_at))


def _fill_message(item: recall_pb2.RecalledItem, message: Message) -> None:
    item.id = f"{message.session_id}:{message.index}"
    item.content = message.content
    item.role = ROLES[message.role]
    item.session_id = message.session_id
    _fill_times(item, message.timestamp)


def _fill_summary(item: recall_pb2.RecalledItem, summary: Summary) -> None:
    item.id = item.session_id = summary.session_id
    item.content = summary.content
    _fill_times(item, summary.created_at)


def _fill_times(item: recall_pb2.RecalledItem, moment: datetime) -> None:
    """Set all times of what happened when it was written."""
    timestamp = to_timestamp(moment)
    for field in (item.event_date_start, item.event_date_end, item.created_at):
        field.CopyFrom(timestamp)
