"""
The `mneme` command, and `python -m service`, which without arguments is `mneme service`.

One table of commands; the only place that joins the commands of `cli` with the supervisor.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence

import uvloop

from service.cli import about, archives, deletions, doctor, keys, projects, reindex, usage, webhooks
from service.cli.command import Command, CommandFailed
from service.domain.errors import DomainError
from service.domain.values import JsonObject
from service.logs import configure_logging
from service.settings import InvalidSetting, Settings
from service.storage.embedded.locks import DataDirectoryInUse
from service.storage.embedded.process import ServerStartFailed
from service.supervisor import attached_engines, serve
from service.supervisor.console import log_stream


def _service_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--no-worker", action="store_true", help="leave sessions and index entries to `mneme worker`")


async def _serve(_arguments: Namespace, settings: Settings) -> int:
    return await serve(settings, os.environ)


async def _service(arguments: Namespace, settings: Settings) -> int:
    from service.wiring import running_service  # noqa: PLC0415 - brings every adapter: not for `mneme version`

    async with running_service(settings, worker=not arguments.no_worker) as running:
        for event in running.events():
            _tell(event)
        await _asked_to_stop()
    return 0


async def _worker(_arguments: Namespace, settings: Settings) -> int:
    from service.wiring import running_worker  # noqa: PLC0415 - the same

    async with running_worker(settings):
        await _asked_to_stop()
    return 0


async def _gateway(_arguments: Namespace, _settings: Settings) -> int:
    # the gateway never shares a process with the service: this one becomes it
    os.execv(sys.executable, [sys.executable, "-P", "-m", "gateway"])  # noqa: S606 - our own module, no shell is wanted


COMMANDS: Sequence[Command] = (
    Command(words=("serve",), help="run everything on this machine, with embedded engines where no server is named", run=_serve),
    Command(
        words=("service",), help="run the gRPC service and a worker", run=_service, arguments=_service_arguments, serves=True
    ),
    Command(words=("worker",), help="run a worker alone", run=_worker, serves=True),
    Command(words=("gateway",), help="run the HTTP gateway", run=_gateway),
    *projects.COMMANDS,
    *keys.COMMANDS,
    *usage.COMMANDS,
    *webhooks.COMMANDS,
    *archives.COMMANDS,
    *deletions.COMMANDS,
    *reindex.COMMANDS,
    *doctor.COMMANDS,
    *about.COMMANDS,
)

_GROUPS: Mapping[str, str] = {
    "projects": "create, list and show projects",
    "keys": "create, list and revoke API keys",
    "webhooks": "set, try and watch where a project's events are posted to",
    "receipts": "list and check the receipts of deletions",
}


def parser() -> ArgumentParser:
    """Return the parser of the command line; the command that was chosen is its `command`."""
    root = ArgumentParser(prog="mneme", description="Self-hosted memory for applications built on large language models.")
    first = root.add_subparsers(metavar="COMMAND", required=True)
    groups = {
        word: first.add_parser(word, help=text).add_subparsers(metavar="ACTION", required=True) for word, text in _GROUPS.items()
    }
    for command in COMMANDS:
        place = groups.get(command.words[0], first)
        chosen = place.add_parser(command.words[-1], help=command.help)
        command.arguments(chosen)
        chosen.set_defaults(command=command)
    return root


def main(words: Sequence[str] | None = None) -> None:
    """Carry out the command line *words*, by default that of the process, and exit. A failure is one line on standard error."""
    arguments = parser().parse_args(words)
    try:
        settings = Settings.from_environment(os.environ)
        configure_logging(settings.log_level, log_stream())
        if arguments.command.serves:
            _collect_seldom()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop if arguments.command.serves else None) as runner:
            code = runner.run(_carry_out(arguments, settings))
    except (CommandFailed, DomainError, InvalidSetting, DataDirectoryInUse, ServerStartFailed, OSError) as error:
        sys.exit(f"mneme: {error}")
    sys.exit(code)


def _collect_seldom() -> None:
    """
    Look for cycles of garbage less often: calls leave next to none, and each search walks through all the records in the caches.
    """
    gc.set_threshold(20_000, 20, 20)


async def _carry_out(arguments: Namespace, settings: Settings) -> int:
    command: Command = arguments.command
    if not command.stores:
        return await command.run(arguments, settings)
    async with attached_engines(settings) as attached:
        return await command.run(arguments, attached)


async def _asked_to_stop() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()


def _tell(event: JsonObject) -> None:
    """Write an event for the parent process: one line of JSON on standard output."""
    sys.stdout.write(f"{json.dumps(event)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:] or ["service"])
