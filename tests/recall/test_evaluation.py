"""How recall is measured."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import pytest

from tests.bench.chats import CHATS, conversation
from tests.bench.evaluation.locomo import Turn, read_date, read_evidence
from tests.bench.evaluation.measure import distinct, evidence_recall
from tests.bench.evaluation.picture import recall_picture
from tests.bench.scoring import cases

PLACES = {f"D{session}:{turn}": Turn(session=session, index=turn - 1) for session in (8, 9, 30) for turn in range(1, 27)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("D8:6", ["D8:6"]),
        ("D8:6; D9:17", ["D8:6", "D9:17"]),
        ("D8:6 D9:17", ["D8:6", "D9:17"]),
        ("D:9:26", ["D9:26"]),
        ("D30:05", ["D30:5"]),
    ],
)
def test_evidence_is_read_as_it_is_written(text: str, expected: list[str]) -> None:
    """Several names in one text, stray colons and leading zeros are in the data."""
    assert read_evidence([text], PLACES) == (tuple(PLACES[name] for name in expected), 0)


@pytest.mark.parametrize("text", ["D99:1", "D", ""])
def test_evidence_that_names_no_message_is_counted(text: str) -> None:
    """What cannot be found is skipped, and reported."""
    assert read_evidence([text], PLACES) == ((), 1)


def test_a_session_date_is_read() -> None:
    """Dates are written as people say them."""
    assert read_date("1:56 pm on 8 May, 2023") == datetime(2023, 5, 8, 13, 56, tzinfo=UTC)


def test_recall_counts_distinct_messages() -> None:
    """A result that names a message again takes no further rank, and one with many sources wins nothing."""
    first, second, third = (Turn(session=1, index=index) for index in range(3))
    ranking = distinct([first, first, second, first, third])
    assert [evidence_recall(ranking, [second, third], depth) for depth in (1, 2, 3)] == [0.0, 0.5, 1.0]


def test_the_picture_has_a_line_for_each_row_with_figures() -> None:
    """A strategy and a baseline are drawn, a row that has only latencies is not; names are escaped."""
    found = {"recall@5": 0.5, "recall@10": 1.0}
    picture = recall_picture({"<own>": found, "baseline": found, "slow": {"p50": 3}}, (5, 10), title="&")
    drawn = ET.fromstring(picture)  # noqa: S314 - drawn a line above
    lines = drawn.findall("{http://www.w3.org/2000/svg}polyline")
    texts = [element.text for element in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert len(lines) == 2
    assert {"&", "<own>  0.50 1.00", "baseline  0.50 1.00"} <= set(texts)


def test_the_better_a_row_the_higher_its_line() -> None:
    """The scale runs upwards: a recall of 1 stands above one of 0."""
    drawn = recall_picture({"best": {"recall@5": 1.0}, "worst": {"recall@5": 0.0}}, (5,), title="")
    heights = [float(points.split(",")[1]) for points in re.findall(r'points="([^"]*)"', drawn)]
    assert heights == sorted(heights)
    assert len(set(heights)) == 2


def test_every_question_of_the_chats_is_answered_by_what_was_said_for_it() -> None:
    """A fact is where the user told it, advice where the assistant gave it, and what is spread is in each of its places."""
    rows = list(cases(CHATS))
    chats = conversation(rows)
    told: dict[str, set[str]] = {}
    for row in rows:
        told.setdefault(row["ask"], set()).add(row.get("reply", row["say"]))
    texts = chats.texts()
    assert told == {question.text: {texts[turn] for turn in question.evidence} for question in chats.questions}
