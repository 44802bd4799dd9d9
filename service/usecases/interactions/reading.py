"""An interaction out of what a client reports of it. Nothing is refused: what cannot be read is taken for absent."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from service.domain.ids import UserId
from service.domain.values import Json, JsonObject
from service.usecases.interactions.newest import without_beginning
from service.usecases.interactions.replies import name_of, reply_in
from service.usecases.interactions.requests import said_in
from service.usecases.interactions.texts import MAX_TEXT, Said, without_secrets
from service.usecases.limits import LATEST

DEFAULT_TIMEOUT = timedelta(minutes=10)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_TIMEOUT = timedelta(days=365)
_LONGEST_ID = 512
_LONGEST_THREAD = 128
_LONGEST_FACT = 1000
_FACTS = ("firstName", "lastName", "email", "phone", "gender")
# as the documents of the API misspell it
_MISSPELLED = {"lastNam": "lastName"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a client reports: *format* and *kind* are its words for the API and the call, the rest is JSON as it came."""

    format: str
    kind: str
    timestamps: Json
    session: Json
    session_timeout: Json
    user: Json
    request: Json
    response: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """
    One call of a model. *said* is the whole conversation before the *reply*, which is empty when none is known.

    *name* tells it from every other of its *format*, empty where the provider gave none. An empty *thread* means none. *profile*
    holds what the client knows of the user.
    """

    format: str
    kind: str
    model: str
    name: str
    user_id: UserId
    thread: str
    timeout: timedelta
    said: Sequence[Said]
    reply: str
    requested_at: datetime | None
    answered_at: datetime | None
    profile: JsonObject = field(default_factory=dict)


def read_interaction(report: Report) -> Interaction:
    """Return the interaction in a report."""
    request, response = without_secrets(report.request), report.response
    request = request if isinstance(request, Mapping) else {"input": request}
    user = report.user if isinstance(report.user, Mapping) else {}
    name, thread = name_of(response), _short(report.session, _LONGEST_THREAD)
    said, reply = without_beginning(said_in(request), reply_in(response))
    times = report.timestamps if isinstance(report.timestamps, Mapping) else {}
    requested_at = _time(times.get("request"))
    return Interaction(
        format=report.format,
        kind=report.kind,
        model=_model(request, response),
        name=name,
        user_id=_user_id(user, thread, f"{report.format} {name}" if name else ""),
        thread=thread,
        timeout=_timeout(report.session_timeout),
        said=said,
        reply=reply[:MAX_TEXT],
        requested_at=requested_at,
        answered_at=_time(times.get("response")) or requested_at,
        profile=_profile(user),
    )


def _user_id(user: JsonObject, thread: str, name: str) -> UserId:
    """Return the id of the user that is named, else one for whoever the conversation is with, else one for this interaction."""
    for key in ("userId", "email"):
        if known := _short(user.get(key), _LONGEST_ID):
            return UserId(known)
    # the same for a report that comes twice
    about = f"session {thread}" if thread else f"interaction {name}" if name else f"once {uuid4()}"
    return UserId(f"anonymous-{hashlib.sha256(about.encode()).hexdigest()[:32]}")


def _profile(user: JsonObject) -> JsonObject:
    """Return what is told about a user, without what is empty."""
    told = {_MISSPELLED.get(key, key): value for key, value in user.items()}
    facts: dict[str, Json] = {key: text[:_LONGEST_FACT] for key in _FACTS if (text := _text(told.get(key)))}
    match told.get("isAuthenticated"):
        # true and false are equal to these
        case 1 | "1":
            facts["isAuthenticated"] = True
        case 0 | "0":
            facts["isAuthenticated"] = False
    return facts


def _model(request: JsonObject, response: Json) -> str:
    """Return the name of the model, empty if none is told."""
    told = [request.get("model"), request.get("modelId"), response.get("model") if isinstance(response, Mapping) else None]
    return next((_short(name, _LONGEST_FACT) for name in told if _text(name)), "")


def _timeout(value: Json) -> timedelta:
    """Return how long nobody says anything before a conversation is over: *value* in minutes, or the default."""
    minutes = _number(value)
    if minutes is None or minutes <= 0:
        return DEFAULT_TIMEOUT
    return timedelta(minutes=min(minutes, _LONGEST_TIMEOUT / timedelta(minutes=1)))


def _time(value: Json) -> datetime | None:
    """Return the time of a number of milliseconds since 1970; None for 0 and for what no clock shows."""
    milliseconds = _number(value)
    if milliseconds is None or milliseconds <= 0 or milliseconds >= (LATEST - _EPOCH) / timedelta(milliseconds=1):
        return None
    return _EPOCH + timedelta(milliseconds=milliseconds)


def _number(value: Json) -> float | None:
    """Return a number, or that in a text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _text(value: Json) -> str:
    """Return a text without space around it, or a whole number as text; empty for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.strip() if isinstance(value, str) else ""


def _short(value: Json, longest: int) -> str:
    """Return a text that names something; a hash of it when it is longer than *longest*."""
    text = _text(value)
    return text if len(text) <= longest else f"sha256-{hashlib.sha256(text.encode()).hexdigest()}"
