"""Every field of a filter, alone and together."""

from __future__ import annotations

import pytest

from service.domain.ids import SessionId
from service.domain.ports.index import IndexFilter, VectorIndex
from tests.contract.index.builders import DAY, EAST, NOW, found, like, point, selected, words


async def test_an_empty_filter_selects_everything(index: VectorIndex) -> None:
    """None is no condition."""
    await index.upsert([point("a", session="s1", categories=["work"]), point("b", session="s2")])
    assert {"a", "b"} == await selected(index, IndexFilter())


async def test_sessions_are_included(index: VectorIndex) -> None:
    """A point counts when its session is one of those."""
    await index.upsert([point(session, session=session) for session in ("s1", "s2", "s3")])
    where = IndexFilter(sessions=frozenset({SessionId("s1"), SessionId("s3")}))
    assert {"s1", "s3"} == await selected(index, where)


async def test_sessions_are_excluded(index: VectorIndex) -> None:
    """A point counts when its session is none of those."""
    await index.upsert([point(session, session=session) for session in ("s1", "s2", "s3")])
    where = IndexFilter(exclude_sessions=frozenset({SessionId("s1"), SessionId("s3")}))
    assert {"s2"} == await selected(index, where)


async def test_exclusion_beats_inclusion(index: VectorIndex) -> None:
    """A session that is both included and excluded is excluded."""
    await index.upsert([point(session, session=session) for session in ("s1", "s2")])
    both = frozenset({SessionId("s1"), SessionId("s2")})
    where = IndexFilter(sessions=both, exclude_sessions=frozenset({SessionId("s2")}))
    assert {"s1"} == await selected(index, where)


async def test_one_category_of_several_is_enough(index: VectorIndex) -> None:
    """A point counts when it has any of the categories; one without categories never does."""
    await index.upsert(
        [
            point("both", categories=["work", "health"]),
            point("one", categories=["health"]),
            point("other", categories=["travel"]),
            point("none"),
        ]
    )
    assert {"both", "one"} == await selected(index, IndexFilter(categories=frozenset({"health", "food"})))


async def test_records_are_selected_by_id(index: VectorIndex) -> None:
    """Ids that no point has select nothing."""
    await index.upsert([point("a"), point("b"), point("c")])
    assert {"a", "c"} == await selected(index, IndexFilter(record_ids=frozenset({"a", "c", "missing"})))


@pytest.mark.parametrize(
    "where",
    [
        IndexFilter(sessions=frozenset()),
        IndexFilter(categories=frozenset()),
        IndexFilter(record_ids=frozenset()),
    ],
    ids=["sessions", "categories", "record_ids"],
)
async def test_one_of_nothing_selects_nothing(index: VectorIndex, where: IndexFilter) -> None:
    """An empty set is a condition that no point meets, unlike None."""
    await index.upsert([point("r", categories=["work"])])
    assert set() == await selected(index, where)


@pytest.mark.parametrize(
    ("start", "end", "matches"),
    [
        (-3, -2, False),
        (-3, -1, True),
        (-3, 0, True),
        (-3, 3, True),
        (0, 0, True),
        (1, 3, True),
        (2, 3, False),
    ],
    ids=["before", "touches the begin", "into", "around", "within", "touches the end", "after"],
)
async def test_an_event_counts_when_it_overlaps_the_span(index: VectorIndex, start: int, end: int, *, matches: bool) -> None:
    """The span is from a day before to a day after, bounds included; the event is from *start* to *end*, in days."""
    await index.upsert([point("r", event=(NOW + start * DAY, NOW + end * DAY))])
    where = IndexFilter(event_from=NOW - DAY, event_to=NOW + DAY)
    assert matches == bool(await selected(index, where))


async def test_a_span_of_events_can_be_open(index: VectorIndex) -> None:
    """With one bound only, the other side is open."""
    await index.upsert(
        [point("past", event=(NOW - 9 * DAY, NOW - 8 * DAY)), point("future", event=(NOW + 8 * DAY, NOW + 9 * DAY))]
    )
    assert {"future"} == await selected(index, IndexFilter(event_from=NOW))
    assert {"past"} == await selected(index, IndexFilter(event_to=NOW))


async def test_created_at_lies_within_bounds_that_count(index: VectorIndex) -> None:
    """Both bounds are included, each can be missing."""
    await index.upsert([point(str(day), created_at=NOW + day * DAY) for day in range(4)])
    assert {"1", "2"} == await selected(index, IndexFilter(created_from=NOW + DAY, created_to=NOW + 2 * DAY))
    assert {"2", "3"} == await selected(index, IndexFilter(created_from=NOW + 2 * DAY))
    assert {"0"} == await selected(index, IndexFilter(created_to=NOW))


async def test_times_are_exact_to_the_microsecond(index: VectorIndex) -> None:
    """A microsecond outside is outside."""
    moment = NOW.replace(microsecond=123456)
    await index.upsert([point("r", created_at=moment)])
    assert {"r"} == await selected(index, IndexFilter(created_from=moment, created_to=moment))
    assert set() == await selected(index, IndexFilter(created_from=moment.replace(microsecond=123457)))


async def test_all_conditions_must_hold(index: VectorIndex) -> None:
    """Conditions of different fields are joined by and."""
    await index.upsert(
        [
            point("yes", session="s1", categories=["work"], created_at=NOW),
            point("other session", session="s2", categories=["work"], created_at=NOW),
            point("other category", session="s1", categories=["travel"], created_at=NOW),
            point("older", session="s1", categories=["work"], created_at=NOW - DAY),
        ]
    )
    where = IndexFilter(sessions=frozenset({SessionId("s1")}), categories=frozenset({"work"}), created_from=NOW)
    assert {"yes"} == await selected(index, where)


async def test_a_filter_holds_for_searches_by_word(index: VectorIndex) -> None:
    """It does not matter what is searched for."""
    await index.upsert([point("a", session="s1"), point("b", session="s2")])
    where = IndexFilter(sessions=frozenset({SessionId("s2")}))
    assert ["b"] == await found(index, words("greyhound", where=where))


async def test_the_limit_counts_after_the_filter(index: VectorIndex) -> None:
    """Better matches that the filter drops do not use up the limit."""
    await index.upsert([point(f"near{number}", session="s1") for number in range(10)])
    await index.upsert([point("far", session="s2", vector=(0.1, 0.9, 0.4))])
    where = IndexFilter(exclude_sessions=frozenset({SessionId("s1")}))
    assert ["far"] == await found(index, like(EAST, limit=1, where=where))
