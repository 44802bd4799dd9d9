"""The recall strategies, one file each. A strategy is an async function from a query to a result."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from service.domain.recall import RecallQuery, RecallResult
from service.recall.evidence import StageListener, Tools

Strategy = Callable[[Tools, RecallQuery, StageListener], Awaitable[RecallResult]]
