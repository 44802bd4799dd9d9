"""Bounds that the shape of a request cannot express."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from service.domain.errors import InvalidRequest
from service.domain.values import JsonObject

METADATA_BYTES = 64 * 1024
"""The most bytes of a metadata object, written as compact UTF-8 JSON."""
EARLIEST = datetime(1, 1, 2, tzinfo=UTC)
LATEST = datetime(9999, 1, 1, tzinfo=UTC)
"""The bounds of a caller's time: message times that count on from it, and each of them in any time zone, must still be dates."""


def check_metadata(field: str, metadata: JsonObject) -> None:
    """Raise InvalidRequest about *field* when the object is larger than METADATA_BYTES or holds a number that JSON has not."""
    try:
        text = json.dumps(metadata, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except ValueError as error:
        raise InvalidRequest.of(field, "must hold finite numbers") from error
    if len(text.encode()) > METADATA_BYTES:
        raise InvalidRequest.of(field, f"must be at most {METADATA_BYTES} bytes as JSON")


def check_time(field: str, time: datetime) -> None:
    """Raise InvalidRequest about *field* when a time lies outside of EARLIEST to LATEST."""
    if not EARLIEST <= time < LATEST:
        raise InvalidRequest.of(field, f"must lie from {EARLIEST.date()} to {LATEST.date()}")


def parse_timezone(field: str, name: str) -> ZoneInfo:
    """Return the zone with an IANA *name*, UTC for an empty one. Raises InvalidRequest about *field* for any other text."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        # ValueError: a path such as `../UTC`; OSError: a directory of the zone files such as `Europe`
        raise InvalidRequest.of(field, "must be the IANA name of a time zone") from error
