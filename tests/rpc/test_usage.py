"""Usage and limits, through real calls."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias
from uuid import uuid4

import grpc
import pytest
from mneme.v1 import usage_pb2

from service.domain.ids import ProjectId
from service.domain.projects import ProjectSettings
from service.domain.usage import ProjectLimits, UsageKind
from service.rpc.interceptors.metering import metered_methods
from service.wiring import RunningService
from tests.conftest import Waiter
from tests.rpc.tenant import USER, Tenant, refused

MakeLimited: TypeAlias = Callable[..., Awaitable[Tenant]]


@pytest.fixture
def make_limited(service: RunningService, channel: grpc.aio.Channel) -> MakeLimited:
    """Return a function that makes a project with limits."""

    async def make(**limits: int) -> Tenant:
        projects = service.application.projects
        settings = ProjectSettings(limits=ProjectLimits(**limits))
        project = await projects.create(ProjectId(f"test-{uuid4()}"), name="test", settings=settings)
        _, text = await projects.create_key(project.project_id, name="test", scopes=frozenset())
        return Tenant(channel=channel, api_key=text, project_id=project.project_id)

    return make


async def summary(tenant: Tenant, service: RunningService) -> Any:
    """Return the totals of the last days: a test may run when one ends."""
    await service.application.usage.record.flush()
    return (await tenant.call("GetUsageSummary")).totals


async def endpoints(tenant: Tenant, service: RunningService) -> Mapping[str, Any]:
    """Return the figures of each endpoint."""
    await service.application.usage.record.flush()
    return {each.endpoint: each for each in (await tenant.call("GetUsageBreakdown")).endpoints}


async def test_calls_are_counted(tenant: Tenant, service: RunningService) -> None:
    """Requests by kind, events, tokens, errors and bytes."""
    user_id = await tenant.user()
    session_id = await tenant.session(user_id, "Four", "Eight ch")
    await tenant.call("AddMessage", user_id=user_id, session_id=session_id, role=USER, message="ä" * 8)
    await refused(tenant.call("AddMessage", user_id=user_id, session_id=str(uuid4()), role=USER, message="lost"))
    # without a word nothing is found, however far the index is
    await tenant.call("Recall", user_id=user_id, query="?")
    await tenant.call("DeleteUser", user_id=user_id)
    totals = await summary(tenant, service)
    counted = (totals.requests, totals.ingest_requests, totals.recall_requests, totals.forget_requests, totals.errors)
    assert (7, 3, 1, 1, 1) == counted
    assert (3, 1 + 2 + 4, 4) == (totals.ingest_events, totals.tokens, totals.work_units)
    assert totals.request_bytes > 100
    assert totals.response_bytes > 50


async def test_what_is_recalled_is_counted_in_tokens(tenant: Tenant, service: RunningService, wait_until: Waiter[Any]) -> None:
    """Of the answers, streams too."""
    user_id = await tenant.user()
    session_id = await tenant.session(user_id, "I have a dog called Rex.")
    found = await wait_until(lambda: recalled(tenant, user_id), "the message is found")
    before = (await summary(tenant, service)).tokens
    response = await tenant.call("Recall", user_id=user_id, query="dog Rex")
    expected = sum(-(-len(item.content) // 4) for item in response.items)
    assert found
    assert expected == (await summary(tenant, service)).tokens - before
    before += expected
    events = [each.event async for each in tenant.stream("StreamContext", user_id=user_id, session_id=session_id)]
    assert -(-len(events[-1].context.encode()) // 4) == (await summary(tenant, service)).tokens - before


async def recalled(tenant: Tenant, user_id: str) -> bool:
    """Return whether anything is recalled."""
    return bool((await tenant.call("Recall", user_id=user_id, query="dog Rex")).items)


async def test_an_endpoint_is_the_method_or_the_route(tenant: Tenant, service: RunningService) -> None:
    """The route when a gateway tells one that the method has; any other text is no name for an endpoint."""
    await tenant.call("ListUsers")
    for route in ("GET /api/v1/users", "/api/v1/forward/{url}", "GET /api/v1/users/secret"):
        metadata = (*tenant.credentials, ("x-mneme-route", route))
        call: Any = tenant.channel.unary_unary("/mneme.v1.UsersService/ListUsers", request_serializer=lambda _: b"")
        await call(None, metadata=metadata)
    found = await endpoints(tenant, service)
    expected = {"mneme.v1.UsersService/ListUsers": 2, "GET /api/v1/users": 1, "/api/v1/forward/{url}": 1}
    assert expected == {name: each.requests for name, each in found.items()}
    assert all(each.avg_latency_ms > 0 for each in found.values())


async def test_errors_are_a_share_of_an_endpoints_calls(tenant: Tenant, service: RunningService, wait_until: Waiter[Any]) -> None:
    """Those of the caller's own making too."""
    user_id = await tenant.user()
    await tenant.call("GetUser", user_id=user_id)
    await refused(tenant.call("GetUser", user_id="nobody"))

    async def counted() -> Any:
        # an error is answered before it is counted
        found = (await endpoints(tenant, service))["mneme.v1.UsersService/GetUser"]
        return found if found.requests == 2 else None

    found = await wait_until(counted, "both calls are counted")
    assert (1, 0.5) == (found.errors, found.error_rate)


async def test_flushes_at_once_lose_and_repeat_nothing(tenant: Tenant, service: RunningService) -> None:
    """The one of every second meets the one at the end."""
    for _ in range(5):
        await tenant.user()
        await asyncio.gather(*(service.application.usage.record.flush() for _ in range(4)))
    assert 5 == (await summary(tenant, service)).requests


async def test_a_turn_is_one_request(tenant: Tenant, service: RunningService) -> None:
    """Storing it brings in messages and is no request of its own."""
    opened = await tenant.call("OpenTurn", user_id="u", allow_new_user=True)
    said: Mapping[str, Any] = {"user_messages": ["Hi", "there"], "user_key": "a", "reply": "Hello", "reply_key": "b"}
    await tenant.call("StoreTurn", user_id="u", session_id=opened.session_id, **said)
    totals = await summary(tenant, service)
    assert (1, 3) == (totals.requests, totals.ingest_events)


async def test_strangers_are_counted_for_nobody(tenant: Tenant, service: RunningService) -> None:
    """A call without a good key uses nothing of a project."""
    await refused(replace(tenant, api_key="rai_wrong").call("ListUsers"))
    assert 0 == (await summary(tenant, service)).requests


async def test_a_summary_has_each_day_of_its_range(tenant: Tenant) -> None:
    """The last seven by default, also those without a call."""
    usage = await tenant.call("GetUsageSummary")
    assert usage_pb2.USAGE_RANGE_LAST_7_DAYS == usage.range
    assert [usage.start_date, usage.end_date] == [usage.daily[0].date, usage.daily[-1].date]
    assert 7 == len(usage.daily)
    assert 30 == len((await tenant.call("GetUsageSummary", range=usage_pb2.USAGE_RANGE_LAST_30_DAYS)).daily)
    month = await tenant.call("GetUsageSummary", range=usage_pb2.USAGE_RANGE_MONTH)
    assert month.start_date.endswith("-01")


async def test_without_limits_everything_is_allowed(tenant: Tenant) -> None:
    """Limits are absent, and nothing of them is used up."""
    state = await tenant.call("GetUsageLimits")
    assert (True, "self-hosted", 1) == (state.is_within_quota, state.plan, state.billing_cycle_day)
    assert not state.limits.ingest_events.HasField("limit")
    assert not state.rate_limits.HasField("requests_per_minute")


async def test_a_call_too_many_is_refused_until_later(make_limited: MakeLimited) -> None:
    """With the time after which another try can succeed."""
    tenant = await make_limited(requests_per_minute=2)
    await tenant.user()
    await tenant.user()
    error = await refused(tenant.call("ListUsers"))
    assert (grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED") == (error.code, error.reason)
    assert 1 <= int(error.metadata["retry_after_seconds"]) <= 30


async def test_usage_can_be_looked_at_when_nothing_else_can(
    make_limited: MakeLimited, service: RunningService, wait_until: Waiter[Any]
) -> None:
    """And tells of the call that was refused."""
    tenant = await make_limited(requests_per_minute=1)
    await tenant.user()
    await refused(tenant.user())

    async def told() -> bool:
        return bool((await summary(tenant, service)).errors == 1)

    await wait_until(told, "the refusal is counted")
    assert 1 == (await tenant.call("GetUsageLimits")).rate_limits.requests_per_minute


async def test_storing_a_turn_takes_nothing_of_the_rate(make_limited: MakeLimited) -> None:
    """What was opened can be stored."""
    tenant = await make_limited(requests_per_minute=1)
    opened = await tenant.call("OpenTurn", user_id="u", allow_new_user=True)
    said: Mapping[str, Any] = {"user_messages": ["Hi"], "user_key": "a", "reply": "Hello", "reply_key": "b"}
    await tenant.call("StoreTurn", user_id="u", session_id=opened.session_id, **said)


async def test_one_event_too_many_is_refused(make_limited: MakeLimited) -> None:
    """With what was used, and when counting begins anew; a batch goes in whole or not at all, and recall goes on."""
    tenant = await make_limited(ingests_per_month=4)
    user_id = await tenant.user()
    session_id = await tenant.session(user_id, "one", "two", "three")
    messages = [{"content": text, "role": USER} for text in ("four", "five")]
    error = await refused(tenant.call("AddMessages", user_id=user_id, session_id=session_id, messages=messages))
    assert (grpc.StatusCode.RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED") == (error.code, error.reason)
    state = await tenant.call("GetUsageLimits")
    expected = {"plan": "self-hosted", "ingest_events": "3", "limit": "4", "reset_date": state.reset_date}
    assert expected == error.metadata
    assert 3 == (await tenant.call("GetSession", user_id=user_id, session_id=session_id)).session.message_count
    await tenant.call("AddMessage", user_id=user_id, session_id=session_id, role=USER, message="four")
    await tenant.call("Recall", user_id=user_id, query="one")
    used = (await tenant.call("GetUsageLimits")).limits.ingest_events
    assert (4, 4, 0, 100.0) == (used.used, used.limit, used.remaining, used.percentage_used)


async def test_what_was_not_brought_in_is_given_back(make_limited: MakeLimited) -> None:
    """A call that ends with an error uses nothing of the quota."""
    tenant = await make_limited(ingests_per_month=5)
    user_id = await tenant.user()
    nowhere: Mapping[str, Any] = {"user_id": user_id, "session_id": str(uuid4()), "role": USER}
    assert "SESSION_NOT_FOUND" == (await refused(tenant.call("AddMessage", **nowhere, message="x"))).reason
    assert "VALIDATION_FAILED" == (await refused(tenant.call("AddMessage", **nowhere))).reason
    assert 0 == (await tenant.call("GetUsageLimits")).limits.ingest_events.used


async def test_a_quota_that_is_nearly_used_is_told(make_limited: MakeLimited) -> None:
    """From 80 percent on, ahead of every answer, an error's too."""
    tenant = await make_limited(ingests_per_month=5)
    user_id = await tenant.user()

    async def told(name: str, **fields: Any) -> Mapping[str, str]:
        call = tenant.start(name, **fields)
        try:
            await call
        except grpc.aio.AioRpcError as error:
            return dict(error.initial_metadata())
        return dict(await call.initial_metadata())

    session_id = await tenant.session(user_id, "one", "two", "three")
    assert {} == await told("ListUsers")
    await tenant.call("AddMessage", user_id=user_id, session_id=session_id, role=USER, message="four")
    reset_date = (await tenant.call("GetUsageLimits")).reset_date
    expected = {"x-quota-warning": "approaching_limit", "x-quota-ingests-pct": "80", "x-quota-reset-date": reset_date}
    assert expected == await told("ListUsers")
    assert expected == await told("GetUser", user_id="nobody")
    messages = [{"content": text, "role": USER} for text in ("five", "six")]
    assert expected == await told("AddMessages", user_id=user_id, session_id=session_id, messages=messages)


async def test_limits_hold_soon_after_they_change(admin: Tenant, wait_until: Waiter[Any]) -> None:
    """A project that was never limited, and then not at all."""
    await admin.call("ListUsers")
    settings = {"limits": {"requests_per_minute": 1}}
    await admin.call("UpdateProject", project_id=admin.project_id, settings=settings)

    async def limited() -> bool:
        try:
            await admin.call("ListUsers")
        except grpc.aio.AioRpcError:
            return True
        return False

    await wait_until(limited, "the limit holds")


async def test_a_reported_interaction_is_one_event_with_the_tokens_of_what_is_new(
    tenant: Tenant, service: RunningService
) -> None:
    """Not of the history that comes with each of them."""
    history = [{"role": "user", "content": "a" * 400}, {"role": "assistant", "content": "b" * 400}]
    request = {"messages": [*history, {"role": "user", "content": "Four"}]}
    named = {"format": "openai", "type": "chat"}
    await tenant.call("Track", reconify=named, request=json.dumps(request).encode(), response=b'"Eight ch"')
    totals = await summary(tenant, service)
    assert (1, 1, 1 + 2) == (totals.requests, totals.ingest_events, totals.tokens)


def test_every_way_to_a_text_leads_to_one() -> None:
    """The contract names texts that are there, for whatever brings in or recalls."""
    methods = metered_methods()
    assert methods["/mneme.v1.SessionsService/AddMessages"].texts is not None
    assert {"POST /api/v1/turns/open"} == methods["/mneme.v1.TurnsService/OpenTurn"].routes


@pytest.mark.parametrize("method", [path for path in metered_methods() if "/Forget" in path])
def test_forgetting_is_counted_as_such(method: str) -> None:
    """On every surface."""
    assert UsageKind.FORGET is metered_methods()[method].kind
