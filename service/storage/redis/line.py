"""
One connection that all callers share: commands go out as they come, and answers come back in the same order.

A pool costs each command a connection of its own, a write and several timeouts, 0.2 ms of this process; here what came in the
same moment leaves in one write. Nothing waits on the server, so no answer holds up those behind it for long.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

from hiredis import pack_command
from redis.asyncio import Connection, Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

Argument: TypeAlias = str | int
Command: TypeAlias = tuple[Argument, ...]


@dataclass(slots=True, kw_only=True)
class _Waiting:
    """Commands that were sent together: how many are *unanswered*, and where their *answers* go when none is."""

    unanswered: int
    whole: asyncio.Future[list[Any]]
    answers: list[Any] = field(default_factory=list)


class Line:
    """
    A connection to one server, made when it is first needed and again after it broke.

    What was under way when it breaks fails, whether the server ran it or not.
    """

    def __init__(self, client: Redis, *, timeout: float) -> None:
        """Connect as *client* would. An answer that takes longer than *timeout* seconds breaks the connection."""
        self._client = client
        self._timeout = timeout
        self._callbacks = cast("Mapping[Argument, Callable[[Any], Any]]", dict(client.response_callbacks))
        self._opening: asyncio.Task[None] | None = None
        self._running: asyncio.Task[None] | None = None
        self._waiting: deque[_Waiting] = deque()
        self._unsent: list[bytes] = []
        self._any_unsent = asyncio.Event()

    async def send(self, commands: Sequence[Command]) -> list[Any]:
        """Return the answer of each command, an exception for one that was refused. Raises RedisError when there is none."""
        while self._running is None:
            await self._open()
        waiting = _Waiting(unanswered=len(commands), whole=asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._unsent += [pack_command(cast("Any", command)) for command in commands]
        self._any_unsent.set()
        try:
            async with asyncio.timeout(self._timeout):
                answers = await waiting.whole
        except TimeoutError:
            self._break()
            raise RedisTimeoutError("no answer in time") from None
        return [self._read(command, answer) for command, answer in zip(commands, answers, strict=True)]

    async def close(self) -> None:
        """Disconnect; what is under way fails."""
        begun = [task for task in (self._opening, self._running) if task is not None]
        for task in begun:
            task.cancel()
        if begun:
            await asyncio.wait(begun)

    def _read(self, command: Command, answer: Any) -> Any:
        callback = self._callbacks.get(command[0])
        return answer if callback is None or isinstance(answer, Exception) else callback(answer)

    async def _open(self) -> None:
        """Connect, once for all who wait for it."""
        if self._opening is None:
            self._opening = asyncio.create_task(self._connect())
            self._opening.add_done_callback(self._opened)
        await asyncio.shield(self._opening)

    def _opened(self, _task: asyncio.Task[None]) -> None:
        self._opening = None

    async def _connect(self) -> None:
        connection: Connection = self._client.connection_pool.make_connection()  # type: ignore[no-untyped-call]
        # each call has a timeout of its own; here it would make a task of every write
        connection.socket_timeout = None
        try:
            async with asyncio.timeout(self._timeout):
                await connection.connect()  # type: ignore[no-untyped-call]
        except TimeoutError:
            await connection.disconnect(nowait=True)
            raise RedisTimeoutError("no connection in time") from None
        self._running = asyncio.create_task(self._run(connection))

    def _break(self) -> None:
        if self._running is not None:
            self._running.cancel()

    async def _run(self, connection: Connection) -> None:
        """Write and read until either fails, then let everyone know who waits."""
        error: Exception = RedisConnectionError("the connection was closed")
        halves = [asyncio.create_task(self._write(connection)), asyncio.create_task(self._read_answers(connection))]
        try:
            ended, _ = await asyncio.wait(halves, return_when=asyncio.FIRST_COMPLETED)
            error = next((broken for half in ended if isinstance(broken := half.exception(), RedisError)), error)
        finally:
            self._running = None
            waiting, self._waiting, self._unsent = self._waiting, deque(), []
            for one in waiting:
                if not one.whole.done():
                    one.whole.set_exception(error)
            for half in halves:
                half.cancel()
            await asyncio.wait(halves)
            await connection.disconnect(nowait=True)

    async def _write(self, connection: Connection) -> None:
        while True:
            await self._any_unsent.wait()
            self._any_unsent.clear()
            unsent, self._unsent = self._unsent, []
            await connection.send_packed_command(unsent, check_health=False)

    async def _read_answers(self, connection: Connection) -> None:
        while True:
            answer = await _answer(connection)
            first = self._waiting[0]
            first.answers.append(answer)
            first.unanswered -= 1
            if not first.unanswered:
                self._waiting.popleft()
                # a caller that gave up has cancelled it
                if not first.whole.done():
                    first.whole.set_result(first.answers)


async def _answer(connection: Connection) -> Any:
    """Return the next answer, a refusal as the exception that it is. Raises RedisError when the connection is broken."""
    try:
        return await connection.read_response(timeout=math.inf, disconnect_on_error=False)
    except ResponseError as refusal:
        return refusal
