"""The `X-Recallr-*` headers of a request."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from mneme.v1 import recall_pb2

MAX_USER_ID = 512
_STRATEGIES: Mapping[str, recall_pb2.RecallStrategy.ValueType] = {
    "low_latency": recall_pb2.RECALL_STRATEGY_LOW_LATENCY,
    "balanced": recall_pb2.RECALL_STRATEGY_BALANCED,
    "agentic": recall_pb2.RECALL_STRATEGY_AGENTIC,
    "deep": recall_pb2.RECALL_STRATEGY_AGENTIC,
    "auto": recall_pb2.RECALL_STRATEGY_AUTO,
}
_FLAGS = {"true": True, "1": True, "false": False, "0": False}

T = TypeVar("T")


class WrongHeader(Exception):
    """A header holds what it cannot hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnOptions:
    """What the headers ask for. None where a header is absent that has no default here."""

    user_id: str | None
    allow_new_user: bool
    session_timeout_seconds: int
    session_id: str
    strategy: recall_pb2.RecallStrategy.ValueType
    min_top_k: int
    max_top_k: int
    memories_threshold: float
    summaries_threshold: float
    last_n_messages: int | None
    last_n_summaries: int | None
    timezone: str
    include_system_prompt: bool


def read_options(headers: Mapping[bytes, bytes]) -> TurnOptions:
    """Return what *headers*, by lower-case name, ask for. WrongHeader names the first that is wrong."""
    reader = _Reader(headers)
    last_n = reader.read("Last-N-User-Messages", _whole(1, 100), None)
    return TurnOptions(
        user_id=reader.read("User-Id", _text(MAX_USER_ID), None),
        allow_new_user=reader.read("Allow-New-User-Creation", _flag, default=False),
        session_timeout_seconds=reader.read("Session-Timeout-Seconds", _whole(600, 31_536_000), 600),
        session_id=reader.read("Session-Id", _text(128), ""),
        strategy=reader.read("Recall-Strategy", _strategy, recall_pb2.RECALL_STRATEGY_BALANCED),
        min_top_k=reader.read("Min-Top-K", _whole(0, 100), 10),
        max_top_k=reader.read("Max-Top-K", _whole(1, 100), 50),
        memories_threshold=reader.read("Memories-Threshold", _share, 0.7),
        summaries_threshold=reader.read("Summaries-Threshold", _share, 0.6),
        last_n_messages=last_n if last_n is not None else reader.read("Last-N-Messages", _whole(1, 100), None),
        last_n_summaries=reader.read("Last-N-Summaries", _whole(1, 20), None),
        timezone=reader.read("Timezone", _text(64), ""),
        include_system_prompt=reader.read("Include-System-Prompt", _flag, default=True),
    )


class _Reader:
    """Reads headers by the part of their name that is their own."""

    def __init__(self, headers: Mapping[bytes, bytes]) -> None:
        self._headers = headers

    def read(self, name: str, parse: Callable[[str], T], default: Any) -> Any:
        """Return the value of a header, *default* without it or when it is empty. WrongHeader."""
        raw = self._headers.get(f"x-recallr-{name}".lower().encode(), b"").strip()
        if not raw:
            return default
        try:
            return parse(raw.decode())
        except UnicodeDecodeError as error:
            raise WrongHeader(f"X-Recallr-{name} must be UTF-8") from error
        except ValueError as error:
            raise WrongHeader(f"X-Recallr-{name} {error}") from error


def _text(longest: int) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if len(text) > longest:
            raise ValueError(f"must be at most {longest} characters long")
        return text

    return parse


def _whole(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        # no signs, underscores or digits of other scripts, which `int` would take
        if not (text.isascii() and text.isdecimal() and len(text) < 10 and least <= int(text) <= most):
            raise ValueError(f"must be a whole number from {least} to {most}")
        return int(text)

    return parse


def _share(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number <= 1:
        raise ValueError("must be a number from 0 to 1")
    return number


def _flag(text: str) -> bool:
    try:
        return _FLAGS[text.lower()]
    except KeyError:
        raise ValueError("must be true or false") from None


def _strategy(text: str) -> recall_pb2.RecallStrategy.ValueType:
    try:
        return _STRATEGIES[text.lower()]
    except KeyError:
        raise ValueError("must be low_latency, balanced, agentic or auto") from None
