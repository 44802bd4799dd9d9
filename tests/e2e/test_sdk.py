"""The documented job of the official SDK, step by step, with the synchronous client."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from recallrai import RecallrAI
from recallrai.models import ContextResponse, MessageRole, RecallStrategy, SessionStatus
from recallrai.session import Session
from recallrai.user import User

from tests.e2e.serving import wait_until

ALLERGY = "I am allergic to peanuts and I always carry an epinephrine pen."
MOVE = "I moved to Lisbon in May 2024 because I started a new job at the aquarium."


@pytest.fixture
def user(sdk: RecallrAI, user_id: str) -> User:
    """Return a new user."""
    return sdk.create_user(user_id=user_id, metadata={"name": "John Doe"})


@pytest.fixture
def session(user: User) -> Session:
    """Return a session of the user with two turns."""
    session = user.create_session(auto_process_after_seconds=600, metadata={"type": "chat"})
    session.add_message(role=MessageRole.USER, content=f"{ALLERGY} {MOVE}")
    session.add_message(role=MessageRole.ASSISTANT, content="How can I help you?")
    return session


def process(session: Session) -> None:
    """Process a session and wait until its memories are there."""
    session.process()

    def ended() -> bool:
        session.refresh()
        return session.status not in {SessionStatus.PENDING, SessionStatus.PROCESSING}

    wait_until(ended, "the session is processed")
    assert session.status == SessionStatus.PROCESSED


def test_a_created_user_has_its_id_and_metadata(user: User, user_id: str) -> None:
    """create_user returns the user as it was given, created just now."""
    assert (user_id, {"name": "John Doe"}) == (user.user_id, user.metadata)
    assert abs(datetime.now(UTC) - user.created_at) < timedelta(minutes=1)


def test_a_user_can_be_fetched(sdk: RecallrAI, user: User) -> None:
    """get_user returns what create_user stored."""
    found = sdk.get_user(user.user_id)
    assert (user.metadata, user.created_at, user.last_active_at) == (found.metadata, found.created_at, found.last_active_at)


def test_users_are_listed_by_metadata(sdk: RecallrAI, user_id: str) -> None:
    """list_users with a filter returns the users that match, newest first, page by page."""
    for number in range(3):
        sdk.create_user(f"{user_id}-{number}", metadata={"cohort": user_id, "number": number})
    first = sdk.list_users(offset=0, limit=2, metadata_filter={"cohort": user_id})
    second = sdk.list_users(offset=2, limit=2, metadata_filter={"cohort": user_id})
    assert [f"{user_id}-{number}" for number in (2, 1, 0)] == [user.user_id for user in (*first.users, *second.users)]
    assert (3, True, 3, False) == (first.total, first.has_more, second.total, second.has_more)


def test_a_user_takes_a_new_id_and_metadata(sdk: RecallrAI, user: User) -> None:
    """`update` changes the user on the server and in the hand of the caller; the old id is free."""
    old = user.user_id
    user.update(new_metadata={"name": "John Doe", "role": "admin"}, new_user_id=f"{old}-renamed")
    assert (f"{old}-renamed", {"name": "John Doe", "role": "admin"}) == (user.user_id, user.metadata)
    assert {"fresh": True} == sdk.create_user(old, metadata={"fresh": True}).metadata


def test_sessions_follow_a_renamed_user(user: User, session: Session) -> None:
    """What belonged to the old id belongs to the new one."""
    user.update(new_user_id=f"{user.user_id}-renamed")
    assert [session.session_id] == [found.session_id for found in user.list_sessions().sessions]


def test_a_refreshed_user_shows_what_another_client_wrote(sdk: RecallrAI, user: User) -> None:
    """`refresh` reads the user again."""
    sdk.get_user(user.user_id).update(new_metadata={"name": "Jane"})
    user.refresh()
    assert {"name": "Jane"} == user.metadata


def test_a_new_session_is_pending(session: Session) -> None:
    """create_session returns a pending session with its metadata."""
    session.refresh()
    assert (SessionStatus.PENDING, {"type": "chat"}) == (session.status, session.metadata)


def test_a_session_can_begin_in_the_past(user: User) -> None:
    """A custom time becomes the session's time, and its messages begin there."""
    began = datetime(2025, 6, 15, 14, 30, tzinfo=UTC)
    session = user.create_session(custom_created_at_utc=began)
    session.add_message(MessageRole.USER, "A long time ago.")
    assert began == session.created_at
    assert timedelta(0) <= session.get_messages().messages[0].timestamp - began < timedelta(minutes=1)


def test_a_session_can_be_fetched_and_updated(user: User, session: Session) -> None:
    """`update` replaces the metadata of the session that get_session returned."""
    found = user.get_session(session_id=session.session_id)
    found.update(new_metadata={"type": "support_chat"})
    session.refresh()
    assert {"type": "support_chat"} == session.metadata


def test_sessions_are_listed_by_status_and_metadata(user: User, session: Session) -> None:
    """list_sessions returns the sessions that match every filter."""
    user.create_session(metadata={"type": "email"})
    pending = user.list_sessions(
        offset=0,
        limit=10,
        metadata_filter={"type": "chat"},
        status_filter=[SessionStatus.PENDING, SessionStatus.PROCESSING],
    )
    processed = user.list_sessions(status_filter=[SessionStatus.PROCESSED])
    assert [session.session_id] == [found.session_id for found in pending.sessions]
    assert (1, False, 0) == (pending.total, pending.has_more, processed.total)


def test_messages_come_back_in_order(session: Session) -> None:
    """get_messages returns every message as it was written, oldest first."""
    page = session.get_messages(offset=0, limit=50)
    assert [(MessageRole.USER, f"{ALLERGY} {MOVE}"), (MessageRole.ASSISTANT, "How can I help you?")] == [
        (message.role, message.content) for message in page.messages
    ]
    assert (2, False) == (page.total, page.has_more)


def test_the_last_messages_of_a_user_span_sessions(user: User, session: Session) -> None:
    """get_last_n_messages returns the newest messages of all sessions, oldest of them first."""
    other = user.create_session()
    other.add_message(MessageRole.USER, "And another thing.")
    found = user.get_last_n_messages(n=2).messages
    assert [(session.session_id, "How can I help you?"), (other.session_id, "And another thing.")] == [
        (message.session_id, message.content) for message in found
    ]


def test_a_processed_session_becomes_memories(user: User, session: Session) -> None:
    """`process` turns what the user said into memories that name their session; the assistant's question becomes none."""
    process(session)
    memories = user.list_memories().items
    text = " ".join(memory.content for memory in memories)
    assert "peanuts" in text
    assert "Lisbon" in text
    assert "How can I help" not in text
    assert {session.session_id} == {memory.session_id for memory in memories}


def test_memories_are_listed_with_every_documented_option(user: User, session: Session) -> None:
    """list_memories takes categories, session filters, paging and the two includes."""
    process(session)
    every = user.list_memories()
    page = user.list_memories(
        categories=[every.items[0].categories[0]],
        session_id_filter=[session.session_id],
        session_metadata_filter={"type": "chat"},
        offset=0,
        limit=1,
        include_previous_versions=True,
        include_connected_memories=True,
    )
    first = page.items[0]
    assert (1, 1, False, []) == (first.version_number, first.total_versions, first.has_previous_versions, first.previous_versions)
    assert first.connected_memories is not None
    assert not first.merge_conflict_in_progress
    assert page.has_more == (page.total > 1)
    assert [] == user.list_memories(session_metadata_filter={"type": "email"}).items


def test_a_memory_can_be_fetched_and_deleted(user: User, session: Session) -> None:
    """get_memory returns a listed memory; after delete_memory it is gone from the list."""
    process(session)
    listed = user.list_memories().items
    assert listed[0].content == user.get_memory(listed[0].memory_id).content
    user.delete_memory(listed[0].memory_id)
    assert [memory.memory_id for memory in listed[1:]] == [memory.memory_id for memory in user.list_memories().items]


@pytest.mark.parametrize("strategy", list(RecallStrategy))
def test_the_next_session_gets_the_memories_as_context(user: User, session: Session, strategy: RecallStrategy) -> None:
    """get_context of a later session answers its question, below the system prompt, with every strategy."""
    process(session)
    later = user.create_session()
    later.add_message(MessageRole.USER, "Which food do I have to avoid because of my allergy?")

    def prompted() -> ContextResponse | None:
        """Return the context with the system prompt once the one without is its end: both saw the same index."""
        answer = later.get_context(recall_strategy=strategy)
        bare = later.get_context(recall_strategy=strategy, include_system_prompt=False).context or ""
        same = "peanuts" in bare and (answer.context or "").endswith(f"\n\n\n{bare}")
        return answer if same else None

    answer = wait_until(prompted, "the memory is in the index, and the context ends the answer")
    assert answer is not None
    assert answer.is_final
    assert answer.metadata is not None
    assert answer.metadata.recall_strategy_used in set(RecallStrategy) - {RecallStrategy.AUTO}


def test_a_context_takes_every_documented_parameter(user: User, session: Session) -> None:
    """The context holds the last messages and summaries that were asked for, and names what it was made from."""
    process(session)
    later = user.create_session()
    later.add_message(MessageRole.USER, "Which food do I have to avoid because of my allergy?")

    def named() -> list[str]:
        context = later.get_context(
            recall_strategy=RecallStrategy.LOW_LATENCY,
            min_top_k=10,
            max_top_k=100,
            memories_threshold=0.6,
            summaries_threshold=0.5,
            last_n_messages=20,
            last_n_summaries=5,
            timezone="America/Los_Angeles",
            include_metadata_ids=True,
        )
        assert "How can I help you?" in (context.context or "")
        assert context.metadata
        return context.metadata.memory_ids or []

    known = {memory.memory_id for memory in user.list_memories().items}
    assert set(wait_until(named, "a memory is in the index")) <= known


def test_a_streamed_context_ends_with_the_context(user: User, session: Session) -> None:
    """get_context_stream reports its stages and then the same context."""
    process(session)
    later = user.create_session()
    later.add_message(MessageRole.USER, "Which food do I have to avoid because of my allergy?")

    def streamed() -> list[ContextResponse]:
        """Return the events once the last of them is what get_context gives: both saw the same index."""
        events = list(later.get_context_stream(recall_strategy=RecallStrategy.LOW_LATENCY))
        context = later.get_context(recall_strategy=RecallStrategy.LOW_LATENCY).context or ""
        return events if "peanuts" in context and events[-1].context == context else []

    *stages, last = wait_until(streamed, "the memory is in the index, and the stream ends with the context")
    assert stages
    assert all(stage.status_update_message and not stage.is_final for stage in stages)
    assert last.is_final


def test_a_deleted_session_takes_its_memories_along(user: User, session: Session) -> None:
    """`delete` of a session removes what was created from it."""
    process(session)
    session.delete()
    assert (0, 0) == (user.list_sessions().total, user.list_memories().total)
    assert [] == user.get_last_n_messages(10).messages


def test_a_deleted_user_comes_back_empty(sdk: RecallrAI, user: User, session: Session) -> None:
    """`delete` removes everything: a new user of the same id has nothing."""
    process(session)
    user.delete()
    again = sdk.create_user(user.user_id)
    assert (0, 0) == (again.list_sessions().total, again.list_memories().total)


def test_two_users_do_not_see_each_other(sdk: RecallrAI, user: User, session: Session) -> None:
    """A context never holds what another user said."""
    process(session)
    stranger = sdk.create_user(f"{user.user_id}-stranger")
    question = stranger.create_session()
    question.add_message(MessageRole.USER, "Which food do I have to avoid because of my allergy?")
    assert "peanuts" not in (question.get_context(include_system_prompt=False, last_n_messages=100).context or "")
    assert 0 == stranger.list_memories().total
