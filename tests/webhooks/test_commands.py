"""`mneme webhooks …`, in this process."""

from __future__ import annotations

import json
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


@pytest.mark.asyncio(loop_scope="session")
async def test_a_webhook_is_managed(engines: Engines, service: RunningService, capsys: pytest.CaptureFixture[str]) -> None:
    """Set, shown, rotated, tried, removed; its secrets are all that goes to standard output when they are made."""
    project_id = ProjectId(f"test-{uuid4()}")
    await service.application.projects.create(project_id, name="test", settings=ProjectSettings())
    await run(engines, "set", project_id, URL, "--events", "session.failed, user.forgotten")
    secret = capsys.readouterr().out.strip()
    await run(engines, "show", project_id)
    shown = json.loads(capsys.readouterr().out)
    assert (URL, ["session.failed", "user.forgotten"], None) == (shown["url"], shown["events"], shown["old_secret_until"])
    await run(engines, "rotate-secret", project_id)
    new = capsys.readouterr().out.strip()
    assert (True, True, True) == (secret.startswith("whsec_"), new.startswith("whsec_"), secret != new)
    user = NewUser(user_id=UserId("ann"), metadata={}, merge_conflict_enabled=None)
    await service.application.users.create(project_id, user, idempotency_key=None)
    await service.application.users.delete(project_id, UserId("ann"))
    await run(engines, "deliveries", project_id)
    # above it stands what the worker of the service logs
    event_id, _, *about = capsys.readouterr().out.splitlines()[-1].split("\t")
    assert ["user.forgotten", "ann", "waiting"] == about[:3]
    await run(engines, "replay", project_id, event_id)
    assert "1 events are queued" == capsys.readouterr().out.splitlines()[-1]
    assert 1 == await run(engines, "test", project_id)
    assert "evt_" in capsys.readouterr().out.splitlines()[-1]
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
