"""Who, when and for how long, out of fields that clients fill as they like."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.interactions.test_shapes import read

TEN = timedelta(minutes=10)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, timedelta(minutes=3)), ("2.5", timedelta(minutes=2.5)), ("", TEN), (None, TEN), (0, TEN), (-1, TEN), ("soon", TEN),
        ([], TEN), (True, TEN), ("nan", TEN), ("inf", TEN), (10**400, TEN), (10**9, timedelta(days=365)),
    ],
)  # fmt: skip
def test_a_timeout_is_in_minutes(value: Any, expected: timedelta) -> None:
    """Ten, where it is nothing of the kind."""
    assert expected == read({}, session_timeout=value).timeout


def test_times_are_in_milliseconds() -> None:
    """The response's is by default the request's."""
    asked, answered = datetime(2023, 6, 6, 22, 49, 38, 298000, UTC), datetime(2023, 6, 6, 22, 50, 44, 345000, UTC)
    both = read({}, timestamps={"request": 1686091778298, "response": "1686091844345"})
    assert (asked, answered) == (both.requested_at, both.answered_at)
    alone = read({}, timestamps={"request": 1686091778298, "response": None})
    assert (asked, asked) == (alone.requested_at, alone.answered_at)


@pytest.mark.parametrize("value", [0, None, "", "x", -5, 10**17, 10**400, {}, True])
def test_what_is_no_time_is_none(value: Any) -> None:
    """The time of arrival takes its place."""
    assert read({}, timestamps={"request": value, "response": value}).requested_at is None


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ({"userId": "ABC123", "email": "jane@example.org"}, "ABC123"),
        ({"userId": " 7 "}, "7"),
        ({"userId": 7}, "7"),
        ({"userId": "", "email": "jane@example.org"}, "jane@example.org"),
        ({"userId": None, "email": " jane@example.org "}, "jane@example.org"),
    ],
)
def test_a_user_is_named_by_id_then_address(user: Any, expected: str) -> None:
    """What is empty names nobody."""
    assert expected == read({}, user=user).user_id


def test_an_id_of_any_length_names_a_user() -> None:
    """Two that begin alike are two."""
    one, other = (read({}, user={"userId": "x" * 600 + end}).user_id for end in "ab")
    assert (False, True) == (one == other, len(one) <= 512)


def test_who_has_no_name_is_known_by_the_conversation() -> None:
    """Also when only a first name is told."""
    first, second, other = (
        read({}, session=session, user={"firstName": "Jane", "userId": "", "email": ""}).user_id for session in ("S1", "S1", "S2")
    )
    assert (True, False) == (first == second, first == other)


def test_nobody_is_somebody_new_each_time() -> None:
    """But the same when one interaction is reported twice."""
    assert read({}, user={}).user_id != read({}, user={}).user_id
    assert read({}, {"id": "a"}).user_id == read({}, {"id": "a"}).user_id
    assert read({}, {"id": "a"}).user_id != read({}, {"id": "b"}).user_id


@pytest.mark.parametrize("session", ["", None, [], {}, "  "])
def test_what_names_no_session_is_none(session: Any) -> None:
    """Clients send all of these."""
    assert "" == read({}, session=session).thread


def test_a_profile_is_what_is_told() -> None:
    """Without what is empty or unknown; the documents' misspelling is understood."""
    user = {"userId": "u", "firstName": "Jane", "lastNam": "Doe", "email": "", "phone": 5551, "gender": None, "shoe": 42}
    assert {"firstName": "Jane", "lastName": "Doe", "phone": "5551"} == read({}, user=user).profile


@pytest.mark.parametrize(("value", "expected"), [(1, True), (0, False), (True, True), (False, False), ("1", True), ("0", False)])
def test_whether_a_user_is_logged_in(value: Any, expected: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """By a number, as the API says, or plainly."""
    assert {"isAuthenticated": expected} == read({}, user={"isAuthenticated": value}).profile


@pytest.mark.parametrize("user", [None, "x", 7, [], {"isAuthenticated": "maybe"}])
def test_what_tells_nothing_about_a_user(user: Any) -> None:
    """Is no error."""
    assert {} == read({}, user=user).profile


def test_the_model_is_told_by_request_or_response() -> None:
    """Behind a gateway by its id."""
    told = [read({"model": "a"}, {"model": "b"}), read({"modelId": "c"}), read({}, {"model": "b"}), read({})]
    assert ["a", "c", "b", ""] == [each.model for each in told]
