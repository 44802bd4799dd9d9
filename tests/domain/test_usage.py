"""Ranges of days."""

from __future__ import annotations

from datetime import date

import pytest

from service.domain.usage import UsageRange


@pytest.mark.parametrize(
    ("wanted", "first"),
    [
        (UsageRange.TODAY, date(2024, 3, 1)),
        (UsageRange.LAST_7_DAYS, date(2024, 2, 24)),
        (UsageRange.LAST_30_DAYS, date(2024, 2, 1)),
        (UsageRange.MONTH, date(2024, 3, 1)),
    ],
)
def test_a_range_ends_with_today(wanted: UsageRange, first: date) -> None:
    """It holds so many days, today among them, or those of the month so far."""
    assert first == wanted.first_day(date(2024, 3, 1))
