"""`mneme version`, `mneme settings` and `mneme health`: what needs no stores."""

from __future__ import annotations

import asyncio
import json
import sys
from argparse import ArgumentParser, Namespace
from importlib.metadata import version
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from service.cli.command import Command, remark, say
from service.settings import Settings, settings_table

_PATIENCE_SECONDS = 5
_ASK_THE_GATEWAY = (
    "import json; from gateway.settings import documented_settings; "
    "print(json.dumps([(one.name, one.default, one.meaning) for one in documented_settings()]))"
)


async def show_version(_arguments: Namespace, _settings: Settings) -> int:
    """Write the version."""
    say(f"mneme {version('mneme')}")
    return 0


def _settings_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--markdown", action="store_true", help="as the page docs/settings.md")


async def show_settings(arguments: Namespace, _settings: Settings) -> int:
    """Write the table of all settings; nothing about the values of this process."""
    if arguments.markdown:
        say("# Settings", "", "Environment variables, all optional. Made by `mneme settings --markdown`.", "")
    table = settings_table().rstrip()
    say(table, *(row for row in await _gateway_rows() if row.split("`")[1] not in table))
    return 0


async def _gateway_rows() -> list[str]:
    """Return the gateway's settings as rows of the table, asked of it in a process of its own: nothing here imports it."""
    asking = await asyncio.create_subprocess_exec(*(sys.executable, "-P", "-c", _ASK_THE_GATEWAY), stdout=asyncio.subprocess.PIPE)
    answer, _ = await asking.communicate()
    return [f"| `{name}` | {f'`{default}`' if default else ''} | {meaning} |" for name, default, meaning in json.loads(answer)]


def _health_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("address", nargs="?", help="host:port of the service; the one of the settings when left out")


async def health(arguments: Namespace, settings: Settings) -> int:
    """Ask a service whether it serves, and return 0 when it does."""
    address = arguments.address or settings.grpc_listen
    async with grpc.aio.insecure_channel(address) as channel:
        try:
            stub: Any = health_pb2_grpc.HealthStub(channel)  # it makes its methods when it is made
            answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=_PATIENCE_SECONDS)
        except grpc.aio.AioRpcError as error:
            remark(f"{address}: {error.code().name}: {error.details()}")
            return 1
    say(f"{address}: {health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)}")
    return 0 if answer.status == health_pb2.HealthCheckResponse.SERVING else 1


COMMANDS = (
    Command(words=("version",), help="show the version", run=show_version),
    Command(words=("settings",), help="list all settings", run=show_settings, arguments=_settings_arguments),
    Command(words=("health",), help="ask a service whether it serves", run=health, arguments=_health_arguments),
)
