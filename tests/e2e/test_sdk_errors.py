"""Each exception class of the official SDK, raised by what its documentation says raises it."""

from __future__ import annotations

import socket
from collections.abc import Callable
from uuid import uuid4

import pytest
from recallrai import RecallrAI, exceptions
from recallrai.models import MessageRole
from recallrai.session import Session
from recallrai.user import User

from tests.e2e.serving import API_KEY, PROJECT_ID, Serving


@pytest.fixture
def user(sdk: RecallrAI, user_id: str) -> User:
    """Return a new user."""
    return sdk.create_user(user_id)


@pytest.fixture
def session(user: User) -> Session:
    """Return a new session with one message."""
    session = user.create_session()
    session.add_message(MessageRole.USER, "I have a dog called Rex.")
    return session


@pytest.mark.parametrize(
    ("api_key", "project_id"),
    [("rai_wrong", PROJECT_ID), (API_KEY, "another"), ("rai_wrong", "another")],
)
def test_a_wrong_credential_is_an_authentication_error(serving: Serving, api_key: str, project_id: str) -> None:
    """A wrong key, a wrong project and both give the same error."""
    client = RecallrAI(api_key=api_key, project_id=project_id, base_url=serving.http)
    with pytest.raises(exceptions.AuthenticationError):
        client.list_users()
    client._http.client.close()


def test_a_second_user_of_an_id_is_refused(sdk: RecallrAI, user: User) -> None:
    """create_user raises UserAlreadyExistsError for an id that is taken."""
    with pytest.raises(exceptions.UserAlreadyExistsError, match=f"User with ID {user.user_id} already exists"):
        sdk.create_user(user.user_id)


def test_a_rename_to_a_taken_id_is_refused(sdk: RecallrAI, user: User) -> None:
    """`update` raises UserAlreadyExistsError for another user's id, and the user keeps its own."""
    other = sdk.create_user(f"{user.user_id}-other")
    with pytest.raises(exceptions.UserAlreadyExistsError):
        other.update(new_user_id=user.user_id)
    assert f"{user.user_id}-other" == sdk.get_user(f"{user.user_id}-other").user_id


USER_CALLS: dict[str, Callable[[User], object]] = {
    "refresh": lambda user: user.refresh(),
    "update": lambda user: user.update(new_metadata={"a": 1}),
    "delete": lambda user: user.delete(),
    "create_session": lambda user: user.create_session(),
    "list_sessions": lambda user: user.list_sessions(),
    "get_session": lambda user: user.get_session(str(uuid4())),
    "list_memories": lambda user: user.list_memories(),
    "get_last_n_messages": lambda user: user.get_last_n_messages(1),
}


@pytest.mark.parametrize("call", USER_CALLS.values(), ids=USER_CALLS)
def test_a_deleted_user_is_not_found(user: User, call: Callable[[User], object]) -> None:
    """Every call for a user that is gone raises UserNotFoundError."""
    user.delete()
    with pytest.raises(exceptions.UserNotFoundError, match=f"User {user.user_id} not found"):
        call(user)


def test_an_unknown_user_is_not_found(sdk: RecallrAI, user_id: str) -> None:
    """get_user raises UserNotFoundError."""
    with pytest.raises(exceptions.UserNotFoundError, match=f"User {user_id} not found"):
        sdk.get_user(user_id)


SESSION_CALLS: dict[str, Callable[[Session], object]] = {
    "refresh": lambda session: session.refresh(),
    "update": lambda session: session.update(new_metadata={"a": 1}),
    "delete": lambda session: session.delete(),
    "add_message": lambda session: session.add_message(MessageRole.USER, "Hello"),
    "get_messages": lambda session: session.get_messages(),
    "get_context": lambda session: session.get_context(),
    "process": lambda session: session.process(),
}


@pytest.mark.parametrize("call", SESSION_CALLS.values(), ids=SESSION_CALLS)
def test_a_deleted_session_is_not_found(session: Session, call: Callable[[Session], object]) -> None:
    """Every call for a session that is gone raises SessionNotFoundError, not UserNotFoundError."""
    session.delete()
    with pytest.raises(exceptions.SessionNotFoundError, match=f"Session {session.session_id} not found"):
        call(session)


@pytest.mark.parametrize("call", SESSION_CALLS.values(), ids=SESSION_CALLS)
def test_a_session_of_a_deleted_user_names_the_user(user: User, session: Session, call: Callable[[Session], object]) -> None:
    """Every call for a session whose user is gone raises UserNotFoundError."""
    user.delete()
    with pytest.raises(exceptions.UserNotFoundError, match=f"User {user.user_id} not found"):
        call(session)


def test_a_session_id_that_is_no_uuid_is_not_found(user: User) -> None:
    """get_session raises SessionNotFoundError rather than a validation error."""
    with pytest.raises(exceptions.SessionNotFoundError):
        user.get_session("session-uuid")


def test_a_session_of_another_user_is_not_found(sdk: RecallrAI, user: User, session: Session) -> None:
    """get_session raises SessionNotFoundError for a session that exists and is not the user's."""
    other = sdk.create_user(f"{user.user_id}-other")
    with pytest.raises(exceptions.SessionNotFoundError):
        other.get_session(session.session_id)


def test_a_session_in_processing_takes_no_message(session: Session) -> None:
    """add_message raises InvalidSessionStateError once the session was handed to processing."""
    session.process()
    with pytest.raises(exceptions.InvalidSessionStateError, match="Cannot add message to session with status process"):
        session.add_message(MessageRole.USER, "Too late")


def test_a_session_is_processed_once(session: Session) -> None:
    """`process` raises InvalidSessionStateError the second time."""
    session.process()
    with pytest.raises(exceptions.InvalidSessionStateError, match="Cannot process session with status process"):
        session.process()


def test_an_unknown_category_is_named(user: User) -> None:
    """list_memories raises InvalidCategoriesError with the unknown names and no others."""
    with pytest.raises(exceptions.InvalidCategoriesError) as raised:
        user.list_memories(categories=["food_preferences", "no_such_category", "allergies"])
    assert ["no_such_category"] == raised.value.invalid_categories


INVALID_CALLS: dict[str, Callable[[User], object]] = {
    "a limit of 0": lambda user: user.list_sessions(limit=0),
    "a limit over 100": lambda user: user.list_sessions(limit=101),
    "a negative offset": lambda user: user.list_sessions(offset=-1),
    "a memory limit over 200": lambda user: user.list_memories(limit=201),
    "a timer below 600 seconds": lambda user: user.create_session(auto_process_after_seconds=599),
    "an unknown time zone": lambda user: user.create_session().get_context(timezone="Mars/Olympus"),
    "a top-k below 5": lambda user: user.create_session().get_context(min_top_k=4),
    "a top-k over 100": lambda user: user.create_session().get_context(max_top_k=101),
    "a threshold below 0.2": lambda user: user.create_session().get_context(memories_threshold=0.1),
    "a threshold over 0.8": lambda user: user.create_session().get_context(summaries_threshold=0.9),
    "too many last messages": lambda user: user.create_session().get_context(last_n_messages=101),
    "too many last summaries": lambda user: user.create_session().get_context(last_n_summaries=21),
    "an empty new id": lambda user: user.update(new_user_id=""),
}


@pytest.mark.parametrize("call", INVALID_CALLS.values(), ids=INVALID_CALLS)
def test_what_breaks_a_rule_is_a_validation_error(user: User, call: Callable[[User], object]) -> None:
    """Each value outside its documented range raises ValidationError."""
    with pytest.raises(exceptions.ValidationError):
        call(user)


def test_a_user_needs_an_id(sdk: RecallrAI) -> None:
    """create_user raises ValidationError for an empty id."""
    with pytest.raises(exceptions.ValidationError):
        sdk.create_user("")


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v1/users/a/nothing", "/"])
def test_an_unknown_route_is_a_connection_error(sdk: RecallrAI, path: str) -> None:
    """The SDK takes the plain text of an unknown route for a wrong base URL."""
    with pytest.raises(exceptions.ConnectionError, match="Resource not found"):
        sdk._http.get(path)


def test_an_unknown_memory_is_an_error_with_its_id(user: User) -> None:
    """get_memory and delete_memory raise RecallrAIError."""
    missing = str(uuid4())
    with pytest.raises(exceptions.RecallrAIError, match=f"Memory {missing} not found"):
        user.get_memory(missing)
    with pytest.raises(exceptions.RecallrAIError, match=f"Memory {missing} not found"):
        user.delete_memory(missing)


def test_a_server_that_is_not_there_is_a_connection_error() -> None:
    """A closed port raises ConnectionError."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        client = RecallrAI(api_key=API_KEY, project_id=PROJECT_ID, base_url=f"http://127.0.0.1:{closed.getsockname()[1]}")
        with pytest.raises(exceptions.ConnectionError):
            client.list_users()
        client._http.client.close()


def test_a_server_that_does_not_answer_is_a_timeout_error() -> None:
    """A server that takes the connection and says nothing raises TimeoutError."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        client = RecallrAI(api_key=API_KEY, project_id=PROJECT_ID, base_url=address, timeout=1)
        with pytest.raises(exceptions.TimeoutError):
            client.list_users()
        client._http.client.close()
