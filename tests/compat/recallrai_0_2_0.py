"""
What an application written for recallrai 0.2.0 does. Each `check_` function is one fact, run in a process of its own:
`python recallrai_0_2_0.py NAME`, with that version in front of the path.
"""

from __future__ import annotations

import os
import sys
import time
from uuid import UUID, uuid4

from recallrai import RecallrAI
from recallrai.exceptions import (
    AuthenticationError,
    InvalidSessionStateError,
    SessionNotFoundError,
    UserAlreadyExistsError,
    UserNotFoundError,
    ValidationError,
)
from recallrai.models import MessageRole, SessionStatus

from tests.compat.raising import raises

URL, KEY, PROJECT = (os.environ[name] for name in ("MNEME_URL", "MNEME_API_KEY", "MNEME_PROJECT_ID"))
client = RecallrAI(api_key=KEY, project_id=PROJECT, base_url=URL)
USER = f"old-{uuid4()}"


def check_users() -> None:
    """A user is created, fetched, listed, updated under both old keys, renamed and deleted."""
    user = client.create_user(USER, metadata={"a": 1})
    assert (user.user_id, user.metadata) == (USER, {"a": 1})
    assert client.get_user(USER).metadata == {"a": 1}
    assert USER in [found.user_id for found in client.list_users(limit=100).users]
    user.update(new_metadata={"b": 2}, new_user_id=f"{USER}-renamed")
    assert (user.user_id, user.metadata) == (f"{USER}-renamed", {"b": 2})
    user.delete()
    raises(UserNotFoundError, client.get_user, f"{USER}-renamed")


def check_sessions() -> None:
    """A session made without a timer takes messages, is found by its UUID and listed."""
    user = client.create_user(USER)
    session = user.create_session()
    assert str(UUID(session.session_id)) == session.session_id
    session.add_user_message("Hello")
    session.add_assistant_message("Hello yourself")
    assert [(message.role, message.content) for message in session.get_messages()] == [
        (MessageRole.USER, "Hello"),
        (MessageRole.ASSISTANT, "Hello yourself"),
    ]
    assert user.get_session(session.session_id).get_status() == SessionStatus.PENDING
    assert [str(found.session_id) for found in user.list_sessions().sessions] == [session.session_id]


def check_every_message_comes_without_paging() -> None:
    """get_messages, which knows no paging, returns more than a page."""
    session = client.create_user(USER).create_session(auto_process_after_minutes=5)
    for number in range(60):
        session.add_user_message(str(number))
    assert [message.content for message in session.get_messages()] == [str(number) for number in range(60)]


def check_context() -> None:
    """get_context, which sends no parameter, gets a text and whether memory was used."""
    user = client.create_user(USER)
    first = user.create_session()
    first.add_user_message("I am allergic to peanuts and I carry an epinephrine pen.")
    first.process()
    end = time.monotonic() + 60
    while first.get_status() != SessionStatus.PROCESSED:
        assert time.monotonic() < end
        time.sleep(0.1)
    second = user.create_session()
    second.add_user_message("What am I allergic to?")
    while not (context := second.get_context()).memory_used:
        assert time.monotonic() < end
        time.sleep(0.1)
    assert "peanuts" in context.context


def check_errors() -> None:
    """Each exception class is raised by what its name says."""
    user = client.create_user(USER)
    raises(UserAlreadyExistsError, client.create_user, USER)
    raises(SessionNotFoundError, user.get_session, str(uuid4()))
    raises(ValidationError, client.create_user, "")
    raises(AuthenticationError, RecallrAI(api_key="rai_wrong", project_id=PROJECT, base_url=URL).list_users)
    session = user.create_session()
    session.add_user_message("I have a dog called Rex.")
    session.process()
    raises(InvalidSessionStateError, session.add_user_message, "Too late")
    raises(InvalidSessionStateError, session.process)
    user.delete()
    raises(UserNotFoundError, session.add_user_message, "Gone")


if __name__ == "__main__":
    globals()[sys.argv[1]]()
