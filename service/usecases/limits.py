"""Bounds that the shape of a request cannot express."""

from __future__ import annotations

import json
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from service.domain.errors import InvalidRequest
from service.domain.values import JsonObject

METADATA_BYTES = 64 * 1024
"""The most bytes of a metadata object, written as compact UTF-8 JSON."""


def check_metadata(field: str, metadata: JsonObject) -> None:
    """Raise InvalidRequest about *field* when the object is larger than METADATA_BYTES or holds a number that JSON has not."""
    try:
        text = json.dumps(metadata, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except ValueError as error:
        raise InvalidRequest.of(field, "must hold finite numbers") from error
    if len(text.encode()) > METADATA_BYTES:
        raise InvalidRequest.of(field, f"must be at most {METADATA_BYTES} bytes as JSON")


def parse_timezone(field: str, name: str) -> ZoneInfo:
    """Return the zone with an IANA *name*, UTC for an empty one. Raises InvalidRequest about *field* for any other text."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        # ValueError: a path such as `../UTC`; OSError: a directory of the zone files such as `Europe`
        raise InvalidRequest.of(field, "must be the IANA name of a time zone") from error
