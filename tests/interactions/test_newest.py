"""Which part of a conversation is new."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from service.domain.sessions import MessageRole
from service.usecases.interactions.newest import newest
from service.usecases.interactions.texts import Said


def told(words: str) -> Sequence[Said]:
    """Return a conversation of single words: those of the user in lower case, those of the model in upper case."""
    return [Said(role=MessageRole.ASSISTANT if word.isupper() else MessageRole.USER, text=word) for word in words.split()]


@pytest.mark.parametrize(
    ("said", "stored", "expected"),
    [
        pytest.param("a", "", "a", id="the first turn"),
        pytest.param("a A b B c", "a A b B", "c", id="a history that is stored"),
        pytest.param("b B c", "a A b B", "c", id="a history that was cut at its beginning"),
        pytest.param("B c", "a A b B", "c", id="one that begins with a reply"),
        pytest.param("a A b B c", "", "c", id="a history that nobody reported"),
        pytest.param("a A b B c", "a A", "b B c", id="a turn that was not reported"),
        pytest.param("a A b", "a", "A b", id="a reply that was streamed"),
        pytest.param("yes A yes B yes", "yes A yes B", "yes", id="the same word again"),
        pytest.param("a OK b OK c", "a OK", "b OK c", id="the same reply again, not reported"),
        pytest.param("a A b B c", "b B a A", "c", id="turns that came the other way round"),
        pytest.param("x", "a A", "x", id="a turn without history"),
        pytest.param("x y", "a A", "x y", id="two messages at once"),
        pytest.param("a b", "a", "b", id="a second message before any reply"),
        pytest.param("a", "a", "a", id="the same once more"),
        pytest.param("a A", "", "", id="no turn of a user"),
        pytest.param("", "a A", "", id="nothing"),
    ],
)
def test_what_is_new(said: str, stored: str, expected: str) -> None:
    """Of what is said, after what is stored."""
    assert expected.split() == [each.text for each in newest(told(said), told(stored))]
