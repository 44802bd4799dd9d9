"""`mneme export` and `mneme import`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import AsyncIterator, Iterable

from service.cli.choosing import chosen_project, project_argument
from service.cli.command import Command, CommandFailed, remark, say
from service.cli.stores import open_application
from service.domain.archives import ArchiveRecord
from service.domain.errors import InvalidRequest
from service.domain.ids import UserId
from service.settings import Settings


def _export_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("user", help="the user's id")
    project_argument(parser)


async def export(arguments: Namespace, settings: Settings) -> int:
    """Write a user to standard output, a record of JSON a line."""
    from service.rpc.mapping.lines import to_line  # noqa: PLC0415 - brings the wire types: not for `mneme version`

    async with open_application(settings) as application:
        project_id = await chosen_project(application, arguments.project)
        async for record in application.archives.export(project_id, UserId(arguments.user)):
            say(to_line(record))
    return 0


async def restore(arguments: Namespace, settings: Settings) -> int:
    """Make a user of the archive on standard input, whole or not at all."""
    async with open_application(settings) as application:
        project_id = await chosen_project(application, arguments.project)
        try:
            imported = await application.archives.restore(project_id, _records(sys.stdin.buffer))
        except InvalidRequest as error:
            raise CommandFailed(f"{error.message.replace('record', 'line', 1)}; nothing was imported") from error
    remark(
        f"user {imported.user_id}: {imported.sessions} sessions, {imported.messages} messages, {imported.memories} memories, "
        f"{imported.documents} documents; they are recalled when a worker has indexed them"
    )
    return 0


async def _records(lines: Iterable[bytes]) -> AsyncIterator[ArchiveRecord]:
    import protovalidate  # noqa: PLC0415 - as above

    from service.rpc.mapping.lines import from_line  # noqa: PLC0415 - as above

    validator = protovalidate.Validator()
    for number, line in enumerate(lines, 1):
        try:
            yield from_line(line, validator)
        except InvalidRequest as error:
            raise InvalidRequest(f"record {number}: {error.message}", error.violations) from error


COMMANDS = (
    Command(
        words=("export",),
        help="write a user, with everything, as JSON Lines",
        run=export,
        arguments=_export_arguments,
        stores=True,
    ),
    Command(
        words=("import",),
        help="make a user of JSON Lines on standard input",
        run=restore,
        arguments=project_argument,
        stores=True,
    ),
)
