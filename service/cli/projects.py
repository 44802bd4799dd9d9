"""`mneme projects …`."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from service.cli.command import Command, CommandFailed, say
from service.cli.stores import open_application
from service.domain.ids import ProjectId
from service.domain.projects import ProjectSettings
from service.domain.usage import ProjectLimits
from service.settings import Settings
from service.usecases.paging import every

MOST_DAYS = 36_500
MOST_REQUESTS = 10_000_000
MOST_INGESTS = 2_000_000_000


def _create_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("project", nargs="?", help="its id; a random UUID when left out")
    parser.add_argument("--name", default="", help="a name for people")


async def create(arguments: Namespace, settings: Settings) -> int:
    """Create a project and write its id."""
    async with open_application(settings) as application:
        wanted = ProjectId(arguments.project) if arguments.project else None
        project = await application.projects.create(wanted, name=arguments.name, settings=ProjectSettings())
    say(project.project_id)
    return 0


async def list_all(_arguments: Namespace, settings: Settings) -> int:
    """Write a line for each project, newest first: id, time of creation, name."""
    async with open_application(settings) as application:
        async for project in every(application.projects.list):
            say(f"{project.project_id}\t{project.created_at:%Y-%m-%dT%H:%M:%SZ}\t{project.name}")
    return 0


def _project_argument(parser: ArgumentParser) -> None:
    parser.add_argument("project", help="its id")


async def show(arguments: Namespace, settings: Settings) -> int:
    """Write a project as JSON."""
    async with open_application(settings) as application:
        project = await application.projects.get(ProjectId(arguments.project))
    from service.rpc.mapping.documents import project_document  # noqa: PLC0415 - brings the wire types: not for `mneme version`

    say(json.dumps(project_document(project), indent=2, ensure_ascii=False))
    return 0


def _update_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("project", help="its id")
    parser.add_argument("--name", help="a new name for people")
    parser.add_argument(
        "--settings",
        type=Path,
        metavar="FILE",
        help="JSON that takes the place of all settings, as `projects show` writes them: categories, guidance, retention_days, …",
    )
    parser.add_argument(
        "--retention-days", type=int, help="days after which an idle session is removed with all of it; 0 for never"
    )
    parser.add_argument("--requests-per-minute", type=int, help="calls that it may make in a minute; 0 for any number")
    parser.add_argument(
        "--ingests-per-month",
        type=int,
        help="messages, events and documents that it may bring in in a month; 0 for any number",
    )
    parser.add_argument(
        "--merge-conflicts", choices=("on", "off"), help="whether to ask about contradictions, for users who do not say otherwise"
    )


async def update(arguments: Namespace, settings: Settings) -> int:
    """Change a project and write it as JSON."""
    async with open_application(settings) as application:
        project_id = ProjectId(arguments.project)
        known = (await application.projects.get(project_id)).settings
        wanted = _changed(known, arguments)
        # what is not changed is not written: somebody else may be changing it
        await application.projects.update(project_id, name=arguments.name, settings=None if wanted == known else wanted)
    return await show(arguments, settings)


def _changed(settings: ProjectSettings, arguments: Namespace) -> ProjectSettings:
    """Return the settings as the arguments want them. Raises CommandFailed, InvalidRequest, OSError."""
    if arguments.settings is not None:
        from service.rpc.mapping.documents import settings_of_json  # noqa: PLC0415 - as above

        settings = settings_of_json(arguments.settings.read_text(encoding="utf-8"))
    days = arguments.retention_days
    if days is not None:
        _check("--retention-days", days, MOST_DAYS)
        settings = replace(settings, retention=timedelta(days=days) if days else None)
    settings = replace(settings, limits=_changed_limits(settings.limits, arguments))
    if arguments.merge_conflicts is not None:
        settings = replace(settings, merge_conflict_enabled=arguments.merge_conflicts == "on")
    return settings


def _changed_limits(limits: ProjectLimits, arguments: Namespace) -> ProjectLimits:
    """Return the limits as the arguments want them. Raises CommandFailed."""
    if arguments.requests_per_minute is not None:
        _check("--requests-per-minute", arguments.requests_per_minute, MOST_REQUESTS)
        limits = replace(limits, requests_per_minute=arguments.requests_per_minute or None)
    if arguments.ingests_per_month is not None:
        _check("--ingests-per-month", arguments.ingests_per_month, MOST_INGESTS)
        limits = replace(limits, ingests_per_month=arguments.ingests_per_month or None)
    return limits


def _check(option: str, number: int, most: int) -> None:
    """Raise CommandFailed when the *number* of an *option* is none from 0 to *most*."""
    if not 0 <= number <= most:
        raise CommandFailed(f"{option} must be from 0 to {most}")


COMMANDS = (
    Command(words=("projects", "create"), help="create a project", run=create, arguments=_create_arguments, stores=True),
    Command(words=("projects", "list"), help="list all projects", run=list_all, stores=True),
    Command(words=("projects", "show"), help="show a project", run=show, arguments=_project_argument, stores=True),
    Command(words=("projects", "update"), help="change a project", run=update, arguments=_update_arguments, stores=True),
)
