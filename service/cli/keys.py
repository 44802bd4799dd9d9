"""`mneme keys …`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from service.cli.command import Command, CommandFailed, remark, say
from service.cli.stores import open_application
from service.domain.ids import KeyId, ProjectId
from service.domain.projects import KeyScope
from service.domain.values import PageRequest
from service.settings import Settings

if TYPE_CHECKING:
    from service.wiring import Application


def _create_arguments(parser: ArgumentParser) -> None:
    _project_argument(parser)
    parser.add_argument("--name", default="", help="a name for people")
    parser.add_argument(
        "--scope",
        action="append",
        choices=[scope.value for scope in KeyScope],
        help="what the key may do: project (everything inside its project, the default), admin (projects and keys); repeatable",
    )


def _project_argument(parser: ArgumentParser) -> None:
    parser.add_argument("--project", help="id of the project; may be left out where there is one only")


async def create(arguments: Namespace, settings: Settings) -> int:
    """Create a key and write it, and nothing else, to standard output: it cannot be shown again."""
    async with open_application(settings) as application:
        project_id = await _project(application, arguments.project)
        scopes = frozenset(KeyScope(scope) for scope in arguments.scope or ())
        key, text = await application.projects.create_key(project_id, name=arguments.name, scopes=scopes)
    remark(f"key {key.key_id} of project {project_id}; keep it, it cannot be shown again:")
    say(text)
    return 0


async def list_all(arguments: Namespace, settings: Settings) -> int:
    """Write a line for each key of a project, newest first: id, scopes, times of creation and revocation, name."""
    async with open_application(settings) as application:
        keys = await application.projects.list_keys(await _project(application, arguments.project))
    for key in keys:
        revoked = f"revoked {key.revoked_at:%Y-%m-%dT%H:%M:%SZ}" if key.revoked_at else "good"
        say(f"{key.key_id}\t{','.join(sorted(key.scopes))}\t{key.created_at:%Y-%m-%dT%H:%M:%SZ}\t{revoked}\t{key.name}")
    return 0


def _revoke_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("key", help="id of the key")
    _project_argument(parser)


async def revoke(arguments: Namespace, settings: Settings) -> int:
    """Make a key useless from the next call on."""
    async with open_application(settings) as application:
        await application.projects.revoke_key(await _project(application, arguments.project), KeyId(arguments.key))
    return 0


async def _project(application: Application, wanted: str | None) -> ProjectId:
    """Return the project that was named, or the only one. Raises CommandFailed, ProjectNotFound."""
    if wanted:
        return (await application.projects.get(ProjectId(wanted))).project_id
    projects = await application.projects.list(PageRequest(offset=0, limit=2))
    if projects.total != 1:
        raise CommandFailed(f"there are {projects.total} projects: say which with --project, see `mneme projects list`")
    return projects.items[0].project_id


COMMANDS = (
    Command(words=("keys", "create"), help="create an API key", run=create, arguments=_create_arguments, stores=True),
    Command(words=("keys", "list"), help="list a project's keys", run=list_all, arguments=_project_argument, stores=True),
    Command(words=("keys", "revoke"), help="revoke a key", run=revoke, arguments=_revoke_arguments, stores=True),
)
