"""What the rules read off a query."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from service.domain.ids import ProjectId, Scope, SessionId, UserKey
from service.domain.ports.index import TRAIT_COUNT
from service.domain.recall import RecallQuery, StrategyName
from service.domain.sessions import Message, MessageRole
from service.recall.analysis import hints_of
from service.recall.queries import context_query
from service.recall.strategies.agentic import parts_of
from service.recall.strategies.auto import choose
from service.recall.traits import name_number, traits_of

SCOPE = Scope(project_id=ProjectId("p"), user_key=UserKey("u"))
NOW = datetime(2023, 8, 16, tzinfo=UTC)


def test_keywords_are_the_content_words_as_written() -> None:
    """Question words, auxiliaries and possessive endings are left out, the rest keeps its order and case."""
    assert hints_of("When did Ann's sister move to New York?").keywords == ("Ann", "sister", "move", "New", "York")


def test_names_are_the_capitalised_words_that_do_not_begin_the_query() -> None:
    """A capital at the beginning says nothing."""
    assert hints_of("Where does Ann work with Bob?").names == ("Ann", "Bob")


@pytest.mark.parametrize(
    ("text", "time", "number"),
    [
        ("When did Ann move?", True, False),
        ("Which month was the race?", True, False),
        ("How many dogs does Ann have?", False, True),
        ("Where does Ann live?", False, False),
    ],
)
def test_a_query_tells_what_kind_of_answer_it_wants(text: str, *, time: bool, number: bool) -> None:
    """Times and numbers are asked for in known words."""
    assert (hints_of(text).asks_time, hints_of(text).asks_number) == (time, number)


@pytest.mark.parametrize(
    ("text", "role"),
    [
        ("What is my dog called?", MessageRole.USER),
        ("What did you recommend to me?", MessageRole.ASSISTANT),
        ("Which hotel was in your list?", MessageRole.ASSISTANT),
        ("What is Ann's dog called?", None),
        ("Can you recommend a film I would like?", MessageRole.USER),
        ("Can you remind me what my dog is called?", MessageRole.USER),
        ("I was looking back at our previous chat. What was the third tip?", MessageRole.ASSISTANT),
        ("Could you remind me of the hotel we talked about?", MessageRole.ASSISTANT),
        ("I was wondering where Ann lives", None),
        ("I am off to Rome on Friday. Any tips?", MessageRole.USER),
    ],
)
def test_a_query_tells_who_said_what_it_asks_for(text: str, role: MessageRole | None) -> None:
    """What the asker owns or did, the user said; what "you" said, the assistant did."""
    assert hints_of(text).role is role


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("When did Ann adopt her dog?", ("adopt", "dog")),
        ("What did Ann give to Bob in Paris?", ("give", "Paris")),
        ("How did Ann Lee like the Grand Canyon?", ("Grand", "Canyon")),
        ("What is the name of Ann's sister?", ("name", "sister")),
        ("What is my dog called?", ("dog", "called")),
    ],
)
def test_the_topic_of_a_query_names_no_people(text: str, topic: tuple[str, ...]) -> None:
    """Names of people are left out, those of places and things are kept."""
    assert hints_of(text).topic == topic


def said(text: str, role: MessageRole = MessageRole.USER) -> Message:
    """Return a message."""
    return Message(
        session_id=SessionId("s"), index=0, role=role, content=text, timestamp=datetime(2024, 5, 8, 10, 0, 0, 250_000, UTC)
    )


def test_traits_of_a_labelled_message() -> None:
    """The label, times, numbers and verbs of a message are seen."""
    traits = traits_of(said("Ann: I adopted two dogs last week!"))
    assert (traits.speaker, traits.dated, traits.number, traits.first_person, traits.past) == (name_number("ann"), 1, 1, 1, 1)


def test_a_label_of_several_words_is_known_by_the_first() -> None:
    """A query that says Ann means Ann Lee."""
    traits = traits_of(said("Ann Lee: hello"))
    assert (name_number("ann lee"), name_number("ann")) == (traits.speaker, traits.called)


def test_traits_tell_who_and_when() -> None:
    """The role and the time of a message are among its traits, the time to the microsecond."""
    asked, answered = (traits_of(said("hello", role)) for role in MessageRole)
    assert asked.role != answered.role
    assert datetime(2024, 5, 8, 10, 0, 0, 250_000, UTC) == datetime.fromtimestamp(asked.said, UTC)


def test_traits_are_as_many_as_the_index_keeps() -> None:
    """A row of another length would be unknown to it."""
    assert TRAIT_COUNT == len(traits_of(said("hello")))


def test_traits_of_a_long_text_count_for_less() -> None:
    """In a text of three times sixty words a number says a third of what it says in a short one."""
    assert traits_of(said(f"two {'go ' * 178}go")).number == pytest.approx(1 / 3)


def test_a_link_is_no_label() -> None:
    """Only a word or name before a colon and a space is a speaker."""
    assert traits_of(said("https://example.com: 404")).speaker == 0


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("What do Ann and Bob like?", ["What do Ann like?", "What do Bob like?"]),
        ("Where did Ann buy the car and the boat?", ["Where did Ann buy the car?", "Where did Ann buy the boat?"]),
        ("Who met Ann, Bob or Cy?", ["Who met Ann?", "Who met Bob?", "Who met Cy?"]),
        ("What happened and where was it?", []),
        ("Where does Ann live?", []),
    ],
)
def test_a_query_about_several_things_is_taken_apart(text: str, parts: list[str]) -> None:
    """Things joined by "and" become queries of their own; a single thing stays whole."""
    assert parts_of(text) == parts


@pytest.mark.parametrize(
    ("text", "strategy"),
    [
        ("coffee order", StrategyName.LOW_LATENCY),
        ("What is the name of the doctor in Berlin?", StrategyName.BALANCED),
        ("How many dogs does Ann have?", StrategyName.AGENTIC),
        ("Which books has Ann read?", StrategyName.AGENTIC),
        ("dinner yesterday", StrategyName.BALANCED),
    ],
)
def test_auto_chooses_by_the_query(text: str, strategy: StrategyName) -> None:
    """What asks for several things is gathered, a question is analysed, a few words are looked up."""
    assert choose(RecallQuery(scope=SCOPE, text=text, now=NOW)) is strategy


def _said(*contents: str, role: MessageRole = MessageRole.USER) -> list[Message]:
    session = SessionId("s")
    return [Message(session_id=session, index=i, role=role, content=text, timestamp=NOW) for i, text in enumerate(contents)]


def test_the_query_of_a_context_is_the_newest_user_message() -> None:
    """A message of some length stands for itself."""
    assert context_query(_said("I have a dog", "Where could we go on holiday in May?")) == "Where could we go on holiday in May?"


def test_a_short_message_is_read_after_the_one_before_it() -> None:
    """ "And hers?" says nothing alone."""  # noqa: D210 - the quotation mark needs room
    assert context_query(_said("What is Ann's job?", "And hers?")) == "What is Ann's job?\nAnd hers?"


def test_what_the_assistant_wrote_is_no_query() -> None:
    """Without a user's message there is nothing to recall by."""
    assert context_query(_said("Hello, how can I help?", role=MessageRole.ASSISTANT)) == ""
