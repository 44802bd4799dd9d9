"""Webhooks of a `mneme serve`: a conflict raised through the SDK arrives signed, also when Mneme or the endpoint was away."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from uuid import uuid4

import pytest
from recallrai import RecallrAI
from standardwebhooks import Webhook

from tests.e2e.serving import BOOTSTRAP, PROJECT_ID, Serving, wait_until
from tests.e2e.test_cli import mneme
from tests.e2e.test_conflicts import answers, tell
from tests.receiver import Receiver, Reply, receiving


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    """Serve an endpoint."""
    with receiving() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def serving(receiver: Receiver) -> Iterator[Serving]:
    """Serve with an operator who lists the endpoint."""
    with Serving(environment={**BOOTSTRAP, "MNEME_WEBHOOK_ORIGINS": receiver.origin}) as running:
        yield running


@pytest.fixture(scope="module")
def secret(serving: Serving, receiver: Receiver) -> str:
    """Set the webhook and return its secret."""
    return webhooks(serving, receiver, "set", PROJECT_ID, f"{receiver.origin}/hook").strip()


def webhooks(serving: Serving, receiver: Receiver, *words: str) -> str:
    """Run a command about webhooks and return what it wrote."""
    done = mneme(serving.data_dir, "webhooks", *words, environment={"MNEME_WEBHOOK_ORIGINS": receiver.origin})
    assert 0 == done.returncode, done.stderr
    return done.stdout


def test_a_conflict_arrives_signed(sdk: RecallrAI, user_id: str, receiver: Receiver, secret: str, serving: Serving) -> None:
    """As the SDK shows it; then that it is resolved, and that the user is gone."""
    user = sdk.create_user(user_id=user_id)
    user = user.update(merge_conflict_enabled=True) or user
    for text in ("My birthday is on 4 May.", "My birthday is on 9 June."):
        tell(user, text)
    (conflict,) = user.list_merge_conflicts().conflicts
    conflict.resolve(answers(conflict, 0))
    expected = ["session.processed", "merge_conflict.created", "session.processed", "merge_conflict.resolved"]
    wait_until(lambda: receiver.told(user_id) == expected, "the events have arrived")
    user.delete()
    wait_until(lambda: receiver.told(user_id) == [*expected, "user.forgotten"], "the last event has arrived")
    for posted in receiver.heard:
        assert posted.json == Webhook(secret).verify(posted.body, dict(posted.headers))
    told = next(each.json["data"]["conflict"] for each in receiver.heard if each.json["type"] == "merge_conflict.created")
    assert (conflict.conflict_id, user_id, [question.question for question in conflict.clarifying_questions]) == (
        told["id"],
        told["custom_user_id"],
        [question["question"] for question in told["clarifying_questions"]],
    )
    log = serving.log.read_text()
    assert (False, False, True) == (secret in log, "9 June" in log, '"event": "webhook"' in log)


def test_what_could_not_be_delivered_is_delivered_after_a_crash(
    sdk: RecallrAI, receiver: Receiver, secret: str, serving: Serving
) -> None:
    """The endpoint refuses, Mneme is killed and started again, and in the end the event is there once more."""
    user_id = f"user-{uuid4()}"
    receiver.answer = lambda posted: Reply(status=503 if posted.json["data"]["custom_user_id"] == user_id else 200)
    user = sdk.create_user(user_id=user_id)
    tell(user, "My birthday is on 4 May.")
    # else the attempt would be made again only when the lease of a minute has run out
    wait_until(lambda: "\t503" in webhooks(serving, receiver, "deliveries", PROJECT_ID), "the refusal is noted")
    assert serving.process is not None
    os.kill(serving.process.pid, signal.SIGKILL)
    serving.process.wait()
    receiver.answer = lambda _: Reply()
    serving.start()
    wait_until(lambda: len(receiver.told(user_id)) >= 2, "the event has arrived", seconds=90)
    assert 1 == len({posted.body for posted in receiver.heard if user_id in posted.body.decode()})
    first, *others = (posted for posted in receiver.heard if user_id in posted.body.decode())
    assert {first.headers["webhook-id"]} == {each.headers["webhook-id"] for each in others}
    Webhook(secret).verify(first.body, dict(first.headers))
