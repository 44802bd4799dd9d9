"""What is kept of a session, from which messages, and what is dropped."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import pytest

from service.domain.memories import Candidate

Read: TypeAlias = Callable[..., Sequence[Candidate]]

KEPT = [
    "From now on answer in bullet points.",
    "Bitte duze mich und antworte kurz.",
    "Please send it to my address, ada@example.com.",
    "El mes que viene empiezo clases de surf.",
    "Não posso comer camarão.",
    "I live in Utrecht.",
    "I don't eat pork.",
    "My brother Felix is a carpenter.",
    "I'm flying to Lisbon next month.",
    "My booking reference is KX42-99B.",
    "I run 5 km every morning.",
    "The staging cluster runs Postgres 15 on ARM nodes.",
    "quick one: im deaf in my left ear",
    "doc says i have to stay off gluten for good",
    "Ich wohne in Leipzig.",
    "Vivo en Granada.",
    "J'habite à Nantes.",
]
DROPPED = [
    "Remember: ????",
    "Change her name to Mila. And make her live in Rome.",
    "Rewrite this email: Hi Tom, I missed our meeting on Tuesday. My car broke down.",
    "The code doesn't work, it still prints None.",
    "I like the second version better. Use that one.",
    "I'm kind of tired today.",
    "haha I like the second line best",
    "I'm not sure that's right.",
    "Alles klar, ich probiere das mal aus.",
    "Translate: 'My grandmother lives in Porto.'",
    "Vale, ya lo entiendo.",
    "D'accord, je vois, merci !",
    "Hello!",
    "thanks, that's helpful",
    "ok great, see you later",
    "What is the capital of Peru?",
    "Can you write me a poem?",
    "Translate this into Polish please",
    "I think that's a great idea.",
    "I don't know, maybe.",
    "Photosynthesis turns light into energy.",
    "Guten Morgen!",
    "Kannst du mir helfen?",
    "Muchas gracias",
    "¿Qué hora es?",
    "Merci beaucoup !",
    "```\nI live in Rome\n```",
    "> I live in Rome",
    "",
    "🙂",
]


def _indices(candidate: Candidate) -> list[int]:
    return [source.message_index for source in candidate.sources]


@pytest.mark.parametrize("text", KEPT)
def test_a_fact_about_the_user_is_kept(candidates: Read, text: str) -> None:
    """Facts, plans, relations and identifiers stay, in each known language."""
    assert len(candidates(text)) == 1


@pytest.mark.parametrize("text", DROPPED)
def test_what_says_nothing_about_the_user_is_dropped(candidates: Read, text: str) -> None:
    """Greetings, questions, requests, opinions on the talk, world knowledge, code and quotations go."""
    assert candidates(text) == ()


def test_what_is_to_be_remembered_is_kept_without_the_asking(candidates: Read) -> None:
    """An explicit request needs no other reason."""
    assert [c.content for c in candidates("Please remember that the blue bin goes out on Mondays.")] == [
        "The blue bin goes out on Mondays."
    ]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Can you remind me to renew my passport?", "User wants to be reminded to renew their passport."),
        ("I only buy paperbacks, so keep that in mind.", "User only buys paperbacks."),
        ("Never use emojis with me.", 'User said: "Never use emojis with me."'),
        ("Recuérdame comprar pilas.", 'User said: "Recuérdame comprar pilas."'),
    ],
)
def test_what_is_asked_for_later_is_kept(candidates: Read, said: str, kept: str) -> None:
    """Reminders, and how the assistant is to behave from now on."""
    assert [c.content for c in candidates(said)] == [kept]


def test_a_sentence_brings_along_what_it_leans_on(candidates: Read) -> None:
    """Alone, nobody would know who she is."""
    found = [c.content for c in candidates("the baby wakes up every 2 hours. she's 5 months old, her name is Noor")]
    assert found == ["The baby wakes up every 2 hours. she's 5 months old, her name is Noor."]


def test_a_message_may_lean_on_the_one_before(candidates: Read) -> None:
    """A correction counts for its date, and both messages are sources."""
    (found,) = candidates("The party is on the 22nd.", "a: Noted!", "Correction: it's the 25th.")
    assert (_indices(found), found.event_start.day) == ([0, 2], 25)


def test_clauses_with_a_fact_each_become_a_memory_each(candidates: Read) -> None:
    """So each can change by itself."""
    found = [c.content for c in candidates("I live in Berlin and I work as a nurse.")]
    assert found == ["User lives in Berlin.", "User works as a nurse."]


def test_a_clause_that_goes_on_with_the_same_subject_says_it(candidates: Read) -> None:
    """Who works elsewhere later still lives there."""
    found = [c.content for c in candidates("I'm Mara, I live in Porto and work as a designer at Farfetch.")]
    assert found == ["User is Mara, User lives in Porto.", "User works as a designer at Farfetch."]


def test_what_others_do_is_not_taken_for_the_speakers(candidates: Read) -> None:
    """The bakery is the parents'."""
    found = [c.content for c in candidates("My parents live in Rome and own a bakery.")]
    assert found == ["User's parents live in Rome and own a bakery."]


def test_a_sentence_that_leans_on_another_stays_with_it(candidates: Read) -> None:
    """A memory can be read alone."""
    found = [c.content for c in candidates("I adopted a puppy last week. Her name is Biscuit.")]
    assert found == ["User adopted a puppy last week (2024-04-29 to 2024-05-05). Her name is Biscuit."]


def test_a_short_answer_is_kept_with_its_question(candidates: Read) -> None:
    """It comes from both messages."""
    (found,) = candidates("a: What's your favourite season?", "Autumn")
    assert (found.content, _indices(found)) == ("User's favourite season is Autumn.", [0, 1])


def test_advice_that_was_asked_for_is_kept(candidates: Read) -> None:
    """Marked as the assistant's, with the question as a source."""
    (found,) = candidates("Can you recommend a quiet museum?", "a: I recommend the Globe Museum.", "Thanks!")
    assert (found.content, _indices(found)) == ('Assistant recommended to User: "I recommend the Globe Museum."', [0, 1])


def test_advice_that_was_taken_is_kept(candidates: Read) -> None:
    """The message that takes it is a source too."""
    (found,) = candidates("I'm bored", "a: You could try learning the ukulele.", "Good idea, I'll try that.")
    assert _indices(found) == [0, 1, 2]


def test_what_an_assistant_says_unasked_is_dropped(candidates: Read) -> None:
    """Boilerplate and explanations are no memories."""
    assert candidates("How do tides work?", "a: You should know that the moon pulls the sea.", "I see") == ()


def test_a_named_speaker_is_the_subject_whatever_the_role(candidates: Read) -> None:
    """In talk between people the role of a message says nothing."""
    found = candidates("Nadia: My parents visit me in June.", "a: Ben: I moved to Oslo last year.", "Nadia: Nice, Ben!")
    assert [(c.content, c.entities[0]) for c in found] == [
        ("Nadia's parents visit Nadia in June (2024-06).", "Nadia"),
        ("Ben moved to Oslo last year (2023).", "Ben"),
    ]


def test_a_heading_of_an_answer_is_no_speaker(candidates: Read) -> None:
    """Nobody is called Dairy."""
    assert [c.content for c in candidates("I live in Rome.", "a: Dairy: oat milk")] == ["User lives in Rome."]


def test_a_list_belongs_to_the_line_that_announces_it(candidates: Read) -> None:
    """Its items say nothing alone."""
    (found,) = candidates("My shopping list:\n- oat milk\n- 6 eggs\nCan you sort it by aisle?")
    assert found.content == "User's shopping list: oat milk, 6 eggs."


def test_the_first_person_of_somebody_quoted_is_left_to_them(candidates: Read) -> None:
    """What the boss hates the user may love."""
    (found,) = candidates('My boss said "I hate remote work" and I am worried about my contract.')
    assert found.content == "User said: \"My boss said 'I hate remote work' and I am worried about my contract.\""


def test_a_heading_is_no_speaker(candidates: Read) -> None:
    """A word before a colon names nobody when it is not how every message begins."""
    found = candidates("Address: 5 Main Street 12345", "I live in Graz.")
    assert found[-1].content == "User lives in Graz."


def test_the_same_statement_twice_is_one_candidate_with_both_sources(candidates: Read) -> None:
    """A session gives each statement once."""
    (found,) = candidates("I live in Graz.", "a: Nice.", "I live in Graz.")
    assert _indices(found) == [0, 2]


def test_recalled_text_is_never_extracted_again(candidates: Read) -> None:
    """What Mneme gave out comes back fenced."""
    assert candidates('<memory-data id="a">User lives in Paris.</memory-data id="a"> What should I wear?') == ()


def test_an_event_without_a_date_has_the_day_of_its_message(candidates: Read) -> None:
    """Nothing better is known."""
    (found,) = candidates("I live in Graz.")
    assert (found.event_start.isoformat(), found.event_end.isoformat()) == (
        "2024-05-08T00:00:00+00:00",
        "2024-05-08T23:59:59+00:00",
    )


def test_names_are_entities_and_the_first_word_of_a_sentence_is_none(candidates: Read) -> None:
    """Names as written, each once."""
    (found,) = candidates("Yesterday my sister Anna Berg flew to New York with Anna Berg's dog Rex.")
    assert found.entities == ("Anna Berg", "New York", "Rex")
