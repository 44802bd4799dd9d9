"""Usage: days, months and rates of projects."""

from __future__ import annotations

import asyncio
import time
from datetime import date, timedelta
from typing import Any

from service.domain.ports.usage import UsageBatch
from service.domain.usage import Admission, Counts, DayUsage, ProjectLimits
from service.storage.redis import RedisStores
from tests.conftest import Waiter
from tests.contract.stores.conftest import Client
from tests.contract.stores.makers import ACME, GLOBEX

TODAY = date(2026, 11, 22)
NOVEMBER = date(2026, 11, 1)
MINUTE = timedelta(minutes=1)
FIVE_A_MONTH = ProjectLimits(ingests_per_month=5)


def batch(number: int = 1, *, process: str = "one", endpoint: str = "GET /users", unjudged: int = 0, **counts: int) -> UsageBatch:
    """Return what a process counted of a project."""
    endpoints = {endpoint: Counts(**counts)}
    return UsageBatch(project_id=ACME, day=TODAY, endpoints=endpoints, unjudged=unjudged, process=process, number=number)


async def test_batches_of_a_day_are_added_up(stores: RedisStores) -> None:
    """By endpoint, over every process."""
    await stores.usage.add(batch(1, requests=2, tokens=10))
    await stores.usage.add(batch(2, requests=1, errors=1))
    await stores.usage.add(batch(1, process="two", requests=4))
    await stores.usage.add(batch(2, process="two", endpoint="GET /a b", requests=1, microseconds=7))
    expected = {"GET /users": Counts(requests=7, tokens=10, errors=1), "GET /a b": Counts(requests=1, microseconds=7)}
    assert [DayUsage(day=TODAY, endpoints=expected)] == await stores.usage.days(ACME, [TODAY])


async def test_a_batch_that_is_sent_again_is_added_once(stores: RedisStores) -> None:
    """So that a lost answer costs nothing; older batches of the process are passed over too."""
    for number in (2, 2, 1):
        await stores.usage.add(batch(number, requests=1, unjudged=3))
    (day,) = await stores.usage.days(ACME, [TODAY])
    assert (1, 3) == (day.total.requests, await stores.usage.ingested(ACME, NOVEMBER))


async def test_days_without_calls_are_empty(stores: RedisStores) -> None:
    """They come in the order that was asked for, and another project's calls are in none."""
    await stores.usage.add(batch(requests=1))
    yesterday = TODAY - timedelta(days=1)
    days = await stores.usage.days(GLOBEX, [yesterday, TODAY])
    assert [DayUsage(day=yesterday, endpoints={}), DayUsage(day=TODAY, endpoints={})] == days


async def test_figures_are_not_kept_for_ever(stores: RedisStores, client: Client) -> None:
    """A day, a month and a rate have an end."""
    await stores.usage.add(batch(requests=1, unjudged=1))
    await stores.usage.admit(ACME, NOVEMBER, ProjectLimits(requests_per_minute=1), requests=1, events=0)
    names = ["usage:2026-11-22", "ingested:2026-11", "rate"]
    left = [await client.ttl(f"mneme:{{p:{ACME}}}:{name}") for name in names]
    assert [True, True, True] == [0 < seconds <= most for seconds, most in zip(left, (400 * 86_400,) * 2 + (60,), strict=True)]


async def test_a_minute_holds_so_many_calls(stores: RedisStores) -> None:
    """One more has to wait for its part of a minute."""
    limits, begun = ProjectLimits(requests_per_minute=3), time.monotonic()
    waits = [(await stores.usage.admit(ACME, NOVEMBER, limits, requests=1, events=0)).wait for _ in range(4)]
    passed = timedelta(seconds=time.monotonic() - begun)
    assert [None] * 3 == waits[:3]
    assert waits[3] is not None
    assert MINUTE / 3 - passed <= waits[3] <= MINUTE / 3


async def test_a_refused_call_does_not_lengthen_the_wait(stores: RedisStores) -> None:
    """Asking again and again is no punishment."""
    limits = ProjectLimits(requests_per_minute=1)
    for _ in range(5):
        admission = await stores.usage.admit(ACME, NOVEMBER, limits, requests=1, events=0)
    assert admission.wait is not None
    assert admission.wait <= MINUTE


async def test_a_rate_comes_back(stores: RedisStores, wait_until: Waiter[Any]) -> None:
    """A call is let in as soon as its time has come."""
    limits = ProjectLimits(requests_per_minute=600)
    await stores.usage.admit(ACME, NOVEMBER, limits, requests=600, events=0)

    async def is_let_in() -> bool:
        return (await stores.usage.admit(ACME, NOVEMBER, limits, requests=1, events=0)).wait is None

    # unless it comes back as quickly as it is used
    while await is_let_in():
        pass
    await wait_until(is_let_in, "a tenth of a second is over")


async def test_a_call_that_takes_nothing_of_the_rate_is_let_in(stores: RedisStores) -> None:
    """However many there were before it."""
    limits = ProjectLimits(requests_per_minute=1)
    await stores.usage.admit(ACME, NOVEMBER, limits, requests=1, events=0)
    assert (await stores.usage.admit(ACME, NOVEMBER, limits, requests=0, events=0)).wait is None


async def test_a_quota_is_used_to_its_last_event(stores: RedisStores) -> None:
    """What does not fit is refused whole and counts for nothing; what fits still gets in."""
    asked = [3, 3, 2, 1, 0]
    answers = [await stores.usage.admit(ACME, NOVEMBER, FIVE_A_MONTH, requests=1, events=events) for events in asked]
    expected = [(3, True), (3, False), (5, True), (5, False), (5, True)]
    assert [Admission(wait=None, ingested=used, within_quota=within) for used, within in expected] == answers


async def test_a_quota_is_exact_under_load(stores: RedisStores) -> None:
    """Of many calls at once exactly as many are let in as it holds."""
    limits = ProjectLimits(ingests_per_month=40)
    answers = await asyncio.gather(*(stores.usage.admit(ACME, NOVEMBER, limits, requests=1, events=1) for _ in range(100)))
    assert (40, 40) == (sum(each.within_quota for each in answers), await stores.usage.ingested(ACME, NOVEMBER))


async def test_each_month_has_a_count_of_its_own(stores: RedisStores) -> None:
    """A new month begins with nothing."""
    await stores.usage.admit(ACME, NOVEMBER, FIVE_A_MONTH, requests=1, events=5)
    answer = await stores.usage.admit(ACME, date(2026, 12, 1), FIVE_A_MONTH, requests=1, events=1)
    assert Admission(wait=None, ingested=1, within_quota=True) == answer


async def test_what_is_given_back_can_be_used_again(stores: RedisStores) -> None:
    """The last place of a quota too."""
    await stores.usage.admit(ACME, NOVEMBER, FIVE_A_MONTH, requests=1, events=5)
    await stores.usage.give_back(ACME, NOVEMBER, 2)
    assert (await stores.usage.admit(ACME, NOVEMBER, FIVE_A_MONTH, requests=1, events=2)).within_quota


async def test_what_no_quota_judged_counts_for_a_later_one(stores: RedisStores) -> None:
    """A quota that is set in the middle of a month holds for all of it."""
    await stores.usage.add(batch(requests=4, unjudged=4))
    assert not (await stores.usage.admit(ACME, NOVEMBER, FIVE_A_MONTH, requests=1, events=2)).within_quota
