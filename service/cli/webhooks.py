"""`mneme webhooks …`."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Callable

from service.cli.command import Command, CommandFailed, Run, remark, say
from service.cli.stores import open_application
from service.domain.ids import EventId, ProjectId
from service.domain.values import PageRequest
from service.domain.webhooks import SUBSCRIBABLE, Delivery, EventType, Webhook
from service.settings import Settings

SECRET_REMARK = "its secret; keep it, it cannot be shown again:"  # noqa: S105 - what stands before a secret


def _project_argument(parser: ArgumentParser) -> None:
    parser.add_argument("project", help="id of the project")


def _set_arguments(parser: ArgumentParser) -> None:
    _project_argument(parser)
    parser.add_argument("url", help="where events are posted to: https, or an origin in MNEME_WEBHOOK_ORIGINS")
    parser.add_argument("--events", default="", metavar="LIST", help=f"comma-separated, of: {', '.join(sorted(SUBSCRIBABLE))}")


async def set_webhook(arguments: Namespace, settings: Settings) -> int:
    """Make or change the webhook of a project; the secret of a new one, and nothing else, goes to standard output."""
    events = _events(arguments.events)
    async with open_application(settings) as application:
        webhook, secret = await application.webhooks.set(ProjectId(arguments.project), url=arguments.url, events=events)
    remark(f"webhook of project {webhook.project_id}: {webhook.url}")
    if secret:
        remark(SECRET_REMARK)
        say(secret)
    return 0


async def show(arguments: Namespace, settings: Settings) -> int:
    """Write the webhook of a project as JSON."""
    async with open_application(settings) as application:
        webhook = await application.webhooks.get(ProjectId(arguments.project))
    say(json.dumps(_document(webhook), indent=2))
    return 0


async def rotate(arguments: Namespace, settings: Settings) -> int:
    """Give the webhook a new secret and write it; the one before signs beside it for a day."""
    async with open_application(settings) as application:
        _, secret = await application.webhooks.rotate(ProjectId(arguments.project))
    remark(SECRET_REMARK)
    say(secret)
    return 0


async def test(arguments: Namespace, settings: Settings) -> int:
    """Post an event that tells of nothing, write what came of it, and return 1 when it did not arrive."""
    async with open_application(settings) as application:
        event_id, response = await application.webhooks.trial(ProjectId(arguments.project))
    took = round(response.took.total_seconds() * 1000)
    say(f"{event_id}\t{response.status or response.error}\t{took} ms")
    return 0 if response.accepted else 1


def _deliveries_arguments(parser: ArgumentParser) -> None:
    _project_argument(parser)
    parser.add_argument("--dead", action="store_true", help="only those that could not be delivered")
    parser.add_argument("--limit", type=int, default=20, help="the most to list, newest first; 20 by default")


async def deliveries(arguments: Namespace, settings: Settings) -> int:
    """Write a line for each delivery, newest event first: id, time, type, user, state, attempts, last answer."""
    if arguments.limit < 1:
        raise CommandFailed("--limit must be at least 1")
    page = PageRequest(offset=0, limit=arguments.limit)
    async with open_application(settings) as application:
        found = await application.webhooks.list_deliveries(ProjectId(arguments.project), page, dead=arguments.dead)
    say(*map(_line, found.items))
    return 0


def _replay_arguments(parser: ArgumentParser) -> None:
    _project_argument(parser)
    parser.add_argument("event", nargs="?", help="id of the event")
    parser.add_argument("--dead", action="store_true", help="every event that could not be delivered")


async def replay(arguments: Namespace, settings: Settings) -> int:
    """Queue one event again, or every dead one, and write how many."""
    if bool(arguments.event) == arguments.dead:
        raise CommandFailed("say which event, or --dead for every dead one")
    project_id, count = ProjectId(arguments.project), 1
    async with open_application(settings) as application:
        if arguments.dead:
            count = await application.webhooks.replay_dead(project_id)
        else:
            await application.webhooks.replay(project_id, EventId(arguments.event))
    say(f"{count} events are queued")
    return 0


async def remove(arguments: Namespace, settings: Settings) -> int:
    """Remove the webhook of a project."""
    async with open_application(settings) as application:
        await application.webhooks.remove(ProjectId(arguments.project))
    return 0


def _events(text: str) -> frozenset[EventType]:
    """Return the events of a list. Raises CommandFailed for one that there is not."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if unknown := [name for name in names if name not in SUBSCRIBABLE]:
        raise CommandFailed(f"no such event: {', '.join(unknown)}; there are {', '.join(sorted(SUBSCRIBABLE))}")
    return frozenset(map(EventType, names))


def _document(webhook: Webhook) -> dict[str, object]:
    return {
        "project_id": webhook.project_id,
        "url": webhook.url,
        "events": sorted(webhook.events),
        "created_at": webhook.created_at.isoformat(),
        "disabled_at": webhook.disabled_at and webhook.disabled_at.isoformat(),
        "old_secret_until": webhook.old_until and webhook.old_until.isoformat(),
    }


def _line(delivery: Delivery) -> str:
    event, tried = delivery.event, delivery.attempts
    about = (event.event_id, f"{event.created_at:%Y-%m-%dT%H:%M:%SZ}", event.type, event.user_id)
    return "\t".join(map(str, (*about, tried.state, tried.count, tried.status or tried.error or "-")))


def _command(word: str, text: str, run: Run, arguments: Callable[[ArgumentParser], None] = _project_argument) -> Command:
    return Command(words=("webhooks", word), help=text, run=run, arguments=arguments, stores=True)


COMMANDS = (
    _command("set", "set where events are posted to", set_webhook, _set_arguments),
    _command("show", "show a webhook", show),
    _command("rotate-secret", "make a new secret", rotate),
    _command("test", "post a test event now", test),
    _command("deliveries", "list deliveries", deliveries, _deliveries_arguments),
    _command("replay", "deliver events again", replay, _replay_arguments),
    _command("remove", "remove a webhook", remove),
)
