"""
What an application written for recallrai 0.4.1 does. Each `check_` function is one fact, run in a process of its own:
`python recallrai_0_4_1.py NAME`, with that version in front of the path.
"""

from __future__ import annotations

import os
import sys
import time
from uuid import uuid4

import httpx
from recallrai import RecallrAI, Session
from recallrai.exceptions import (
    AuthenticationError,
    InvalidCategoriesError,
    InvalidSessionStateError,
    MergeConflictAlreadyResolvedError,
    MergeConflictInvalidAnswerError,
    MergeConflictInvalidQuestionsError,
    MergeConflictMissingAnswersError,
    MergeConflictNotFoundError,
    SessionNotFoundError,
    UserAlreadyExistsError,
    UserNotFoundError,
    ValidationError,
)
from recallrai.models import MergeConflictAnswer, MergeConflictStatus, MessageRole, RecallStrategy, SessionStatus

from tests.compat.raising import raises

URL, KEY, PROJECT = (os.environ[name] for name in ("MNEME_URL", "MNEME_API_KEY", "MNEME_PROJECT_ID"))
client = RecallrAI(api_key=KEY, project_id=PROJECT, base_url=URL)
USER = f"old-{uuid4()}"


def check_users() -> None:
    """A user is created, listed by metadata, updated, refreshed and deleted; its id is `user_id` on the wire."""
    user = client.create_user(USER, metadata={"cohort": USER})
    assert [found.user_id for found in client.list_users(metadata_filter={"cohort": USER}).users] == [USER]
    user.update(new_metadata={"b": 2}, new_user_id=f"{USER}-renamed")
    user.refresh()
    assert (user.user_id, user.metadata) == (f"{USER}-renamed", {"b": 2})
    user.delete()
    raises(UserNotFoundError, client.get_user, f"{USER}-renamed")


def check_sessions() -> None:
    """A session is created, updated, listed by status and metadata, and its messages are paged."""
    user = client.create_user(USER)
    session = user.create_session(auto_process_after_seconds=600, metadata={"type": "chat"})
    session.add_message(role=MessageRole.USER, content="Hello")
    session.add_message(role=MessageRole.ASSISTANT, content="Hello yourself")
    page = session.get_messages(offset=1, limit=50)
    assert ([message.content for message in page.messages], page.total, page.has_more) == (["Hello yourself"], 2, False)
    session.update(new_metadata={"type": "support_chat"})
    listed = user.list_sessions(metadata_filter={"type": "support_chat"}, status_filter=[SessionStatus.PENDING])
    assert [found.session_id for found in listed.sessions] == [session.session_id]
    assert user.get_last_n_messages(n=1).messages[0].session_id == session.session_id


def check_memories_and_context() -> None:
    """A processed session becomes memories, and every strategy of that time, `deep` too, recalls them below the prompt."""
    user = client.create_user(USER)
    first = user.create_session(metadata={"type": "chat"})
    first.add_message(MessageRole.USER, "I am allergic to peanuts and I carry an epinephrine pen.")
    first.process()
    end = time.monotonic() + 60
    while first.status != SessionStatus.PROCESSED:
        assert time.monotonic() < end
        time.sleep(0.1)
        first.refresh()
    memories = user.list_memories(session_id_filter=[first.session_id], session_metadata_filter={"type": "chat"})
    assert "peanuts" in memories.items[0].content
    second = user.create_session()
    second.add_message(MessageRole.USER, "What am I allergic to?")
    for strategy in RecallStrategy:
        # both tell the same as soon as the index has everything
        while not _same_below_the_prompt(second, strategy):
            assert time.monotonic() < end
            time.sleep(0.1)


def _same_below_the_prompt(session: Session, strategy: RecallStrategy) -> bool:
    bare = session.get_context(recall_strategy=strategy, include_system_prompt=False).context
    return "peanuts" in bare and session.get_context(recall_strategy=strategy).context.endswith(f"\n\n\n{bare}")


def check_merge_conflicts() -> None:
    """A contradiction is raised, listed, fetched, answered, refreshed, and each of its exceptions is raised."""
    user = client.create_user(USER)
    ask_about_contradictions()
    for text in ("My birthday is on 4 May.", "My birthday is on 9 June."):
        session = user.create_session()
        session.add_message(MessageRole.USER, text)
        session.process()
        end = time.monotonic() + 60
        while session.status != SessionStatus.PROCESSED:
            assert time.monotonic() < end
            time.sleep(0.1)
            session.refresh()
    page = user.list_merge_conflicts(
        offset=0, limit=10, status=MergeConflictStatus.PENDING, sort_by="created_at", sort_order="asc"
    )
    conflict = user.get_merge_conflict(page.conflicts[0].conflict_id)
    question = conflict.clarifying_questions[0]
    assert (page.total, page.has_more, conflict.new_memory_content) == (1, False, "User's birthday is on 9 June.")
    assert [memory.content for memory in conflict.conflicting_memories] == ["User's birthday is on 4 May."]
    assert conflict.conflicting_memories[0].reason
    raises(MergeConflictNotFoundError, user.get_merge_conflict, str(uuid4()))
    raises(MergeConflictInvalidQuestionsError, conflict.resolve, [MergeConflictAnswer(question="What?", answer="So.")])
    raises(MergeConflictMissingAnswersError, conflict.resolve, [])
    raises(MergeConflictInvalidAnswerError, conflict.resolve, [MergeConflictAnswer(question=question.question, answer="Perhaps")])
    answer = MergeConflictAnswer(question=question.question, answer=question.options[0], message="User prefers this option")
    conflict.resolve([answer])
    assert conflict.resolution_data["question_answers"][0]["answer"] == question.options[0]
    while conflict.status != MergeConflictStatus.RESOLVED:
        assert time.monotonic() < end
        time.sleep(0.1)
        conflict.refresh()
    assert conflict.resolved_at is not None
    conflict.status = MergeConflictStatus.PENDING  # else this client does not even ask
    raises(MergeConflictAlreadyResolvedError, conflict.resolve, [answer])
    (memory,) = user.list_memories().items
    assert (memory.content, memory.merge_conflict_in_progress) == (question.options[0], False)


def ask_about_contradictions() -> None:
    """Switch conflicts on for the user; this version of the client cannot."""
    headers = {"X-Recallr-Api-Key": KEY, "X-Recallr-Project-Id": PROJECT}
    httpx.put(f"{URL}/api/v1/users/{USER}", json={"merge_conflict_enabled": True}, headers=headers).raise_for_status()


def check_errors() -> None:
    """Each exception class is raised by what its name says."""
    user = client.create_user(USER)
    raises(UserAlreadyExistsError, client.create_user, USER)
    raises(SessionNotFoundError, user.get_session, str(uuid4()))
    raises(ValidationError, user.list_sessions, limit=0)
    raises(AuthenticationError, RecallrAI(api_key="rai_wrong", project_id=PROJECT, base_url=URL).list_users)
    raises(InvalidCategoriesError, user.list_memories, categories=["no_such_category"])
    session = user.create_session()
    session.add_message(MessageRole.USER, "I have a dog called Rex.")
    session.process()
    raises(InvalidSessionStateError, session.add_message, MessageRole.USER, "Too late")
    raises(InvalidSessionStateError, session.process)
    user.delete()
    raises(UserNotFoundError, session.add_message, MessageRole.USER, "Gone")


if __name__ == "__main__":
    globals()[sys.argv[1]]()
