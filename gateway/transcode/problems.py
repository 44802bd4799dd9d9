"""What is wrong with a request, in the terms of the caller: where, what, and which value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

# a value that is longer than this says no more than its beginning, and is not sent back
_ECHO_CHARACTERS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One broken rule. *loc* is the way to the value, its source first (`body`, `query`, `path`, `header`)."""

    loc: tuple[str | int, ...]
    message: str
    kind: str
    input: Any = ...

    def as_json(self) -> dict[str, Any]:
        """Return the entry of an error body. The caller's own value is in it when it is short and a scalar."""
        entry: dict[str, Any] = {"loc": list(self.loc), "msg": self.message, "type": self.kind}
        if _can_be_echoed(self.input):
            entry["input"] = self.input
        return entry


def _can_be_echoed(value: Any) -> bool:
    """Tell whether *value* is a scalar that an error body can hold: short, and text only when it is UTF-8."""
    if isinstance(value, str):
        # bytes that were no UTF-8 are lone surrogates, which are not printable
        return len(value) <= _ECHO_CHARACTERS and (value.isascii() or value.isprintable())
    return isinstance(value, bool | float) or (isinstance(value, int) and abs(value) < 2**63)


class BadRequest(Exception):
    """The request cannot be turned into a message. Nothing was sent to the service."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        """Keep the *problems*, at least one."""
        super().__init__("; ".join(f"{problem.loc}: {problem.message}" for problem in problems))
        self.problems = tuple(problems)
