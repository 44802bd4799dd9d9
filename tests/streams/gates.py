"""Gates: real adapters that let a call pass only when the test says so, and that know who still waits and who has gone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True, kw_only=True)
class Gate:
    """Open at first. While it is shut, calls wait before it: *waiting* of them now, *cancelled* so far."""

    opened: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: int = 0
    cancelled: int = 0

    def shut(self) -> None:
        """Let nobody pass, and count from nothing."""
        self.opened.clear()
        self.cancelled = 0

    def open(self) -> None:
        """Let everybody pass."""
        self.opened.set()

    async def enter(self) -> None:
        """Wait until the gate is open."""
        self.waiting += 1
        try:
            await self.opened.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.waiting -= 1


class Gated:
    """An adapter behind a gate: what it does by *method* waits, everything else is as it was."""

    def __init__(self, adapter: object, method: str, gate: Gate) -> None:
        """Put *gate* before *method* of *adapter*."""
        self._adapter = adapter
        self._method = method
        self._gate = gate

    def __getattr__(self, name: str) -> Any:
        """Return what the adapter has, behind the gate if it is the method."""
        found = getattr(self._adapter, name)
        return self._behind(found) if name == self._method else found

    def _behind(self, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def passing(*arguments: Any, **named: Any) -> Any:
            await self._gate.enter()
            return await call(*arguments, **named)

        return passing
