"""Opening the stores from a command."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from service.settings import Settings

if TYPE_CHECKING:
    from service.wiring import Application


def open_application(settings: Settings) -> AbstractAsyncContextManager[Application]:
    """Connect to the stores and build the use cases, as `service.wiring` does."""
    from service import wiring  # noqa: PLC0415 - brings every adapter: not for `mneme version`, nor for the supervisor

    return wiring.open_application(settings)
