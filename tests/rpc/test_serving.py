"""The server itself: time limits, cancellation, drain, health, reflection, what it logs."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import grpc
import pytest
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from redis.asyncio import Redis

from service.domain.errors import IndexModelMismatch
from service.logs import configure_logging
from service.settings import InvalidSetting, Settings
from service.wiring import RunningService, open_application, running_service
from tests.conftest import Engines, Waiter
from tests.rpc.tenant import METHODS, USER, Tenant, refusal, refused


@pytest.fixture
def settings(engines: Engines) -> Settings:
    """Return settings for a service of the test's own, on a store of its own."""
    return replace(engines.settings(database=2), bootstrap_project_id="p", bootstrap_api_key="any text will do")


@asynccontextmanager
async def caller_of(service: RunningService) -> AsyncIterator[Tenant]:
    """Open a channel to a service and call it with the bootstrap key."""
    async with grpc.aio.insecure_channel(service.address) as channel:
        yield Tenant(channel=channel, api_key="any text will do", project_id="p")


@asynccontextmanager
async def slow_store(settings: Settings) -> AsyncIterator[Redis]:
    """Let the record store take no write until the block is left, or until it is told to with the client."""
    async with Redis.from_url(settings.redis_url or "") as redis:
        await redis.client_pause(60_000, all=False)
        try:
            yield redis
        finally:
            await redis.client_unpause()


async def test_no_call_runs_for_ever(settings: Settings, wait_until: Waiter[object]) -> None:
    """A call that takes longer than the service allows ends with DEADLINE_EXCEEDED, though the caller would have waited."""
    hurried = replace(settings, call_timeout=timedelta(seconds=0.2))
    async with running_service(hurried, worker=False) as service, caller_of(service) as caller:

        async def answers() -> bool:
            return bool(grpc.StatusCode.OK == await caller.start("ListUsers").code())

        # the first call also waits for the connection
        await wait_until(answers, "a call is quick enough")
        async with slow_store(settings):
            error = await refused(caller.call("CreateUser", user_id="late"))
    assert grpc.StatusCode.DEADLINE_EXCEEDED == error.code


async def test_a_running_call_ends_well_when_the_service_stops(settings: Settings) -> None:
    """It is answered, health says NOT_SERVING meanwhile, and new calls are refused."""
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(running_service(settings, worker=False))
        async with caller_of(service) as caller, slow_store(settings) as store:
            health: Any = health_pb2_grpc.HealthStub(caller.channel)
            watch = health.Watch(health_pb2.HealthCheckRequest())
            watched = aiter(watch)
            assert health_pb2.HealthCheckResponse.SERVING == (await anext(watched)).status
            running = asyncio.ensure_future(caller.start("CreateUser", user_id="running").code())
            # sent after it on the same connection, so that one is there when this is answered
            await health.Check(health_pb2.HealthCheckRequest())
            stopping = asyncio.create_task(stack.aclose())
            assert health_pb2.HealthCheckResponse.NOT_SERVING == (await anext(watched)).status
            late = await refused(caller.call("ListUsers"))
            await store.client_unpause()
            assert (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.OK) == (late.code, await running)
            # a watch has no end of its own, and would be waited for
            watch.cancel()
            await stopping


async def test_a_stream_that_is_left_stops_working(settings: Settings, wait_until: Waiter[object]) -> None:
    """No task goes on for a client that is gone."""
    async with running_service(settings, worker=False) as service, caller_of(service) as caller:
        user_id = await caller.user()
        session_id = await caller.session(user_id, "What is my dog called?")
        stream = caller.stream("StreamContext", user_id=user_id, session_id=session_id)
        await anext(aiter(stream))

        def working() -> bool:
            return any("GetContext.run" in repr(task.get_coro()) for task in asyncio.all_tasks())

        async with slow_store(settings):
            second = caller.stream("StreamContext", user_id=user_id, session_id=session_id)
            stream.cancel()  # type: ignore[attr-defined]  # a call can be cancelled
            second.cancel()  # type: ignore[attr-defined]  # the same
            await wait_until(lambda: not working(), "the work is cancelled")


async def test_a_stream_that_is_left_in_the_middle_is_cancelled(settings: Settings, wait_until: Waiter[object]) -> None:
    """It is one line of the log, and no error, though most of it was still to be sent."""
    written = io.StringIO()

    def lines() -> list[dict[str, Any]]:
        return [line for line in map(json.loads, written.getvalue().splitlines()) if "ExportUser" in line.get("method", "")]

    configure_logging("info", written)
    try:
        async with running_service(settings, worker=False) as service, caller_of(service) as caller:
            user_id = await caller.user()
            # more than HTTP/2 sends before the caller takes any of it
            await caller.session(user_id, *["a long one " * 900] * 100)
            stream = caller.stream("ExportUser", user_id=user_id)
            await anext(aiter(stream))
            stream.cancel()  # type: ignore[attr-defined]  # a call can be cancelled
            await wait_until(lines, "the call is over")
    finally:
        structlog.reset_defaults()
    assert [("rpc", "CANCELLED")] == [(line["event"], line["code"]) for line in lines()]


async def test_health_and_reflection_are_public(service: RunningService) -> None:
    """They need no credential, and know every service of the contract."""
    names = {method.containing_service.full_name for method in METHODS.values()}
    async with grpc.aio.insecure_channel(service.address) as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)
        for name in ("", *names):
            answer = await health.Check(health_pb2.HealthCheckRequest(service=name))
            assert health_pb2.HealthCheckResponse.SERVING == answer.status
        reflection: Any = reflection_pb2_grpc.ServerReflectionStub(cast(Any, channel))
        call = reflection.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]))
        listed = [one.name async for answer in call for one in answer.list_services_response.service]
    assert names <= set(listed)


async def test_two_services_do_not_share_a_port(settings: Settings, service: RunningService) -> None:
    """The second one says that it cannot have it."""
    with pytest.raises(OSError, match="cannot listen on"):
        async with running_service(replace(settings, grpc_listen=service.address), worker=False):
            pass


async def test_another_embedder_asks_for_a_reindex(service: RunningService) -> None:
    """Rather than mixing vectors that cannot be compared."""
    with pytest.raises(IndexModelMismatch, match="mneme reindex"):
        await service.application.index.prepare(model="another", dimension=3)


async def test_a_service_without_stores_says_what_to_do() -> None:
    """It names the command that brings the engines along."""
    with pytest.raises(InvalidSetting, match="mneme serve"):
        async with open_application(Settings()):
            pass


async def test_a_lost_store_is_unavailable(settings: Settings, engines: Engines) -> None:
    """The error names the kind of store and no address, and the service answers again when the store is back."""
    async with running_service(settings, worker=False) as service, caller_of(service) as caller:
        await caller.call("ListUsers")
        async with Redis.from_url(settings.redis_url or "") as redis:
            await redis.client_kill_filter(_type="normal", skipme=True)
        try:
            await caller.call("ListUsers")
        except grpc.aio.AioRpcError as caught:
            error = refusal(caught)
            assert (grpc.StatusCode.UNAVAILABLE, {"store": "redis"}) == (error.code, error.metadata)
            assert str(engines.directory) not in error.message
        await caller.call("ListUsers")


async def test_secrets_and_words_are_not_logged(settings: Settings) -> None:
    """Neither keys, nor texts, nor metadata, nor ids of users, whether a call works or fails."""
    written = io.StringIO()
    configure_logging("info", written)
    try:
        async with running_service(settings) as service, caller_of(service) as caller:
            user_id = "canary-user"
            await caller.call("CreateUser", user_id=user_id, metadata={"note": "canary-metadata"})
            session_id = await caller.session(user_id, "canary-message")
            await refused(caller.call("CreateUser", user_id=user_id))
            await refused(caller.call("AddMessage", user_id="canary-absent", session_id=session_id, message="x", role=USER))
            await refused(replace(caller, api_key="canary-key").call("ListUsers"))
            await caller.call("Recall", user_id=user_id, query="canary-query")
            await caller.call("DeleteUser", user_id=user_id)
    finally:
        structlog.reset_defaults()
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    calls = [line for line in lines if line["event"] == "rpc"]
    assert {"OK", "ALREADY_EXISTS", "NOT_FOUND", "UNAUTHENTICATED"} == {call["code"] for call in calls}
    assert all(call["request_id"] and call["milliseconds"] > 0 for call in calls)
    assert "canary" not in written.getvalue()
    assert "any text will do" not in written.getvalue()
