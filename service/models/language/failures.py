"""What a provider's refusal means: worth another attempt, too long, or hopeless. The same for every provider that speaks HTTP."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from service.domain.ports.models import LanguageModelError, ModelOverfull, ModelRejected, ModelUnavailable

MAX_PROBLEM = 300
"""How much of a provider's own words is kept."""
REDACTED = "[redacted]"
PASSING = frozenset({408, 409, 425, 429})
"""Statuses below 500 that another attempt may not meet again."""

_TOO_LARGE = 413
_OVERFULL = re.compile(
    r"context[_ ](?:length|window|size)|maximum context|prompt is too long|input is too long|too many (?:input )?tokens",
    re.IGNORECASE,
)
# sent with 429 like a limit of the rate, but no waiting helps
_SPENT = re.compile(r"insufficient_quota|credit balance|billing", re.IGNORECASE)
# keys of the known providers, in case a server names one that is not ours
_KEYLIKE = re.compile(r"\b(?:sk|rk|pk|rai)[-_][\w-]{8,}|(?<=Bearer )\S+", re.IGNORECASE)


def failure(status: int, message: str, headers: Mapping[str, str], *, api_key: str | None) -> LanguageModelError:
    """Return the error for an answer with *status*, without the key even if the provider repeats it."""
    problem = f"HTTP {status}: {redacted(message, api_key)}"
    if status == _TOO_LARGE or (status < 500 and _OVERFULL.search(message)):
        return ModelOverfull(problem)
    if _SPENT.search(message) or (status < 500 and status not in PASSING):
        return ModelRejected(problem)
    return ModelUnavailable(problem, retry_after=retry_after(headers))


def no_answer(error: Exception) -> ModelUnavailable:
    """Return the error for what came instead of an answer: nothing at all, or what cannot be read."""
    unreadable = isinstance(error, ValueError)
    return ModelUnavailable("the answer is no JSON" if unreadable else f"no answer: {type(error).__name__}")


def redacted(message: str, api_key: str | None) -> str:
    """Return *message* on one line, cut short, without *api_key* and without anything that looks like a key."""
    text = " ".join(message.split())
    if api_key:
        text = text.replace(api_key, REDACTED)
    return _KEYLIKE.sub(REDACTED, text)[:MAX_PROBLEM]


def retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """Return how long a provider asks to wait: milliseconds, seconds, or a date counted from the answer's own."""
    for name, unit in (("retry-after-ms", timedelta(milliseconds=1)), ("retry-after", timedelta(seconds=1))):
        text = headers.get(name, "")
        if re.fullmatch(r"\d{1,9}(?:\.\d+)?", text):
            return float(text) * unit
    until, sent = _date(headers.get("retry-after", "")), _date(headers.get("date", ""))
    return max(until - sent, timedelta(0)) if until and sent else None


def _date(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
