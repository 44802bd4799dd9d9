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
        short_text = isinstance(self.input, str) and len(self.input) <= _ECHO_CHARACTERS
        if short_text or isinstance(self.input, bool | float) or (isinstance(self.input, int) and abs(self.input) < 2**63):
            entry["input"] = self.input
        return entry


class BadRequest(Exception):
    """The request cannot be turned into a message. Nothing was sent to the service."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        """Keep the *problems*, at least one."""
        super().__init__("; ".join(f"{problem.loc}: {problem.message}" for problem in problems))
        self.problems = tuple(problems)
