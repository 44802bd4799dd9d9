"""What the applications of old versions share: they run without pytest, in a process of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

E = TypeVar("E", bound=Exception)


def raises(kind: type[E], call: Callable[..., object], *arguments: object, **named: object) -> E:
    """Return the error of this kind that the call raises; fail when it raises none."""
    try:
        call(*arguments, **named)
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")
