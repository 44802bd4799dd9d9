"""What the strategies find, on real engines."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from service.domain.memories import Source
from service.domain.recall import Recalled, RecalledKind, RecallResult, StrategyName
from tests.recall.world import NOON, Person

pytestmark = pytest.mark.asyncio(loop_scope="session")

CONCRETE = [StrategyName.LOW_LATENCY, StrategyName.BALANCED, StrategyName.AGENTIC]
FILLER = (
    "The weather is nice today",
    "I work as a nurse in the county hospital",
    "My car needs new tyres",
    "We watched an old film about trains",
    "The garden is full of weeds",
)


def _texts(result: RecallResult) -> list[str]:
    return [item.message.content for item in result.items if item.message is not None]


def _kinds(items: list[Recalled]) -> list[RecalledKind]:
    return [item.kind for item in items]


@pytest.mark.parametrize("strategy", list(StrategyName))
async def test_a_message_can_be_recalled_before_its_session_is_processed(person: Person, strategy: StrategyName) -> None:
    """What was said in an ongoing session is found by every strategy."""
    await person.says("I adopted a beagle called Biscuit", *FILLER)
    result = await person.world.recaller(person.asks("What is my dog called?", strategy=strategy))
    assert _texts(result)[0] == "I adopted a beagle called Biscuit"


@pytest.mark.parametrize("strategy", CONCRETE)
async def test_the_strategy_that_ran_is_reported(person: Person, strategy: StrategyName) -> None:
    """A concrete strategy reports itself."""
    result = await person.world.recaller(person.asks("anything", strategy=strategy))
    assert result.strategy is strategy


@pytest.mark.parametrize("strategy", list(StrategyName))
@pytest.mark.parametrize("text", ["", "  ", "?!", "🐶"])
async def test_a_query_without_a_word_finds_nothing(person: Person, strategy: StrategyName, text: str) -> None:
    """What asks for nothing gets nothing, although its embedding is near to some."""
    await person.says(*FILLER)
    result = await person.world.recaller(person.asks(text, strategy=strategy))
    assert list(result.items) == []
    assert result.strategy is not StrategyName.AUTO


async def test_auto_reports_what_it_chose(person: Person) -> None:
    """Auto is never reported."""
    result = await person.world.recaller(person.asks("How many dogs do I have?", strategy=StrategyName.AUTO))
    assert result.strategy is StrategyName.AGENTIC


async def test_a_rare_word_is_found_however_little_the_meaning_fits(person: Person) -> None:
    """A hit by word alone is never gated by a search by meaning."""
    await person.says(*FILLER, "qzx-4711 is the code for the shed")
    result = await person.world.recaller(person.asks("qzx-4711", strategy=StrategyName.LOW_LATENCY))
    assert _texts(result)[0] == "qzx-4711 is the code for the shed"


async def test_what_the_named_speaker_said_comes_first(person: Person) -> None:
    """Of two people who said the same, the one that the query names ranks first."""
    await person.says("Bob: I love hiking in the hills", "Ann: I love hiking in the hills", *FILLER)
    result = await person.world.recaller(person.asks("What does Ann love?", strategy=StrategyName.LOW_LATENCY))
    assert _texts(result)[0] == "Ann: I love hiking in the hills"


async def test_a_time_in_the_query_draws_in_what_was_said_then(person: Person) -> None:
    """Of two sessions that say the same, the one within the span that the query names ranks first."""
    for month in (2, 6):
        await person.says(f"I went to the theatre, it was visit {month}", *FILLER, at=datetime(2023, month, 10, tzinfo=UTC))
    query = person.asks("Which theatre visit was in February 2023?", strategy=StrategyName.BALANCED)
    result = await person.world.recaller(query)
    assert _texts(result)[0] == "I went to the theatre, it was visit 2"
    assert [span.start for span in result.date_ranges] == [datetime(2023, 2, 1, tzinfo=UTC)]


async def test_nothing_comes_from_an_excluded_session(person: Person) -> None:
    """Neither messages nor memories of an excluded session are returned."""
    session = await person.says("I adopted a beagle called Biscuit")
    await person.remembers("The user has a beagle called Biscuit", session=session)
    query = person.asks("beagle Biscuit", exclude_sessions=frozenset({session.session_id}))
    assert list((await person.world.recaller(query)).items) == []


async def test_nothing_comes_from_another_user(person: Person) -> None:
    """Two users of one project never see each other's text."""
    other = await person.world.person()
    await other.says("I adopted a beagle called Biscuit")
    assert list((await person.world.recaller(person.asks("beagle Biscuit"))).items) == []


async def test_a_memory_stands_for_the_message_that_it_comes_from(person: Person) -> None:
    """A message that a memory comes from is returned once, as the memory, with the message as its source."""
    session = await person.says("I adopted a beagle called Biscuit", *FILLER)
    await person.remembers("The user has a beagle called Biscuit", session=session)
    first, *others = (await person.world.recaller(person.asks("What is my dog called?"))).items
    source = Source(session_id=session.session_id, message_index=0)
    assert (first.kind, first.sources) == (RecalledKind.MEMORY, (source,))
    assert all(source not in item.sources for item in others)


async def test_a_deleted_memory_is_not_shown(person: Person) -> None:
    """What the index still holds and the records do not is left out."""
    session = await person.says("I adopted a beagle called Biscuit")
    chain = await person.remembers("The user has a beagle called Biscuit", session=session)
    await person.world.stores.sessions.delete(person.scope, session.session_id, await person.forgetting(chain))
    assert list((await person.world.recaller(person.asks("beagle Biscuit"))).items) == []


@pytest.mark.parametrize("strategy", CONCRETE)
async def test_what_is_gone_makes_room_for_what_is_further_down(person: Person, strategy: StrategyName) -> None:
    """Many messages that the index still holds, and the records do not, keep nothing else from being shown."""
    gone = await person.says(*(f"My beagle Biscuit barked {time} times" for time in range(40)))
    await person.says("I adopted a beagle called Biscuit", *FILLER)
    await person.world.stores.sessions.delete(person.scope, gone.session_id, person.nothing(0))
    result = await person.world.recaller(person.asks("beagle Biscuit", strategy=strategy, min_top_k=6, max_top_k=6))
    assert {"I adopted a beagle called Biscuit", *FILLER} == set(_texts(result))
    assert result.items[0].score > 0.6


@pytest.mark.parametrize("strategy", CONCRETE)
async def test_an_index_of_an_older_release_answers_the_same(person: Person, strategy: StrategyName) -> None:
    """Points without traits are ranked by the messages themselves."""
    session = await person.says("Ann: I adopted 2 beagles last week!", "Bob: Is one called Biscuit?", *FILLER)
    await person.remembers("Ann has two beagles", session=session)
    query = person.asks("When did Ann adopt a beagle?", strategy=strategy)
    expected = await person.world.recaller(query)
    await person.rewrite_index(lambda point: replace(point, traits=()))
    assert expected == await person.world.recaller(query)


@pytest.mark.parametrize("kind", [RecalledKind.MEMORY, RecalledKind.MESSAGE, RecalledKind.SUMMARY])
async def test_only_the_kinds_wanted_are_returned(person: Person, kind: RecalledKind) -> None:
    """Each kind can be asked for alone."""
    session = await person.says("I adopted a beagle called Biscuit")
    await person.remembers("The user has a beagle called Biscuit", session=session)
    await person.summarises(session, "The user adopted a beagle called Biscuit.")
    result = await person.world.recaller(person.asks("Who is Biscuit the beagle?", kinds=frozenset({kind})))
    assert _kinds(list(result.items)) == [kind]


async def test_a_summary_below_its_threshold_is_left_out(person: Person) -> None:
    """The threshold of summaries selects."""
    session = await person.says("I adopted a beagle called Biscuit")
    await person.summarises(session, "The user adopted a beagle called Biscuit.")
    wanted = frozenset({RecalledKind.SUMMARY})
    result = await person.world.recaller(person.asks("How do I file taxes?", kinds=wanted, summaries_threshold=0.5))
    assert list(result.items) == []


@pytest.mark.parametrize("strategy", CONCRETE)
async def test_scores_fall_and_lie_between_0_and_1(person: Person, strategy: StrategyName) -> None:
    """Items come best first, on a scale that thresholds can mean something on."""
    await person.says("I adopted a beagle called Biscuit", *FILLER)
    items = (await person.world.recaller(person.asks("What is my dog called?", strategy=strategy))).items
    scores = [item.score for item in items]
    assert scores == sorted(scores, reverse=True)
    assert all(0.0 <= score <= 1.0 for score in scores)


async def test_a_query_that_nothing_answers_scores_low(person: Person) -> None:
    """The best of bad candidates is no good candidate."""
    await person.says("I adopted a beagle called Biscuit", *FILLER)
    asked = "Explain the Riemann hypothesis"
    far = (await person.world.recaller(person.asks(asked, strategy=StrategyName.LOW_LATENCY))).items[0].score
    asked = "What is my dog called?"
    near = (await person.world.recaller(person.asks(asked, strategy=StrategyName.LOW_LATENCY))).items[0].score
    assert far < 0.6 < near


async def test_at_least_and_at_most_so_many_are_returned(person: Person) -> None:
    """The minimum is filled below the threshold, the maximum holds above it."""
    await person.says(*(f"I saw a beagle on day {day}" for day in range(30)))
    few = await person.world.recaller(person.asks("tax forms", min_top_k=7, memories_threshold=0.8))
    many = await person.world.recaller(person.asks("beagle", max_top_k=10, memories_threshold=0.2))
    assert (len(few.items), len(many.items)) == (7, 10)


async def test_every_item_says_what_its_score_is_made_of(person: Person) -> None:
    """Signals explain a result."""
    await person.says("Ann: I adopted a beagle called Biscuit", "Bob: Fine weather", *FILLER)
    result = await person.world.recaller(person.asks("What dog did Ann adopt?", strategy=StrategyName.LOW_LATENCY))
    assert {"meaning", "words", "speaker"} <= result.items[0].signals.keys()


async def test_agentic_follows_connections(person: Person) -> None:
    """A memory that nothing in the query names is found through one that it is connected to, and the reasoning says so."""
    session = await person.says("I adopted a beagle called Biscuit", *FILLER)
    other = await person.says("Doctor Miller has his practice in Oak Street", at=NOON + timedelta(days=1))
    vet = await person.remembers("Doctor Miller's practice is in Oak Street", session=other)
    dog = await person.remembers("Biscuit the beagle is a patient of Miller", session=session)
    await person.connects(dog, vet)
    query = person.asks("beagle Biscuit", strategy=StrategyName.AGENTIC, kinds=frozenset({RecalledKind.MEMORY}))
    result = await person.world.recaller(query)
    assert vet.chain_id in [item.memory.chain_id for item in result.items if item.memory is not None]
    assert result.reasoning


async def test_agentic_looks_for_each_of_several_things(person: Person) -> None:
    """A query that names two things is searched for each of them."""
    query = person.asks("Where did Ann buy the car and the boat?", strategy=StrategyName.AGENTIC)
    result = await person.world.recaller(query)
    assert {"Where did Ann buy the car?", "Where did Ann buy the boat?"} <= set(result.search_queries)


async def test_stages_are_told_as_they_begin(person: Person) -> None:
    """A listener hears of the search before the ranking."""
    stages: list[str] = []

    async def hear(stage: str) -> None:
        stages.append(stage)

    await person.world.recaller(person.asks("dog", strategy=StrategyName.LOW_LATENCY), on_stage=hear)
    assert [stage.split()[0] for stage in stages] == ["Searching", "Ranked"]


@pytest.mark.parametrize("text", ["???", "the of and", "ä" * 2000, "\x00", "1"])
@pytest.mark.parametrize("strategy", list(StrategyName))
async def test_any_text_is_a_query(person: Person, text: str, strategy: StrategyName) -> None:
    """A query without a word that can be searched for is no error."""
    await person.says(*FILLER)
    result = await person.world.recaller(person.asks(text, strategy=strategy))
    assert len(result.items) <= len(FILLER)
