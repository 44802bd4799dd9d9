"""How errors look, whatever they are."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from mneme.v1 import error_reason_pb2, users_service_pb2
from mneme.v1.users_service_pb2_grpc import UsersServiceStub
from redis.asyncio import Redis

from service.domain.errors import DomainError, RateLimited
from service.rpc.interceptors.errors import code_of, details_of
from tests.conftest import Engines
from tests.rpc.conftest import OVER_BOTH
from tests.rpc.tenant import USER, Tenant, refused


def leaves(kind: type[DomainError]) -> list[type[DomainError]]:
    """Return a class of errors and all below it."""
    return [kind, *(leaf for child in kind.__subclasses__() for leaf in leaves(child))]


def test_every_reason_is_in_the_contract() -> None:
    """And the contract lists no reason that nothing raises."""
    listed = {name.removeprefix("ERROR_REASON_") for name in error_reason_pb2.ErrorReason.DESCRIPTOR.values_by_name} - {
        "UNSPECIFIED"
    }
    assert listed == {kind.reason for kind in leaves(DomainError)}


@pytest.mark.parametrize(
    "kind", [kind for kind in leaves(DomainError) if kind is not DomainError], ids=lambda kind: kind.__name__
)
def test_every_error_has_a_code(kind: type[DomainError]) -> None:
    """Through the nearest of its classes."""
    assert code_of(kind.__new__(kind)) not in {grpc.StatusCode.OK, grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN}


def test_a_rate_limit_says_when_to_come_back() -> None:
    """As a RetryInfo and in the metadata."""
    info, retry = details_of(RateLimited(retry_after=timedelta(seconds=3)))
    assert isinstance(retry, RetryInfo)
    assert 3 == retry.retry_delay.seconds
    assert "retry_after_seconds" in str(info)


CONTEXT = {"user_id": "u", "session_id": "s"}


@pytest.mark.parametrize(
    ("name", "fields", "violations"),
    [
        ("CreateUser", {}, {"user_id": "is required"}),
        ("CreateUser", {"user_id": "."}, {"user_id": "must not be in list [., ..]"}),
        ("GetUser", {"user_id": "x" * 513}, {"user_id": "must be at most 512 characters"}),
        ("AddMessage", {**CONTEXT, "role": USER}, {"message": "is required"}),
        ("AddMessage", {**CONTEXT, "message": "x"}, {"role": "is required"}),
        ("AddMessage", {**CONTEXT, "message": "x", "role": 9}, {"role": "value must be one of the defined enum values"}),
        ("AddMessages", CONTEXT, {"messages": "is required"}),
        (
            "AddMessages",
            {**CONTEXT, "messages": [{"content": "x", "role": USER}, {"role": USER}, {"content": "x"}]},
            {"messages[1].content": "is required", "messages[2].role": "is required"},
        ),
        (
            "GetContext",
            {**CONTEXT, "options": {"recall": {"min_top_k": 4}}},
            {"options.recall.min_top_k": "must be greater than or equal to 5 and less than or equal to 50"},
        ),
        (
            "ListUsers",
            {"limit": 101, "offset": -1},
            {
                "limit": "must be greater than or equal to 1 and less than or equal to 100",
                "offset": "must be greater than or equal to 0",
            },
        ),
        (
            "CreateSession",
            {"user_id": "u", "auto_process_after_seconds": 599},
            {"auto_process_after_seconds": "must be greater than or equal to 600 and less than or equal to 31536000"},
        ),
    ],
)
async def test_every_broken_rule_is_named(tenant: Tenant, name: str, fields: dict[str, Any], violations: dict[str, str]) -> None:
    """With the path of its field; what is missing is required."""
    error = await refused(tenant.call(name, **fields))
    assert (grpc.StatusCode.INVALID_ARGUMENT, "VALIDATION_FAILED") == (error.code, error.reason)
    assert violations == error.violations


async def test_a_thousand_broken_rules_still_make_an_answer(tenant: Tenant) -> None:
    """Details travel in headers, so their number is bounded."""
    error = await refused(tenant.call("AddMessages", **CONTEXT, messages=[{} for _ in range(1000)]))
    assert (grpc.StatusCode.INVALID_ARGUMENT, 20) == (error.code, len(error.violations))


@OVER_BOTH
async def test_what_is_broken_inside_is_not_told(tenant: Tenant, engines: Engines) -> None:
    """The caller gets a request id and no word about the cause, and the next call works."""
    user_id = await tenant.user()
    session_id = await tenant.session(user_id, "hello")
    async with Redis.from_url(engines.settings().redis_url or "") as redis:
        (key,) = [key async for key in redis.scan_iter(f"*{session_id}*") if await redis.type(key) == b"hash"]
        await redis.rename(key, f"{key.decode()}-kept")
        await redis.set(key, "no hash")
        error = await refused(tenant.call("GetSession", user_id=user_id, session_id=session_id))
        await redis.rename(f"{key.decode()}-kept", key)
    assert (grpc.StatusCode.INTERNAL, "INTERNAL", "Internal error") == (error.code, error.reason, error.message)
    assert ["request_id"] == list(error.metadata)
    await tenant.call("GetSession", user_id=user_id, session_id=session_id)


@OVER_BOTH
async def test_a_call_keeps_the_callers_request_id(tenant: Tenant) -> None:
    """It comes back in the trailing metadata, of errors too; one that could forge a line of the log is replaced."""

    async def echoed(request_id: str, user_id: str) -> object:
        call = UsersServiceStub(tenant.channel).GetUser(
            users_service_pb2.GetUserRequest(user_id=user_id), metadata=(*tenant.credentials, ("x-request-id", request_id))
        )
        try:
            await call
        except grpc.aio.AioRpcError as error:
            return dict(error.trailing_metadata())["x-request-id"]
        return dict(await call.trailing_metadata())["x-request-id"]

    user_id = f"u-{uuid4().hex[:8]}"
    await tenant.call("CreateUser", user_id=user_id)
    assert "abc-1" == await echoed("abc-1", user_id)
    assert "abc-1" == await echoed("abc-1", "nobody")
    assert "spaced out" != await echoed("spaced out", user_id)


@OVER_BOTH
async def test_the_longest_error_still_arrives(tenant: Tenant) -> None:
    """However much a caller says that must be said back: errors travel in headers, which a client takes up to 8 KiB."""
    user_id = await tenant.user()
    error = await refused(tenant.call("ListMemories", user_id=user_id, categories=[f"{n:0128}" for n in range(100)]))
    assert (grpc.StatusCode.INVALID_ARGUMENT, "CATEGORIES_UNKNOWN") == (error.code, error.reason)
    error = await refused(tenant.call("GetUser", user_id="😀" * 512))
    assert (grpc.StatusCode.NOT_FOUND, "USER_NOT_FOUND") == (error.code, error.reason)
