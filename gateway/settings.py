"""
The settings of the gateway, and the only place of it that reads the environment.

Each field says the name of its variable, and what it means, in its metadata; `documented_settings` is the table for people.
"""

# ruff: noqa: RUF009 - what is called in the class body is a dataclass field with its documentation

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from pathlib import Path
from typing import Any


class InvalidSetting(ValueError):
    """An environment variable holds what its setting cannot be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A host and a port to listen on; port 0 means any free one."""

    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentedSetting:
    """One row of the settings table."""

    name: str
    default: str
    meaning: str


def _seconds(text: str) -> timedelta:
    seconds = float(text)
    if not 0 < seconds < 1e6:
        raise ValueError("is out of range")
    return timedelta(seconds=seconds)


def _seconds_or_none(text: str) -> timedelta:
    return timedelta(0) if float(text) == 0 else _seconds(text)


def _milliseconds(text: str) -> timedelta:
    return timedelta(milliseconds=_positive(text))


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _path(text: str) -> Path | None:
    return Path(text) if text else None


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError("is out of range")
    return number


def _address(text: str) -> Address:
    host, colon, port = text.rpartition(":")
    if not colon or not 0 <= int(port) <= 65535:
        raise ValueError("is no host:port")
    return Address(host=host.strip("[]") or "127.0.0.1", port=int(port))


def _level(text: str) -> str:
    if text.lower() not in {"debug", "info", "warning", "error"}:
        raise ValueError("is no log level")
    return text.lower()


def _setting(name: str, default: str, parse: Any, meaning: str) -> Any:
    """Return a field that *parse* reads from the variable *name*."""
    return field(default=parse(default), metadata={"name": name, "default": default, "parse": parse, "meaning": meaning})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be chosen about the gateway. An empty environment gives a gateway that works."""

    listen: Address = _setting(
        "MNEME_HTTP_LISTEN",
        "127.0.0.1:8080",
        _address,
        "Host and port of the HTTP gateway; port 0 takes any free one.",
    )
    grpc_target: str = _setting(
        "MNEME_GRPC_TARGET",
        "127.0.0.1:50051",
        str,
        "Where the gateway finds the service: `host:port` or `unix:/path`.",
    )
    service_socket: Path | None = _setting(
        "MNEME_SERVICE_SOCKET",
        "",
        _path,
        "Unix socket of the service on which all calls are made but streams.",
    )
    max_body_bytes: int = _setting(
        "MNEME_HTTP_MAX_BODY_BYTES",
        "16777216",
        _positive,
        "The longest request body, in bytes; a longer one is answered with 413.",
    )
    max_head_bytes: int = _setting(
        "MNEME_HTTP_MAX_HEAD_BYTES",
        "65536",
        _positive,
        "The longest request line and headers together, in bytes; longer ones are answered with 431.",
    )
    call_timeout: timedelta = _setting(
        "MNEME_HTTP_CALL_TIMEOUT_SECONDS",
        "25",
        _seconds,
        "Seconds after which a call that is no stream is given up with 504. Client libraries give up after 30.",
    )
    connect_timeout: timedelta = _setting(
        "MNEME_HTTP_CONNECT_TIMEOUT_SECONDS",
        "5",
        _seconds,
        "Seconds for which a request waits for a service that is starting or restarting, before 503.",
    )
    keep_alive: timedelta = _setting(
        "MNEME_HTTP_KEEP_ALIVE_SECONDS",
        "15",
        _seconds,
        "Seconds of silence after which a stream sends a comment, so that nobody takes it for dead.",
    )
    drain: timedelta = _setting(
        "MNEME_HTTP_DRAIN_SECONDS",
        "10",
        _seconds,
        "Seconds that running requests have to finish when the gateway is told to stop.",
    )
    forward_origins: tuple[str, ...] = _setting(
        "MNEME_FORWARD_ORIGINS",
        "https://api.anthropic.com,https://api.openai.com,https://generativelanguage.googleapis.com",
        _list,
        "The origins that requests are forwarded to, comma-separated; https, or any on this machine. No other can be reached.",
    )
    forward_recall: timedelta = _setting(
        "MNEME_FORWARD_RECALL_MILLISECONDS",
        "300",
        _milliseconds,
        "Milliseconds that the recall of a forwarded request may take; then it is forwarded without memory.",
    )
    forward_connect: timedelta = _setting(
        "MNEME_FORWARD_CONNECT_SECONDS",
        "10",
        _seconds,
        "Seconds that the connection to a provider may take.",
    )
    forward_first_byte: timedelta = _setting(
        "MNEME_FORWARD_FIRST_BYTE_SECONDS",
        "600",
        _seconds,
        "Seconds that a provider has to begin its answer.",
    )
    forward_idle: timedelta = _setting(
        "MNEME_FORWARD_IDLE_SECONDS",
        "120",
        _seconds,
        "Seconds of silence after which an answer that has begun is given up. There is no bound for all of it.",
    )
    forward_drain: timedelta = _setting(
        "MNEME_FORWARD_DRAIN_SECONDS",
        "0",
        _seconds_or_none,
        "Seconds for which an answer is read on when its client has left, so that it can be remembered; 0 cancels it at once.",
    )
    forward_store_wait: timedelta = _setting(
        "MNEME_FORWARD_STORE_WAIT_SECONDS",
        "1",
        _seconds_or_none,
        "Seconds that the end of an answer waits until the turn is durable; 0 never waits.",
    )
    forward_max_body_bytes: int = _setting(
        "MNEME_FORWARD_MAX_BODY_BYTES",
        "33554432",
        _positive,
        "The longest body of a forwarded request with memory, in bytes; a longer one is answered with 413.",
    )
    forward_max_requests: int = _setting(
        "MNEME_FORWARD_MAX_REQUESTS",
        "1000",
        _positive,
        "The most requests that are forwarded at a time; one more is answered with 503.",
    )
    log_level: str = _setting(
        "MNEME_LOG_LEVEL",
        "info",
        _level,
        "The least important log entries that are written: debug, info, warning or error.",
    )

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Settings:
        """Return the settings in *environ*; an empty variable counts as unset. InvalidSetting names the variable."""
        values: dict[str, Any] = {}
        for each in fields(cls):
            text = environ.get(each.metadata["name"], "")
            if text:
                try:
                    values[each.name] = each.metadata["parse"](text)
                except ValueError as error:
                    raise InvalidSetting(f"{each.metadata['name']}={text!r}: {error}") from error
        return cls(**values)


def documented_settings() -> list[DocumentedSetting]:
    """Return a row for each setting, in the order of the fields."""
    return [
        DocumentedSetting(name=each.metadata["name"], default=each.metadata["default"], meaning=each.metadata["meaning"])
        for each in fields(Settings)
    ]
