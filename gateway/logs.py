"""The log of the gateway: a JSON object a line on standard error. Without bodies, queries, credentials and user ids."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

import orjson
import structlog
from structlog.typing import FilteringBoundLogger


def open_log(level: str, stream: TextIO | None = None) -> FilteringBoundLogger:
    """Return a logger that writes entries of *level* (`debug`, `info`, `warning`, `error`) and above to *stream*."""
    log: FilteringBoundLogger = structlog.wrap_logger(
        structlog.PrintLogger(stream or sys.stderr),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=lambda entry, **_: orjson.dumps(entry, default=str).decode()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        cache_logger_on_first_use=True,
        component="gateway",
    )
    return log
