"""What people write in chats, and what is remembered of it."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import pytest

from service.domain.memories import Candidate, DecisionKind, MemoryChain, Neighbour
from service.extraction.embedded.decisions import decide
from service.extraction.embedded.kinds import is_of
from service.extraction.embedded.subjects import with_subject
from service.usecases.processing.merge import Origin, begun
from tests.extraction.conftest import WEDNESDAY

Read: TypeAlias = Callable[..., Sequence[Candidate]]


def _beside(read: Read, first: str, then: str) -> tuple[DecisionKind, str]:
    old, new = read(first)[0], read(then, days=30)[0]
    chain: MemoryChain = begun(Origin(session_id=old.sources[0].session_id, generation=1, now=WEDNESDAY), 0, old)
    decision = decide(new, [Neighbour(chain=chain, similarity=0.6)])
    return decision.kind, decision.content


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Actually, I quit Farfetch and joined Zalando.", "User quit Farfetch and joined Zalando."),
        ("Actually I was born in Leeds.", "User was born in Leeds."),
        ("No wait, I meant my sister lives in Oslo.", "User's sister lives in Oslo."),
        ("Actually, I like jazz a lot.", "User likes jazz a lot."),
        ("switched to an iphone yesterday", "User switched to an iphone yesterday (2024-05-07)."),
        ("ugh i really cant stand mayonnaise", "User really can't stand mayonnaise."),
        ("I had laser surgery and don't need glasses any more.", "User had laser surgery and doesn't need glasses any more."),
    ],
)
def test_a_memory_reads_as_one_sentence_about_the_user(candidates: Read, said: str, kept: str) -> None:
    """Words that only begin a correction are no part of it, and a subject that was left out is."""
    assert [one.content for one in candidates(said)] == [kept]


@pytest.mark.parametrize(
    ("first", "then", "expected"),
    [
        ("I work at Farfetch as a designer.", "Actually, I quit Farfetch and joined Zalando.", DecisionKind.CHANGE),
        ("I was born in Leeds.", "Actually, I was born in York.", DecisionKind.CHANGE),
        ("I was born in Leeds.", "I was born in York.", DecisionKind.CONTRADICTION),
        ("I'm allergic to shellfish.", "Prawn curry is my favourite dish.", DecisionKind.CONTRADICTION),
        ("I'm lactose intolerant.", "I love oat milk.", DecisionKind.NEW),
        ("My wife's name is Olga.", "My wife is called Olga.", DecisionKind.DUPLICATE),
        ("My mum passed away.", "My mum is a nurse in Kent.", DecisionKind.CONTRADICTION),
        ("My mum is a nurse in Kent.", "My mum passed away.", DecisionKind.CHANGE),
        ("Sono allergico alle noci.", "Mangio noci tutti i giorni.", DecisionKind.CONTRADICTION),
        ("Nasci no Porto.", "Nasci em Braga.", DecisionKind.CONTRADICTION),
        ("Moro em Lisboa.", "Mudei-me para Faro.", DecisionKind.CHANGE),
        ("私は大阪に住んでいます。", "東京に引っ越しました。", DecisionKind.CHANGE),
        ("Ich bin Einzelkind und wohne in Ulm.", "Mein kleiner Bruder studiert in Wien.", DecisionKind.CONTRADICTION),
    ],
)
def test_a_statement_in_other_words_is_understood(candidates: Read, first: str, then: str, expected: DecisionKind) -> None:
    """One thing may be said in many ways, about a kind or what is of the kind, and in any known language."""
    assert _beside(candidates, first, then)[0] is expected


@pytest.mark.parametrize(
    ("said", "questioned"),
    [
        ("Abito a Torino con mia sorella.", "Come stai?"),
        ("Moro em Lisboa com o meu irmão.", "Qual é a capital da Austrália?"),
        ("妹の名前は由美です。", "今日の天気は？"),  # noqa: RUF001 - a Japanese question mark
        ("Ik woon in Gent en werk als bakker.", "Hoe gaat het met je?"),
        ("Я живу в Казани и работаю врачом.", "Какая завтра погода?"),
        ("我住在北京，我喜欢喝茶。", "今天天气怎么样？"),  # noqa: RUF001 - Chinese punctuation
    ],
)
def test_statements_are_kept_in_every_language(candidates: Read, said: str, questioned: str) -> None:
    """Questions are not, in any."""
    assert [one.content for one in candidates(said, "a: OK.", questioned)] == [f'User said: "{said}"']


@pytest.mark.parametrize(
    "said", ["Loved it!", "Sounded good to me", "Running is my hobby", "Tired of this weather", "Set a timer"]
)
def test_what_has_another_subject_gets_none(said: str) -> None:
    """A mood, a task, or a thing that something is said of."""
    assert with_subject(said) == said


def test_what_is_free_of_a_thing_is_not_of_its_kind() -> None:
    """Lactose-free milk has no lactose; milk has."""
    assert [is_of(thing, "lactose") for thing in ("a glass of milk", "lactose-free milk", "soy milk")] == [True, False, False]
