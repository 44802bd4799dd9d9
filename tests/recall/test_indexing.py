"""What of a record goes into the index."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from service.domain.ids import ProjectId, Scope, SessionId, UserKey
from service.domain.ports.index import DENSE, DENSE_CONTEXT, DENSE_VECTORS, SPARSE, SPARSE_CONTEXT, SPARSE_VECTORS
from service.domain.ports.work import IndexedKind
from service.domain.sessions import Message, MessageRole, Summary
from service.recall import indexing

SCOPE = Scope(project_id=ProjectId("p"), user_key=UserKey("u"))
SESSION = SessionId("7b0e0000-0000-4000-8000-000000000001")
NOON = datetime(2023, 5, 8, 12, tzinfo=UTC)


def _messages(*contents: str) -> list[Message]:
    return [
        Message(session_id=SESSION, index=index, role=MessageRole.USER, content=content, timestamp=NOON)
        for index, content in enumerate(contents)
    ]


def test_a_turn_is_embedded_alone_and_after_the_turn_before_it() -> None:
    """DENSE holds the turn's own text, DENSE_CONTEXT the previous turn and then its own."""
    texts = indexing.turn_texts(_messages("a", "b", "c"), index=1)
    assert texts.embed == {DENSE: "b", DENSE_CONTEXT: "a\nb"}


def test_the_words_around_a_turn_are_two_turns_either_side() -> None:
    """SPARSE_CONTEXT covers two turns before and two after, and nothing beyond."""
    texts = indexing.turn_texts(_messages("a", "b", "c", "d", "e", "f", "g"), index=3)
    assert texts.words == {SPARSE: "d", SPARSE_CONTEXT: "b\nc\nd\ne\nf"}


def test_the_first_turn_has_no_context_before_it() -> None:
    """At the edge of a session, the texts are made from what exists."""
    texts = indexing.turn_texts(_messages("a", "b"), index=0)
    assert (texts.embed[DENSE_CONTEXT], texts.words[SPARSE_CONTEXT]) == ("a", "a\nb")


def test_a_long_previous_turn_leaves_room_for_the_turn_itself() -> None:
    """Only the end of the previous turn is embedded with a turn."""
    texts = indexing.turn_texts(_messages("x" * 5_000 + "END", "own"), index=1)
    assert indexing.PREVIOUS_CHARS + len("\nown") == len(texts.embed[DENSE_CONTEXT])
    assert texts.embed[DENSE_CONTEXT].endswith("END\nown")


def test_a_missing_turn_has_no_texts() -> None:
    """A turn that was deleted meanwhile is a KeyError, not a point of nothing."""
    with pytest.raises(KeyError):
        indexing.turn_texts(_messages("a"), index=1)


@pytest.mark.parametrize("index", range(6))
def test_a_new_turn_touches_every_turn_whose_texts_change(index: int) -> None:
    """The turns that adding a turn touches are exactly those whose texts differ with and without it."""
    messages = _messages(*"abcdef"[: index + 1])
    changed = [
        place
        for place in range(index)
        if indexing.turn_texts(messages[:-1], index=place) != indexing.turn_texts(messages, index=place)
    ]
    assert [*changed, index] == list(indexing.touched_turns(index))


def test_a_turn_id_reads_back() -> None:
    """A turn's record id names its session and message index."""
    assert indexing.parse_turn_id(indexing.turn_id(SESSION, 12)) == (SESSION, 12)


def test_a_summary_is_found_by_the_words_of_its_session() -> None:
    """SPARSE_CONTEXT of a summary is the text of the whole session."""
    summary = Summary(session_id=SESSION, content="They talked.", created_at=NOON, message_count=2)
    texts = indexing.summary_texts(summary, _messages("a", "b"))
    assert texts.words == {SPARSE: "They talked.", SPARSE_CONTEXT: "a\nb"}


def test_a_points_vectors_are_those_that_its_kind_has() -> None:
    """The texts of a turn are under exactly the names that the index keeps for turns."""
    (message,) = _messages("a")
    texts = indexing.turn_texts([message], index=0)
    point = indexing.turn_point(SCOPE, message, texts, {name: [1.0] for name in texts.embed})
    assert set(DENSE_VECTORS[IndexedKind.TURN]) == set(point.dense)
    assert set(SPARSE_VECTORS[IndexedKind.TURN]) == set(point.texts)
