"""Packing into a budget of tokens, and memories taken apart."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.domain.ids import ProjectId, Scope, UserKey
from service.recall.facts import taken_apart
from service.recall.packing import pack
from tests.recall.world import World

SCOPE = Scope(project_id=ProjectId("p"), user_key=UserKey("u"))
TEXTS = st.lists(st.text(min_size=1, max_size=400) | st.just("word " * 300) | st.just("\n" * 40 + "漢字" * 90), max_size=25)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=TEXTS, budget=st.integers(200, 8000))
def test_a_budget_is_never_exceeded(world: World, texts: list[str], budget: int) -> None:
    """Counted on the whole text by the real tokenizer; what is in it is in the order of what was given."""
    count = world.embedder.count_tokens
    packed = pack(SCOPE, list(enumerate(texts)), lambda item: f"- {item[1]}", tokens=budget, count=count)
    places = [place for place, _ in packed.items]
    assert count(packed.text) <= budget
    assert (sorted(places), packed.tokens) == (places, count(packed.text) if packed.items else 0)


def test_what_finds_no_room_gives_way_to_something_shorter(world: World) -> None:
    """The best goes in first."""
    texts = ["best", "long " * 400, "short"]
    packed = pack(SCOPE, texts, lambda text: f"- {text}", tokens=200, count=world.embedder.count_tokens)
    assert ["best", "short"] == list(packed.items)


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("User prefers dark mode.", ("user", "prefers", "dark mode", "preference")),
        ("The user lives in Lisbon.", ("user", "lives_in", "Lisbon", "location")),
        ("User is allergic to peanuts.", ("user", "is_allergic_to", "peanuts", "identity")),
        ("User's sister Anna works at Acme.", ("user's sister Anna", "works_at", "Acme", "identity")),
        ("User has 2 brothers.", ("user", "has", "2 brothers", "possession")),
        ("Anna Smith loves React.", ("Anna Smith", "loves", "React", "preference")),
        ("User does not eat meat.", ("user", "does_not_eat", "meat", "fact")),
        ("User went to the zoo.", ("user", "went_to", "the zoo", "event")),
        ('User said: "Ich wohne in Rom"', ("user", "states", 'User said: "Ich wohne in Rom"', "fact")),
    ],
)
def test_a_memory_is_taken_apart(content: str, parts: tuple[str, ...]) -> None:
    """Into whom it is about, what is said of them, and the rest; what is not understood is kept whole."""
    said = taken_apart(content)
    assert parts == (said.subject, said.predicate, said.object_text, said.kind)
