"""The bounds of the proxy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardLimits:
    """
    How long the proxy waits and how much it takes.

    *recall* bounds the recall, *connect* the connection to a provider, *first_byte* the wait for the head of its answer, *idle*
    the wait for each next piece. *drain* is how long an answer is read on after its client left; zero cancels it at once.
    *store_wait* is how long the end of an answer waits until the turn is durable. *max_requests* counts those that run at a time.
    """

    recall: timedelta = timedelta(milliseconds=300)
    connect: timedelta = timedelta(seconds=10)
    first_byte: timedelta = timedelta(seconds=600)
    idle: timedelta = timedelta(seconds=120)
    drain: timedelta = timedelta(0)
    store_wait: timedelta = timedelta(seconds=1)
    max_body_bytes: int = 32 * 1024 * 1024
    max_requests: int = 1000
