"""
JSON text, read strictly.

Refused: what RFC 8259 does not know (NaN, Infinity, comments, a byte order mark), text that is not UTF-8, lone surrogates, and
nesting deeper than `MAX_DEPTH`. Of a repeated key the last value counts, as nearly every other reader has it.
"""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

MAX_DEPTH = 64

# the smallest integer that orjson cannot keep has this many digits
_LONG_DIGITS = re.compile(rb"[0-9]{19}")


class InvalidJson(ValueError):
    """The text is no JSON that we take. *position* counts characters from 0."""

    def __init__(self, message: str, position: int = 0) -> None:
        """Say what is wrong and where."""
        super().__init__(message)
        self.position = position


def parse(text: bytes) -> Any:
    """Return the value that *text* holds: dicts, lists, strings, integers of any size, floats, booleans, None. InvalidJson."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidJson(error.msg, error.pos) from error
    # every level opens with a bracket, so most texts need no walk
    if text.count(b"[") + text.count(b"{") > MAX_DEPTH and _is_deeper(value, MAX_DEPTH):
        raise InvalidJson(f"nested deeper than {MAX_DEPTH} levels")
    if _LONG_DIGITS.search(text):
        # orjson makes floats of integers beyond 64 bits; the slower parser keeps them, so that they can be refused
        try:
            return json.loads(text)
        except ValueError as error:
            raise InvalidJson("an integer has too many digits") from error
    return value


def _is_deeper(value: Any, depth: int) -> bool:
    """Tell whether containers are nested more than *depth* levels. Level by level, so that no depth can overflow the stack."""
    level: list[Any] = [value]
    for _ in range(depth + 1):
        level = [container for container in level if isinstance(container, dict | list)]
        if not level:
            return False
        level = [child for container in level for child in (container.values() if isinstance(container, dict) else container)]
    return True
