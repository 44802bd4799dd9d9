"""What is said in the first person becomes a statement about the speaker, or a quotation."""

import pytest

from service.extraction.embedded.rewriting import in_third_person

REWRITTEN = [
    ("I work at Acme.", "Anna works at Acme."),
    ("I'm a teacher", "Anna is a teacher."),
    ("I've been to Peru and I'd love to go back.", "Anna has been to Peru and Anna would love to go back."),
    ("I'd been there before.", "Anna had been there before."),
    ("I really enjoy chess.", "Anna really enjoys chess."),
    ("I study law and live in Graz.", "Anna studies law and lives in Graz."),
    ("I bought a car.", "Anna bought a car."),
    ("I need a break.", "Anna needs a break."),
    ("I don't eat meat.", "Anna doesn't eat meat."),
    ("I haven't slept.", "Anna hasn't slept."),
    ("I can't swim.", "Anna can't swim."),
    ("I no longer play golf.", "Anna no longer plays golf."),
    ("My sister gave me a book.", "Anna's sister gave Anna a book."),
    ("I love my dog and the ball is mine.", "Anna loves their dog and the ball is theirs."),
    ("My brother Tom and I went to Rome.", "Anna and their brother Tom went to Rome."),
    ("Well, I was late.", "Anna was late."),
    ("Actually, I was late.", "Actually, Anna was late."),
    ("Tom is allergic to nuts.", "Tom is allergic to nuts."),
]
QUOTED = [
    "We went to Rome.",
    "I told you about my car.",
    "It made me think about home.",
    "Just got back from a trip to Oslo",
    "Finishing my thesis this month",
]


@pytest.mark.parametrize(("said", "expected"), REWRITTEN)
def test_the_first_person_becomes_the_third(said: str, expected: str) -> None:
    """Pronouns and the verbs that agree with them change, nothing else."""
    assert in_third_person(said, "Anna", "en") == expected


@pytest.mark.parametrize("said", QUOTED)
def test_what_cannot_be_rewritten_safely_is_quoted(said: str) -> None:
    """A plural, a second person, a pronoun without its noun or a missing subject is kept in the speaker's words."""
    assert in_third_person(said, "Anna", "en") == f'Anna said: "{said}"'


def test_another_language_is_quoted() -> None:
    """The language of the user is kept."""
    assert in_third_person("Ich wohne in Graz.", "Anna", "de") == 'Anna said: "Ich wohne in Graz."'


def test_a_quotation_inside_a_quotation_keeps_its_end_clear() -> None:
    """Only the outer signs are double."""
    assert in_third_person('We saw "Cats"', "Anna", "en") == "Anna said: \"We saw 'Cats'\""
