"""What the codec refuses, and what it takes although it looks odd."""

from __future__ import annotations

from typing import Any, TypeVar

import orjson
import pytest
from google.protobuf.message import Message
from mneme.v1 import recall_pb2, session_pb2
from mneme.v1.conflicts_service_pb2 import ResolveConflictRequest
from mneme.v1.projects_service_pb2 import CreateProjectRequest
from mneme.v1.recall_pb2 import ContextMetadata, RecallOptions, StringList
from mneme.v1.sessions_service_pb2 import AddMessageRequest, AddMessagesRequest, CreateSessionRequest
from mneme.v1.user_pb2 import User
from mneme.v1.users_service_pb2 import CreateUserRequest, ListUsersResponse, UpdateUserRequest

from gateway.transcode.decoding import Decoder
from gateway.transcode.encoding import Encoder
from gateway.transcode.jsontext import InvalidJson, parse
from gateway.transcode.problems import Problem

encoder, decoder = Encoder(), Decoder()

M = TypeVar("M", bound=Message)


def read(value: Any, target: M) -> tuple[M, list[Problem]]:
    """Read a JSON value into *target*; return it with what was wrong."""
    problems: list[Problem] = []
    descriptor: Any = target.DESCRIPTOR
    decoder.message(descriptor)(value, target, ("body",), problems)
    return target, problems


REFUSED: list[tuple[type[Message], Any, tuple[str | int, ...], str]] = [
    (CreateUserRequest, {"user_id": 7}, ("user_id",), "string_type"),
    (CreateUserRequest, {"custom_user_id": ["a"]}, ("custom_user_id",), "string_type"),
    (CreateUserRequest, {"merge_conflict_enabled": "true"}, ("merge_conflict_enabled",), "bool_type"),
    (CreateUserRequest, {"merge_conflict_enabled": 1}, ("merge_conflict_enabled",), "bool_type"),
    (ResolveConflictRequest, {"answers": {}}, ("answers", "question_answers"), "missing"),
    (ResolveConflictRequest, {"answers": {"question_answers": None}}, ("answers", "question_answers"), "missing"),
    (ResolveConflictRequest, {"answers": "yes"}, ("answers",), "dict_type"),
    (ResolveConflictRequest, {"answers": [7]}, ("answers", 0), "dict_type"),
    (CreateUserRequest, {"metadata": []}, ("metadata",), "dict_type"),
    (CreateUserRequest, {"metadata": "{}"}, ("metadata",), "dict_type"),
    (CreateUserRequest, {"metadata": {"n": 2**53 + 1}}, ("metadata",), "int_range"),
    (CreateUserRequest, {"metadata": {"deep": [{"n": -(2**70)}]}}, ("metadata",), "int_range"),
    (CreateUserRequest, {"metadata": {"k": "x" * 65_536}}, ("metadata",), "too_long"),
    (CreateSessionRequest, {"auto_process_after_seconds": True}, ("auto_process_after_seconds",), "int_type"),
    (CreateSessionRequest, {"auto_process_after_seconds": 600.5}, ("auto_process_after_seconds",), "int_type"),
    (CreateSessionRequest, {"auto_process_after_seconds": "ten"}, ("auto_process_after_seconds",), "int_parsing"),
    (CreateSessionRequest, {"auto_process_after_seconds": 2**31}, ("auto_process_after_seconds",), "int_range"),
    (CreateSessionRequest, {"custom_created_at_utc": "2026-01-31T09:30:00"}, ("custom_created_at_utc",), "timezone_aware"),
    (CreateSessionRequest, {"custom_created_at_utc": "2026-01-31T09:30:00+01:00"}, ("custom_created_at_utc",), "timezone_offset"),
    (CreateSessionRequest, {"custom_created_at_utc": "2026-02-30T09:30:00Z"}, ("custom_created_at_utc",), "datetime_parsing"),
    (CreateSessionRequest, {"custom_created_at_utc": "2026-01-31"}, ("custom_created_at_utc",), "datetime_parsing"),
    (CreateSessionRequest, {"custom_created_at_utc": 1769851800}, ("custom_created_at_utc",), "datetime_parsing"),
    (CreateSessionRequest, {"custom_created_at_utc": "2026-01-31T23:59:60Z"}, ("custom_created_at_utc",), "datetime_parsing"),
    (User, {"created_at": "0001-01-01T00:00:00+01:00"}, ("created_at",), "datetime_parsing"),
    (AddMessageRequest, {"role": "system"}, ("role",), "enum"),
    (AddMessageRequest, {"role": 7}, ("role",), "enum"),
    (AddMessageRequest, {"role": True}, ("role",), "enum"),
    (AddMessagesRequest, {"messages": {}}, ("messages",), "list_type"),
    (AddMessagesRequest, {"messages": ["hi"]}, ("messages", 0), "dict_type"),
    (AddMessagesRequest, {"messages": [None]}, ("messages", 0), "dict_type"),
    (AddMessagesRequest, {"messages": [{}, {"role": "x"}]}, ("messages", 1, "role"), "enum"),
    (RecallOptions, {"memories_threshold": "high"}, ("memories_threshold",), "float_parsing"),
    (RecallOptions, {"memories_threshold": "NaN"}, ("memories_threshold",), "finite_number"),
    (RecallOptions, {"memories_threshold": [0.5]}, ("memories_threshold",), "float_type"),
    (CreateProjectRequest, {"settings": {"categories": [{"name": None}, {"name": 3}]}}, ("settings", "categories", 1, "name"),
     "string_type"),
]  # fmt: skip


@pytest.mark.parametrize(("new", "value", "loc", "kind"), REFUSED, ids=lambda value: str(value)[:50])
def test_wrong_values_are_named(new: type[Message], value: Any, loc: tuple[str | int, ...], kind: str) -> None:
    """A value that its field cannot hold is one problem, with the way to it and a word for programs."""
    _, problems = read(value, new())

    assert [(("body", *loc), kind)] == [(problem.loc, problem.kind) for problem in problems]


def test_every_problem_is_found() -> None:
    """Reading goes on after a problem."""
    _, problems = read({"user_id": 1, "metadata": 2, "merge_conflict_enabled": 3}, CreateUserRequest())

    assert ["user_id", "metadata", "merge_conflict_enabled"] == [problem.loc[-1] for problem in problems]


def test_enum_problem_lists_the_words() -> None:
    """A wrong word for an enum is answered with the right ones."""
    _, problems = read({"role": "system"}, AddMessageRequest())

    assert "should be 'user' or 'assistant'" == problems[0].message


@pytest.mark.parametrize("role", ["user", "USER", "User", "MESSAGE_ROLE_USER", "message_role_user", 1])
def test_enum_spellings(role: str | int) -> None:
    """An enum value answers to its spelling and its protobuf name in any case, and to its number."""
    message, problems = read({"role": role}, AddMessageRequest())

    assert ([], session_pb2.MESSAGE_ROLE_USER) == (problems, message.role)


def test_enum_alias() -> None:
    """An enum value answers to its old name."""
    message, _ = read({"recall_strategy": "deep"}, RecallOptions())

    assert recall_pb2.RECALL_STRATEGY_AGENTIC == message.recall_strategy


@pytest.mark.parametrize("number", [600, 600.0, "600"])
def test_integers_may_be_text(number: Any) -> None:
    """An integer may come as a whole float or as text."""
    message, problems = read({"auto_process_after_seconds": number}, CreateSessionRequest())

    assert ([], 600) == (problems, message.auto_process_after_seconds)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("2026-01-31T09:30:00Z", "2026-01-31T09:30:00Z"),
        ("2026-01-31 09:30:00+00:00", "2026-01-31T09:30:00Z"),
        ("2026-01-31T09:30:00.123456+00:00", "2026-01-31T09:30:00.123456Z"),
        ("2026-01-31t09:30:00.5z", "2026-01-31T09:30:00.500Z"),
        ("2026-01-31T09:30:00.000000001Z", "2026-01-31T09:30:00.000000001Z"),
        ("1969-12-31T23:59:59.9Z", "1969-12-31T23:59:59.900Z"),
        ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
        ("2026-01-31T09:30:00-05:30", "2026-01-31T15:00:00Z"),
    ],
)
def test_times_are_written_in_utc(text: str, written: str) -> None:
    """A time with any offset is read exactly and written in UTC."""
    message, problems = read({"created_at": text}, User())

    assert ([], written) == (problems, encoder.message(User.DESCRIPTOR)(message)["created_at"])


def test_whole_numbers_stay_integers() -> None:
    """Numbers of a JSON object come back as they were: integers as integers."""
    metadata = {"int": 3, "big": 2**53, "float": 1.5, "huge": 1e300, "nested": [{"n": -7}], "zero": 0, "flag": True, "none": None}
    message, problems = read({"metadata": metadata}, CreateUserRequest())

    text = orjson.dumps(encoder.message(CreateUserRequest.DESCRIPTOR)(message))
    assert ([], metadata) == (problems, orjson.loads(text)["metadata"])
    assert b'"int":3.' not in text


def test_empty_object_is_present() -> None:
    """An empty JSON object is not the same as none."""
    message, _ = read({"metadata": {}}, CreateUserRequest())

    assert message.HasField("metadata")


@pytest.mark.parametrize("key", ["newUserId", "new_userid", "NEW_USER_ID"])
def test_names_are_those_of_the_contract(key: str) -> None:
    """A key that is not exactly a name of the contract is unknown, and ignored."""
    message, problems = read({key: "b"}, UpdateUserRequest())

    assert ([], []) == (problems, message.ListFields())


def test_bare_list_is_an_array() -> None:
    """A bare list is read from an array and written as one; an absent one is left out or null as the contract says."""
    message, problems = read({"memory_ids": ["a", "b"], "keywords": []}, ContextMetadata())

    assert ([], ["a", "b"], True, False) == (
        problems,
        list(message.memory_ids.values),
        message.HasField("keywords"),
        message.HasField("session_ids"),
    )
    assert {"recall_strategy_used": None, "memory_ids": ["a", "b"], "keywords": []} == encoder.message(
        ContextMetadata.DESCRIPTOR
    )(message)


def test_bare_list_alone() -> None:
    """A bare list is an array wherever it stands."""
    assert ["a"] == encoder.message(StringList.DESCRIPTOR)(StringList(values=["a"]))


def test_absent_is_null_and_empty_is_empty() -> None:
    """Every key is there: an empty list, a zero, a false."""
    assert {"users": [], "total": 0, "has_more": False} == encoder.message(ListUsersResponse.DESCRIPTOR)(ListUsersResponse())


def test_number_of_a_newer_contract() -> None:
    """An enum number that this contract does not know goes out as a number."""
    assert 99 == encoder.message(RecallOptions.DESCRIPTOR)(RecallOptions(recall_strategy=99))["recall_strategy"]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text", [b"", b"NaN", b"[Infinity]", b"{'a': 1}", b"[1,]", b'"\\udc00"', b"\xef\xbb\xbf{}", b"\xff", b"01", b"// x\n1"]
)
def test_json_is_read_strictly(text: bytes) -> None:
    """What RFC 8259 does not know is refused, and so are lone surrogates and bytes that are no UTF-8."""
    with pytest.raises(InvalidJson):
        parse(text)


@pytest.mark.parametrize(
    "text", [b"[" * 65 + b"]" * 65, b'{"a":' * 65 + b"1" + b"}" * 65, b"[" * 100_000, b"[" * 5000 + b"]" * 5000]
)
def test_nesting_is_bounded(text: bytes) -> None:
    """Nesting beyond 64 levels is refused, whatever its depth."""
    with pytest.raises(InvalidJson):
        parse(text)


def test_wide_is_not_deep() -> None:
    """Many brackets side by side are no nesting."""
    assert [[]] * 1000 == parse(b"[" + b",".join([b"[]"] * 1000) + b"]")


def test_last_of_repeated_keys_counts() -> None:
    """Of a repeated key the last value counts."""
    assert {"a": 2} == parse(b'{"a":1,"a":2}')


def test_long_integers_are_kept() -> None:
    """Integers of any size come through unchanged, so that they can be refused where they do not fit."""
    assert [12345678901234567890123, -9223372036854775809] == parse(b"[12345678901234567890123, -9223372036854775809]")
