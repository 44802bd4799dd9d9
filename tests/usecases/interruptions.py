"""Ports that can be interrupted at every call: by a crash before or after it, or by somebody else who does something first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from inspect import iscoroutinefunction
from typing import Any


class Crash(Exception):
    """The worker died. Nothing of ours handles it."""


@dataclass(slots=True)
class Interruption:
    """
    What happens at the call number *at*, from 0, of any of the ports, or of those called *named*: *first* is awaited; *before* or
    after it a crash.
    """

    at: int
    named: str = ""
    crash: bool = False
    before: bool = True
    first: Callable[[], Awaitable[None]] | None = None
    calls: int = 0

    async def around(self, name: str, call: Callable[[], Awaitable[Any]]) -> Any:
        """Make a call, interrupted if its turn has come."""
        if self.named not in {"", name}:
            return await call()
        now = self.calls == self.at
        self.calls += 1
        if now and self.first is not None:
            await self.first()
        if now and self.crash and self.before:
            raise Crash
        result = await call()
        if now and self.crash:
            raise Crash
        return result


NEVER = Interruption(-1)


class Interrupted:
    """A port, all of whose calls are real, with an interruption."""

    def __init__(self, port: object, interruption: Interruption) -> None:
        """Keep both."""
        self._port = port
        self._interruption = interruption

    def __getattr__(self, name: str) -> Any:
        """Return a member of the port; a call of it can be interrupted."""
        member = getattr(self._port, name)
        if not iscoroutinefunction(member):
            return member

        async def call(*args: Any, **kwargs: Any) -> Any:
            return await self._interruption.around(name, lambda: member(*args, **kwargs))

        return call


async def dies(work: Awaitable[object]) -> bool:
    """Tell whether the worker died at its *work*."""
    try:
        await work
    except Crash:
        return True
    return False
