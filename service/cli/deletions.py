"""`mneme forget` and `mneme receipts …`."""

from __future__ import annotations

import json
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from datetime import UTC, datetime
from functools import partial

from service.cli.command import Command, remark, say
from service.cli.stores import open_application
from service.domain.deletions import DeletionReceipt, ForgetFilter, canonical
from service.domain.ids import ProjectId, SessionId, UserId
from service.settings import Settings
from service.usecases.paging import every


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is no time like 2026-01-31T08:00:00Z") from error
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def _scope_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("project", help="id of the project")
    parser.add_argument("user", help="the user's id")
    parser.add_argument("--thread", help="only what was said in this thread")
    parser.add_argument("--group", help="only what was said in this group")
    parser.add_argument("--session", help="only what was said in this session")
    parser.add_argument("--document", help="only this document and what was said of it")
    parser.add_argument("--from", dest="from_time", type=_time, metavar="TIME", help="only what was said at this time or later")
    parser.add_argument("--to", dest="to_time", type=_time, metavar="TIME", help="only what was said before this time")


def _wanted(arguments: Namespace) -> ForgetFilter:
    return ForgetFilter(
        thread=arguments.thread,
        session_id=SessionId(arguments.session.lower()) if arguments.session else None,
        group=arguments.group,
        document_id=arguments.document,
        from_time=arguments.from_time,
        to_time=arguments.to_time,
    )


async def forget(arguments: Namespace, settings: Settings) -> int:
    """Forget what a user said and write the receipt as JSON."""
    async with open_application(settings) as application:
        project_id = (await application.projects.get(ProjectId(arguments.project))).project_id
        receipt = await application.deletions.forget(project_id, UserId(arguments.user), _wanted(arguments))
    say(_line(receipt))
    return 0


async def release(arguments: Namespace, settings: Settings) -> int:
    """End the legal hold of what a user said, and write how many messages were released."""
    async with open_application(settings) as application:
        project_id = (await application.projects.get(ProjectId(arguments.project))).project_id
        released = await application.deletions.release_hold(project_id, UserId(arguments.user), _wanted(arguments))
    say(f"{released} messages released")
    return 0


def _project_argument(parser: ArgumentParser) -> None:
    parser.add_argument("project", help="id of the project")


async def list_all(arguments: Namespace, settings: Settings) -> int:
    """Write the receipts of a project, newest first, a line of JSON each."""
    async with open_application(settings) as application:
        project_id = (await application.projects.get(ProjectId(arguments.project))).project_id
        async for receipt in every(partial(application.deletions.list_receipts, project_id)):
            say(_line(receipt))
    return 0


def _verify_arguments(parser: ArgumentParser) -> None:
    _project_argument(parser)
    parser.add_argument("--head", metavar="HASH", help="a head that was noted before; one of the receipts must have this hash")


async def verify(arguments: Namespace, settings: Settings) -> int:
    """Check the chain of a project's receipts, and write how long it is and its head; 1 when it is broken."""
    async with open_application(settings) as application:
        project_id = (await application.projects.get(ProjectId(arguments.project))).project_id
        verdict = await application.deletions.verify_receipts(project_id, noted=arguments.head)
    if verdict.broken is not None:
        remark(f"broken at receipt {verdict.broken.number}: {verdict.broken.problem}")
        return 1
    say(f"{verdict.length} receipts\t{verdict.head}")
    return 0


def _line(receipt: DeletionReceipt) -> str:
    """Return a receipt as the JSON that its hash is made of, with the hash."""
    return json.dumps({**json.loads(canonical(receipt)), "hash": receipt.hash}, ensure_ascii=False)


COMMANDS = (
    Command(words=("forget",), help="forget what a user said", run=forget, arguments=_scope_arguments, stores=True),
    Command(
        words=("release-hold",),
        help="let be forgotten and deleted what a user said under a legal hold",
        run=release,
        arguments=_scope_arguments,
        stores=True,
    ),
    Command(
        words=("receipts", "list"),
        help="list a project's receipts of deletions",
        run=list_all,
        arguments=_project_argument,
        stores=True,
    ),
    Command(
        words=("receipts", "verify"),
        help="check the chain of a project's receipts",
        run=verify,
        arguments=_verify_arguments,
        stores=True,
    ),
)
