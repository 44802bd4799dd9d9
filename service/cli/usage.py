"""`mneme usage`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from service.cli.command import Command, say
from service.cli.stores import open_application
from service.domain.ids import ProjectId
from service.domain.usage import UsageRange
from service.settings import Settings
from service.usecases.usage.limits import LimitsState

_HEAD = ("date", "requests", "ingests", "tokens", "errors")
_ENDPOINT_HEAD = ("requests", "errors", "mean ms", "endpoint")


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("project", help="its id")
    parser.add_argument("--range", choices=list(UsageRange), default=UsageRange.LAST_7_DAYS, help="which days, in UTC")


async def show(arguments: Namespace, settings: Settings) -> int:
    """Write what a project used: a line for each day, one for each endpoint, and its limits."""
    async with open_application(settings) as application:
        project_id = (await application.projects.get(ProjectId(arguments.project))).project_id
        usage = await application.usage.get(project_id, UsageRange(arguments.range))
        state = await application.usage.limits(project_id)
    totals = [("total", usage.total), *((day.day.isoformat(), day.total) for day in usage.days)]
    say("\t".join(_HEAD))
    for name, counts in totals:
        say(f"{name}\t{counts.requests}\t{counts.ingest_events}\t{counts.tokens}\t{counts.errors}")
    say("", "\t".join(_ENDPOINT_HEAD))
    for endpoint, counts in usage.endpoints.items():
        mean = counts.microseconds / max(1, counts.requests) / 1000
        say(f"{counts.requests}\t{counts.errors}\t{mean:.2f}\t{endpoint}")
    say("", *_limits(state))
    return 0


def _limits(state: LimitsState) -> list[str]:
    limits = state.limits
    return [
        f"requests per minute\t{limits.requests_per_minute or 'any number'}",
        f"ingests this month\t{state.ingested} of {limits.ingests_per_month or 'any number'}",
        f"begins anew\t{state.resets_at:%Y-%m-%dT%H:%M:%SZ}",
    ]


COMMANDS = (Command(words=("usage",), help="show what a project used and may use", run=show, arguments=_arguments, stores=True),)
