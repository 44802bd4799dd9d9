"""What a model passes to a tool, read with suspicion."""

from __future__ import annotations

from datetime import MAXYEAR, UTC, datetime, timedelta

from service.domain.values import JsonObject
from service.recall.analysis import has_word

MAX_QUERY = 300
MAX_NAMES = 100
"""How many names or categories are read of a list."""


class BadArguments(ValueError):
    """What a model passed cannot be used. The text is for the model, and holds nothing that it passed."""


def query_of(arguments: JsonObject) -> str:
    """Return the query. Raises BadArguments."""
    text = arguments.get("query")
    if not isinstance(text, str) or not has_word(text) or len(text) > MAX_QUERY:
        raise BadArguments(f"`query` must be a text of words, at most {MAX_QUERY} characters")
    return " ".join(text.split())


def name_of(arguments: JsonObject) -> str:
    """Return the name of one thing that was shown. Raises BadArguments."""
    name = arguments.get("id")
    if not isinstance(name, str):
        raise BadArguments("`id` must be the id of something that was shown")
    return name


def texts_of(arguments: JsonObject, field: str) -> tuple[str, ...]:
    """Return the texts of a list, each once; nothing when there is no such list. Raises BadArguments."""
    found = arguments.get(field)
    if found is None:
        return ()
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise BadArguments(f"`{field}` must be a list of texts")
    return tuple(dict.fromkeys(found[:MAX_NAMES]))


def span_of(arguments: JsonObject) -> tuple[datetime | None, datetime | None]:
    """Return the first moment and the last of the days `from` and `to`; None where no day is given. Raises BadArguments."""
    start, last = _day(arguments, "from"), _day(arguments, "to")
    if start is not None and last is not None and last < start:
        raise BadArguments("`to` must not be before `from`")
    return start, last + timedelta(days=1, microseconds=-1) if last is not None else None


def _day(arguments: JsonObject, field: str) -> datetime | None:
    text = arguments.get(field)
    if text is None or text == "":
        return None
    try:
        # the day alone: models add times that nobody asked for
        day = datetime.strptime(text[:10], "%Y-%m-%d") if isinstance(text, str) else None  # noqa: DTZ007 - a day, in UTC below
    except ValueError:
        day = None
    if day is None or day.year >= MAXYEAR:
        raise BadArguments(f"`{field}` must be a day, YYYY-MM-DD")
    return day.replace(tzinfo=UTC)
