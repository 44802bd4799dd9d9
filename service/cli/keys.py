"""`mneme keys …`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from service.cli.choosing import chosen_project, project_argument
from service.cli.command import Command, remark, say
from service.cli.stores import open_application
from service.domain.ids import KeyId
from service.domain.projects import KeyScope
from service.settings import Settings


def _create_arguments(parser: ArgumentParser) -> None:
    project_argument(parser)
    parser.add_argument("--name", default="", help="a name for people")
    parser.add_argument(
        "--scope",
        action="append",
        choices=[scope.value for scope in KeyScope],
        help="what the key may do: project (everything inside its project, the default), admin (projects and keys); repeatable",
    )


async def create(arguments: Namespace, settings: Settings) -> int:
    """Create a key and write it, and nothing else, to standard output: it cannot be shown again."""
    async with open_application(settings) as application:
        project_id = await chosen_project(application, arguments.project)
        scopes = frozenset(KeyScope(scope) for scope in arguments.scope or ())
        key, text = await application.projects.create_key(project_id, name=arguments.name, scopes=scopes)
    remark(f"key {key.key_id} of project {project_id}; keep it, it cannot be shown again:")
    say(text)
    return 0


async def list_all(arguments: Namespace, settings: Settings) -> int:
    """Write a line for each key of a project, newest first: id, scopes, times of creation and revocation, name."""
    async with open_application(settings) as application:
        keys = await application.projects.list_keys(await chosen_project(application, arguments.project))
    for key in keys:
        revoked = f"revoked {key.revoked_at:%Y-%m-%dT%H:%M:%SZ}" if key.revoked_at else "good"
        say(f"{key.key_id}\t{','.join(sorted(key.scopes))}\t{key.created_at:%Y-%m-%dT%H:%M:%SZ}\t{revoked}\t{key.name}")
    return 0


def _revoke_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("key", help="id of the key")
    project_argument(parser)


async def revoke(arguments: Namespace, settings: Settings) -> int:
    """Make a key useless from the next call on."""
    async with open_application(settings) as application:
        await application.projects.revoke_key(await chosen_project(application, arguments.project), KeyId(arguments.key))
    return 0


COMMANDS = (
    Command(words=("keys", "create"), help="create an API key", run=create, arguments=_create_arguments, stores=True),
    Command(words=("keys", "list"), help="list a project's keys", run=list_all, arguments=project_argument, stores=True),
    Command(words=("keys", "revoke"), help="revoke a key", run=revoke, arguments=_revoke_arguments, stores=True),
)
