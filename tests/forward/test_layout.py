"""Bytes are put into a JSON text and the rest stays as it was."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.forward.layout import JsonText, NotAnObject, elements_of, spliced

KEYS = st.one_of(st.text(max_size=8), st.sampled_from(["messages", "user", 'a"b', "\\", "{", "]"]))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-1000, 1000), st.floats(allow_nan=False, allow_infinity=False), KEYS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=20,
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=6)
FORMATS: list[dict[str, Any]] = [
    {"separators": (",", ":")},
    {"indent": 2},
    {"indent": "\t", "ensure_ascii": False},
    {"separators": (" ,\r\n", " : ")},
]


def written(value: Any, form: int) -> bytes:
    """Return *value* as JSON text in one of several habits."""
    return json.dumps(value, **FORMATS[form]).encode("utf-8", "surrogatepass")


@given(OBJECTS, st.integers(0, 3))
def test_every_member_stands_where_it_is_said_to(value: dict[str, Any], form: int) -> None:
    """The bytes of each member's span are the member's value."""
    body = JsonText(written(value, form))
    found = {key: orjson.loads(body.text[member.value.start : member.value.stop]) for key, member in body.members.items()}
    assert found == orjson.loads(body.text)


@given(st.lists(VALUES, max_size=6), st.integers(0, 3))
def test_every_element_stands_where_it_is_said_to(values: list[Any], form: int) -> None:
    """The bytes of each element's span are the element."""
    body = JsonText(written({"a": values}, form))
    spans = elements_of(body.text, body.members["a"].value.start)
    assert [orjson.loads(body.text[span.start : span.stop]) for span in spans] == orjson.loads(body.text)["a"]


@given(st.lists(VALUES, max_size=6), st.integers(0, 7), VALUES, st.integers(0, 3))
def test_an_element_is_inserted_at_its_place(values: list[Any], index: int, new: Any, form: int) -> None:
    """The array then holds what `list.insert` gives, and removing the inserted bytes gives the old text."""
    body = JsonText(written({"before": 1, "a": values}, form))
    splice = body.insert_element("a", index, new)
    text = spliced(body.text, [splice])
    expected = list(orjson.loads(body.text)["a"])
    expected.insert(index, orjson.loads(orjson.dumps(new)))
    assert orjson.loads(text)["a"] == expected
    assert text[: splice.at] + text[splice.at + len(splice.insert) :] == body.text


@given(OBJECTS, st.sampled_from(["user", "messages"]), st.integers(0, 3))
def test_a_member_is_removed_alone(value: dict[str, Any], name: str, form: int) -> None:
    """The object then lacks that member and nothing else."""
    body = JsonText(written({**value, name: "x"}, form))
    text = spliced(body.text, [body.remove_member(name)])
    expected = orjson.loads(body.text)
    del expected[name]
    assert orjson.loads(text) == expected


@given(KEYS, KEYS, st.integers(0, 3))
def test_a_string_is_lengthened(old: str, new: str, form: int) -> None:
    """The string then ends with the new text."""
    body = JsonText(written({"a": old}, form))
    text = spliced(body.text, [body.append_text(body.members["a"].value, new)])
    assert orjson.loads(text) == {"a": old + new}


def test_a_member_is_inserted_first() -> None:
    """The new member stands before all others."""
    body = JsonText(b' { "model": "m" }')
    assert spliced(body.text, [body.insert_member("system", ["x"])]) == b' {"system":["x"], "model": "m" }'


def test_splices_at_one_place_keep_their_order() -> None:
    """An insertion and a removal at one byte do not disturb each other."""
    body = JsonText(b'{"user":"a","model":"m"}')
    splices = [body.remove_member("user"), body.insert_member("system", "s")]
    assert spliced(body.text, splices) == b'{"system":"s","model":"m"}'


def test_of_a_repeated_key_the_last_counts() -> None:
    """As parsers have it."""
    body = JsonText(b'{"a":1,"a":[2]}')
    assert body.text[slice(body.members["a"].value.start, body.members["a"].value.stop)] == b"[2]"


def test_an_escaped_key_is_known_by_what_it_says() -> None:
    r"""`\u0061` is `a`."""
    assert list(JsonText(b'{"\\u0061":1}').members) == ["a"]


@pytest.mark.parametrize("text", [b"", b"[]", b'"a"', b"{", b'{"a":NaN}', b"\xff\xfe{\x00}\x00", b'{"a":1} x'])
def test_what_is_no_object_is_refused(text: bytes) -> None:
    """And never guessed at."""
    with pytest.raises(NotAnObject):
        JsonText(text)


def test_a_deep_text_is_passed_over() -> None:
    """Nesting costs no stack."""
    body = JsonText(b'{"a":' + b"[" * 500 + b"]" * 500 + b',"b":1}')
    assert body.text[body.members["b"].value.start] == ord("1")
