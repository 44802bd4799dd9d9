"""Everything on one machine: engines, service and gateway, started in their order, kept running, stopped in reverse."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from datetime import timedelta

import structlog

from service.domain.values import JsonObject
from service.settings import InvalidSetting, Settings
from service.storage.embedded import locks
from service.storage.embedded.process import ServerStartFailed
from service.storage.embedded.valkey import start_valkey
from service.storage.embedded.vector_engine import start_engine
from service.supervisor.banner import banner
from service.supervisor.datadir import DataDirectory, UnsafeRuntimeDirectory
from service.supervisor.keeper import Start, kept_running
from service.supervisor.programs import Address, Program

_PORT_PATIENCE = timedelta(seconds=3)
_PORT_POLL_SECONDS = 0.05

_log = structlog.get_logger(__name__)


class AddressInUse(RuntimeError):
    """Another program listens where one of ours is told to."""

    def __init__(self, address: Address, variable: str) -> None:
        """Name the *address* and the environment *variable* that changes it."""
        super().__init__(f"{address} is in use by another program: stop it, or set {variable} to another address")


async def serve(settings: Settings, environment: Mapping[str, str]) -> int:
    """
    Run until SIGTERM or SIGINT and return the exit code: 0 after a stop that was asked for, 1 when the start failed, with the
    reason on standard error. *environment* is what the children get, with the addresses of what was started.
    """
    try:
        with _cancelled_by_signals():
            await _run(settings, environment)
    except asyncio.CancelledError:
        _log.info("stopped")
        return 0
    except (locks.DataDirectoryInUse, AddressInUse, UnsafeRuntimeDirectory, ServerStartFailed, OSError) as error:
        sys.stderr.write(f"mneme: {error}\n")
    return 1


async def _run(settings: Settings, environment: Mapping[str, str]) -> None:
    directory = DataDirectory.prepare(settings.data_dir)
    async with AsyncExitStack() as stack:
        stack.enter_context(locks.owner_lock(directory.root))
        directory.forget_addresses()
        stack.callback(directory.forget_addresses)
        http = await _free(settings.http_listen, "MNEME_HTTP_LISTEN")
        grpc = await _free(settings.grpc_listen, "MNEME_GRPC_LISTEN")

        directory.prepare_sockets()
        keepers: list[asyncio.Task[None]] = []

        async def keep(name: str, start: Start) -> None:
            keepers.append(await stack.enter_async_context(kept_running(name, start)))

        calls = {"MNEME_SERVICE_SOCKET": str(directory.service_socket)}
        internal = {"MNEME_DATA_DIR": str(directory.root), **calls}
        if settings.redis_url is None:
            await keep("valkey", lambda: start_valkey(directory.valkey, directory.valkey_socket))
            internal["MNEME_REDIS_URL"] = f"unix://{directory.valkey_socket}"
        if settings.qdrant_url is None:
            await keep("engine", lambda: start_engine(directory.index, directory.index_socket))
            internal["MNEME_INDEX_SOCKET"] = str(directory.index_socket)

        events: dict[str, JsonObject] = {}
        service = Program(
            "service",
            protocol="grpc",
            listen=grpc,
            variable="MNEME_GRPC_LISTEN",
            environment={**environment, **internal},
            on_event=lambda event: events.update({str(event.get("event")): event}),
        )
        await keep("service", service.start)
        gateway = Program(
            "gateway",
            protocol="http",
            listen=http,
            variable="MNEME_HTTP_LISTEN",
            environment={**environment, **calls, "MNEME_GRPC_TARGET": str(service.address.reachable)},
        )
        await keep("gateway", gateway.start)

        addresses = {"http": f"http://{gateway.address}", "grpc": str(service.address)}
        directory.write_addresses(addresses)
        _say(addresses, events.get("bootstrap", {}))
        done, _ = await asyncio.wait(keepers, return_when=asyncio.FIRST_COMPLETED)
        for keeper in done:
            keeper.result()


def _say(addresses: Mapping[str, str], bootstrap: JsonObject) -> None:
    key = bootstrap.get("api_key")
    text = banner(**addresses, project_id=str(bootstrap.get("project_id")), api_key=str(key) if key else None)
    sys.stdout.write(text)
    sys.stdout.flush()


async def _free(text: str, variable: str) -> Address:
    """
    Return the address that is set when it can be bound. Raises AddressInUse, InvalidSetting.

    Waits a moment first: after a kill the children of the supervisor before us may still be on their way out.
    """
    try:
        address = Address.parse(text)
    except ValueError:
        raise InvalidSetting(variable, "must be host:port") from None
    try:
        async with asyncio.timeout(_PORT_PATIENCE.total_seconds()):
            while not _bindable(address):  # noqa: ASYNC110 - nothing tells of a port that became free
                await asyncio.sleep(_PORT_POLL_SECONDS)
    except TimeoutError:
        raise AddressInUse(address, variable) from None
    return address


def _bindable(address: Address) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in address.host else socket.AF_INET) as probe:
        # what a server does: the port of a connection that has just ended is free
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address.host, address.port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return False
    return True


@contextlib.contextmanager
def _cancelled_by_signals() -> Iterator[None]:
    """
    Cancel the current task at the first SIGTERM or SIGINT, so that everything is stopped in its order.

    A second one changes nothing: the children have their time, and then they are killed.
    """
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    asked = asyncio.Event()

    def stop() -> None:
        if task and not asked.is_set():
            asked.set()
            task.cancel()

    signals = (signal.SIGTERM, signal.SIGINT)
    for number in signals:
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
