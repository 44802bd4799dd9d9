"""How a session's forgotten messages are written down: as stretches, so that a whole session is as short as one message."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby

import orjson

from service.storage.redis.codec import dump, micros, moment


def read_forgotten(text: str | None) -> Mapping[int, datetime]:
    """Return when each of a session's forgotten messages was forgotten, by its place."""
    if not text:
        return {}
    stretches = orjson.loads(text)
    return {index: moment(at) for first, last, at in stretches for index in range(first, last + 1)}


def write_forgotten(forgotten: Mapping[int, datetime]) -> str:
    """Return what `read_forgotten` reads."""
    times: dict[datetime, list[int]] = {}
    for index, at in forgotten.items():
        times.setdefault(at, []).append(index)
    return dump(sorted([first, last, micros(at)] for at, indexes in times.items() for first, last in stretches(indexes)))


def stretches(indexes: Iterable[int]) -> Sequence[tuple[int, int]]:
    """Return places as stretches, each from its first to its last place, both among them."""
    found = []
    for _, group in groupby(enumerate(sorted(set(indexes))), key=lambda pair: pair[1] - pair[0]):
        members = [index for _, index in group]
        found.append((members[0], members[-1]))
    return found
