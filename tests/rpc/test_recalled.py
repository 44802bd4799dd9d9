"""What the answer of a recall says of what was found."""

from __future__ import annotations

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp
from mneme.v1 import memory_pb2, recall_pb2, session_pb2
from mneme.v1.memory_service_pb2 import RecallResponse

from service.domain.ids import ChainId, MemoryId, SessionId
from service.domain.memories import MemoryChain, MemoryVersion, Source, VersionReason
from service.domain.recall import Recalled, RecallResult, StrategyName
from service.domain.sessions import Message, MessageRole, Summary
from service.rpc.mapping.recall import to_response

SESSION = SessionId("5e550000-0000-4000-8000-000000000001")
MEMORY = MemoryId("3e300000-0000-4000-8000-000000000001")
SAID, BEGAN, ENDED = (datetime(2024, 5, day, 12, 30, 1, 250_000, tzinfo=UTC) for day in (1, 2, 3))


def test_a_memory_has_its_own_dates_and_all_its_sources() -> None:
    """The newest version is shown, with its categories and the session that it was made from."""
    version = MemoryVersion(
        memory_id=MEMORY,
        content="Keeps a dog",
        categories=("pets", "home"),
        entities=("dog",),
        event_start=BEGAN,
        event_end=ENDED,
        created_at=SAID,
        reason=VersionReason.INITIAL_MEMORY,
        session_id=SESSION,
        sources=(),
    )
    found = Recalled(
        score=0.5,
        sources=(Source(SESSION, 3), Source(SESSION, 0)),
        signals={"meaning": 0.25, "words": 0.0},
        memory=MemoryChain(chain_id=ChainId("c"), versions=(version,)),
    )
    expected = recall_pb2.RecalledItem(
        kind=recall_pb2.RECALLED_KIND_MEMORY,
        id=MEMORY,
        content="Keeps a dog",
        score=0.5,
        event_date_start=_moment(BEGAN),
        event_date_end=_moment(ENDED),
        created_at=_moment(SAID),
        categories=["pets", "home"],
        session_id=SESSION,
        sources=[memory_pb2.Source(session_id=SESSION, message_index=index) for index in (3, 0)],
        signals={"meaning": 0.25, "words": 0.0},
    )
    assert [expected] == _answer(found)


def test_a_message_happened_when_it_was_said() -> None:
    """Its id is its place, and it has the role of who said it."""
    message = Message(session_id=SESSION, index=7, role=MessageRole.ASSISTANT, content="A dog?", timestamp=SAID)
    expected = recall_pb2.RecalledItem(
        kind=recall_pb2.RECALLED_KIND_MESSAGE,
        id=f"{SESSION}:7",
        content="A dog?",
        score=1.0,
        event_date_start=_moment(SAID),
        event_date_end=_moment(SAID),
        created_at=_moment(SAID),
        session_id=SESSION,
        role=session_pb2.MESSAGE_ROLE_ASSISTANT,
        sources=[memory_pb2.Source(session_id=SESSION, message_index=7)],
    )
    assert [expected] == _answer(Recalled(score=1.0, sources=(Source(SESSION, 7),), message=message))


def test_a_summary_is_of_its_session() -> None:
    """It is named by the session, and as old as it."""
    summary = Summary(session_id=SESSION, content="Of a dog", created_at=SAID, message_count=9)
    expected = recall_pb2.RecalledItem(
        kind=recall_pb2.RECALLED_KIND_SUMMARY,
        id=SESSION,
        content="Of a dog",
        score=0.75,
        event_date_start=_moment(SAID),
        event_date_end=_moment(SAID),
        created_at=_moment(SAID),
        session_id=SESSION,
    )
    assert [expected] == _answer(Recalled(score=0.75, sources=(), summary=summary))


def test_the_answer_says_how_it_was_found() -> None:
    """Lists that are empty are there."""
    result = RecallResult(strategy=StrategyName.LOW_LATENCY, items=(), search_queries=["dog"])
    metadata = recall_pb2.ContextMetadata(
        recall_strategy_used=recall_pb2.RECALL_STRATEGY_LOW_LATENCY,
        vector_search_queries=recall_pb2.StringList(values=["dog"]),
        keywords=recall_pb2.StringList(),
        session_summaries_search_queries=recall_pb2.StringList(),
        date_range_filters=recall_pb2.DateRangeFilterList(),
    )
    assert RecallResponse(metadata=metadata) == to_response(result)


def _answer(*found: Recalled) -> list[recall_pb2.RecalledItem]:
    return list(to_response(RecallResult(strategy=StrategyName.LOW_LATENCY, items=found)).items)


def _moment(moment: datetime) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp
