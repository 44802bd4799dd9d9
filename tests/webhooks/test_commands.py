"""`mneme webhooks …`, in this process."""

from __future__ import annotations

import json
import re
from uuid import uuid4

import pytest

from service.__main__ import parser
from service.cli.command import Command, CommandFailed
from service.domain.errors import WebhookNotFound
from service.domain.ids import ProjectId, UserId
from service.domain.projects import ProjectSettings
from service.domain.users import NewUser
from service.wiring import RunningService
from tests.conftest import Engines

URL = "https://hooks.invalid/mneme"


async def run(engines: Engines, *words: str) -> int:
    """Carry out a command on the engines and return its exit code."""
    arguments = parser().parse_args(["webhooks", *words])
    command: Command = arguments.command
    return await command.run(arguments, engines.settings())


def written(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return the lines that a command wrote, without what the worker of the service logged meanwhile."""
    return [line for line in capsys.readouterr().out.splitlines() if not re.match(r"[0-9-]{10} [0-9:]{8} ", line)]


@pytest.mark.asyncio(loop_scope="session")
async def test_a_webhook_is_managed(engines: Engines, service: RunningService, capsys: pytest.CaptureFixture[str]) -> None:
    """Set, shown, rotated, tried, removed; its secrets are all that goes to standard output when they are made."""
    project_id = ProjectId(f"test-{uuid4()}")
    await service.application.projects.create(project_id, name="test", settings=ProjectSettings())
    await run(engines, "set", project_id, URL, "--events", "session.failed, user.forgotten")
    (secret,) = written(capsys)
    await run(engines, "show", project_id)
    shown = json.loads("".join(written(capsys)))
    assert (URL, ["session.failed", "user.forgotten"], None) == (shown["url"], shown["events"], shown["old_secret_until"])
    await run(engines, "rotate-secret", project_id)
    (new,) = written(capsys)
    assert (True, True, True) == (secret.startswith("whsec_"), new.startswith("whsec_"), secret != new)
    user = NewUser(user_id=UserId("ann"), metadata={}, merge_conflict_enabled=None)
    await service.application.users.create(project_id, user, idempotency_key=None)
    await service.application.users.delete(project_id, UserId("ann"))
    await run(engines, "deliveries", project_id)
    (line,) = written(capsys)
    event_id, _, *about = line.split("\t")
    assert ["user.forgotten", "ann", "waiting"] == about[:3]
    await run(engines, "replay", project_id, event_id)
    assert ["1 events are queued"] == written(capsys)
    assert 1 == await run(engines, "test", project_id)
    assert [True] == [line.startswith("evt_") for line in written(capsys)]
    await run(engines, "remove", project_id)
    with pytest.raises(WebhookNotFound):
        await run(engines, "show", project_id)


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize(
    "words",
    [("set", "p", URL, "--events", "x"), ("replay", "p"), ("replay", "p", "e", "--dead"), ("deliveries", "p", "--limit", "0")],
)
async def test_what_makes_no_sense_is_refused(engines: Engines, words: tuple[str, ...]) -> None:
    """Before anything is opened."""
    with pytest.raises(CommandFailed):
        await run(engines, *words)
