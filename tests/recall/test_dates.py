"""Spans of time that a query names."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from service.recall.dates import date_ranges

NOW = datetime(2023, 8, 16, 15, 30, tzinfo=UTC)
"""A Wednesday."""


def _days(first: str, last: str | None = None) -> tuple[datetime, datetime]:
    start = datetime.fromisoformat(first).replace(tzinfo=UTC)
    end = datetime.fromisoformat(last or first).replace(tzinfo=UTC) + timedelta(days=1, microseconds=-1)
    return start, end


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("What happened on 8 May 2023?", _days("2023-05-08")),
        ("What happened on May 8th, 2023?", _days("2023-05-08")),
        ("What happened on 2023-05-08?", _days("2023-05-08")),
        ("What did she do on 1 September?", _days("2022-09-01")),
        ("Where was Ann in June 2023?", _days("2023-06-01", "2023-06-30")),
        ("Where was Ann in November?", _days("2022-11-01", "2022-11-30")),
        ("Where was Ann in summer 2022?", _days("2022-06-01", "2022-08-31")),
        ("Where was Ann last winter?", _days("2022-12-01", "2023-02-28")),
        ("What did I buy in 2021?", _days("2021-01-01", "2021-12-31")),
        ("What did I eat yesterday?", _days("2023-08-15")),
        ("What did I do last week?", _days("2023-08-07", "2023-08-13")),
        ("What did I do last weekend?", _days("2023-08-12", "2023-08-13")),
        ("What did I do last month?", _days("2023-07-01", "2023-07-31")),
        ("What did I do last Monday?", _days("2023-08-14")),
        ("What did I do on Wednesday?", _days("2023-08-09")),
        ("What did I do two days ago?", _days("2023-08-14")),
        ("What did I do 2 weeks ago?", _days("2023-07-30", "2023-08-05")),
    ],
)
def test_a_span_is_read(text: str, expected: tuple[datetime, datetime]) -> None:
    """Each way to name a time stands for exactly this span."""
    assert [(span.start, span.end) for span in date_ranges(text, NOW)] == [expected]


@pytest.mark.parametrize(
    "text",
    [
        "What may I eat?",
        "Does she march in parades?",
        "Who is number 31?",
        "What is the second pet called?",
        "Where does Ann live?",
        "on 31 February 2023",
    ],
)
def test_what_is_no_time_is_left_alone(text: str) -> None:
    """Words that only look like times, and days that do not exist, name no span."""
    assert date_ranges(text, NOW) == []


def test_several_spans_come_in_their_order() -> None:
    """Every span of a query is read, in the order of the text."""
    spans = date_ranges("Compare June 2022 with 3 May 2023", NOW)
    assert [span.start.date().isoformat() for span in spans] == ["2022-06-01", "2023-05-03"]


def test_a_span_of_saying_is_told_from_one_of_happening() -> None:
    """A query about what was said means the time of writing, any other the time of the event."""
    said, happened = date_ranges("What did I tell you yesterday?", NOW), date_ranges("What did I do yesterday?", NOW)
    assert [span.event for span in (*said, *happened)] == [False, True]


def test_a_month_without_a_year_is_one_that_can_be_meant() -> None:
    """When the newest thing known is years old, "in November" is the last November up to it."""
    (span,) = date_ranges("Where was Ann in November?", NOW, newest=datetime(2020, 1, 5, tzinfo=UTC))
    assert (span.start, span.end) == _days("2019-11-01", "2019-11-30")


def test_yesterday_counts_from_the_query() -> None:
    """A span relative to now never moves with what is known."""
    (span,) = date_ranges("What did I do yesterday?", NOW, newest=datetime(2020, 1, 5, tzinfo=UTC))
    assert (span.start, span.end) == _days("2023-08-15")
