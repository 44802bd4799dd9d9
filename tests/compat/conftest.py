"""One `mneme serve` for each module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.serving import Serving


@pytest.fixture(scope="module")
def serving() -> Iterator[Serving]:
    """Serve with a project and a key that the tests know."""
    with Serving() as running:
        yield running
