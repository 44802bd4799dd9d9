"""
One connection that all callers share: commands go out as they come, and answers come back in the same order.

A pool costs each command a connection of its own, a write and several timeouts, 0.2 ms of this process; here what came in the
same moment leaves in one write, and an answer wakes nobody but the caller that waits for it. Nothing waits on the server, so no
answer holds up those behind it for long.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

from hiredis import PushNotification, Reader, pack_command
from redis._parsers import BaseParser
from redis.asyncio import Connection, Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse, RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

Argument: TypeAlias = str | int
Command: TypeAlias = tuple[Argument, ...]

_INCOMPLETE = object()
_BUFFER = 64 * 1024


@dataclass(slots=True, kw_only=True)
class _Waiting:
    """Commands that were sent together: how many are *unanswered* until when, and where their *answers* go when none is."""

    unanswered: int
    deadline: float
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
        self._exchange: _Exchange | None = None

    async def send(self, commands: Sequence[Command]) -> list[Any]:
        """Return the answer of each command, an exception for one that was refused. Raises RedisError when there is none."""
        while (exchange := self._exchange) is None or exchange.error is not None:
            await self._open()
        answers = await exchange.send(commands)
        return [self._read(command, answer) for command, answer in zip(commands, answers, strict=True)]

    async def close(self) -> None:
        """Disconnect; what is under way fails."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait([self._opening])
        if self._exchange is not None:
            self._exchange.end(RedisConnectionError("the connection was closed"))

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
        try:
            async with asyncio.timeout(self._timeout):
                await connection.connect()  # type: ignore[no-untyped-call]
        except TimeoutError:
            await connection.disconnect(nowait=True)
            raise RedisTimeoutError("no connection in time") from None
        self._exchange = _Exchange(connection, timeout=self._timeout)


class _Exchange(asyncio.BufferedProtocol):
    """Commands out and answers in, over what a connection connected. Its *error* is None as long as it works."""

    def __init__(self, connection: Connection, *, timeout: float) -> None:
        """Take over the socket: the driver's own streams take two tasks and four turns of the loop for an answer."""
        encoder = connection.encoder
        self.error: RedisError | None = None
        self._connection = connection
        self._timeout = timeout
        self._watch: asyncio.TimerHandle | None = None
        self._transport = connection._writer.transport  # type: ignore[union-attr]  # noqa: SLF001 - there is no other way to it
        self._transport.set_protocol(self)
        self._reader = Reader(
            protocolError=InvalidResponse,
            replyError=BaseParser.parse_error,
            encoding=encoder.encoding if encoder.decode_responses else None,
            errors=encoder.encoding_errors,
            notEnoughData=_INCOMPLETE,
        )
        self._buffer = bytearray(_BUFFER)
        # TLS fills slices of it, and one of a bytearray would be a copy
        self._view = memoryview(self._buffer)
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[_Waiting] = deque()
        self._unsent: list[bytes] = []

    def send(self, commands: Sequence[Command]) -> asyncio.Future[list[Any]]:
        """Send commands, with all others of this turn of the loop, and return where their answers will be."""
        whole: asyncio.Future[list[Any]] = self._loop.create_future()
        deadline = self._loop.time() + self._timeout
        self._waiting.append(_Waiting(unanswered=len(commands), deadline=deadline, whole=whole))
        if self._watch is None:
            self._watch = self._loop.call_at(deadline, self._check)
        if not self._unsent:
            self._loop.call_soon(self._write)
        self._unsent += [pack_command(cast("Any", command)) for command in commands]
        return whole

    def end(self, error: RedisError) -> None:
        """Disconnect, and fail what is under way."""
        if self.error is None:
            self.error = error
            self._transport.abort()
            self._connection._close()  # type: ignore[no-untyped-call]  # noqa: SLF001 - else it warns when it is dropped
            if self._watch is not None:
                self._watch.cancel()
            for one in self._waiting:
                if not one.whole.done():
                    one.whole.set_exception(error)
            self._waiting.clear()
            self._unsent.clear()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - what is read at once is up to us
        """Return where to read to: one buffer for all, while a plain protocol is given 256 KiB of new memory each time."""
        return self._view

    def buffer_updated(self, nbytes: int) -> None:
        """Hand each answer to the caller whose turn it is."""
        self._reader.feed(self._buffer, 0, nbytes)  # type: ignore[arg-type]  # it takes any buffer
        try:
            while self.error is None and (answer := self._reader.gets()) is not _INCOMPLETE:
                self._take(answer)
        except InvalidResponse as error:
            self.end(error)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail what is under way."""
        self.end(RedisConnectionError(str(exc) if exc else "the server closed the connection"))

    def _check(self) -> None:
        """Break a connection whose next answer is overdue. One timer for all: one for each command would cost more than it."""
        self._watch = None
        if self._waiting:
            deadline = self._waiting[0].deadline
            if deadline <= self._loop.time():
                self.end(RedisTimeoutError("no answer in time"))
            else:
                self._watch = self._loop.call_at(deadline, self._check)

    def _write(self) -> None:
        if self._unsent:
            self._transport.writelines(self._unsent)
            self._unsent = []

    def _take(self, answer: Any) -> None:
        if isinstance(answer, PushNotification):
            return
        if isinstance(answer, RedisConnectionError):
            self.end(answer)
            return
        first = self._waiting[0]
        first.answers.append(answer)
        first.unanswered -= 1
        if not first.unanswered:
            self._waiting.popleft()
            # a caller that gave up has cancelled it
            if not first.whole.done():
                first.whole.set_result(first.answers)
