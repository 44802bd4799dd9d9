"""The same calls in frames, as a gateway on this machine makes them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import grpc
import pytest_asyncio
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2

from frames.client import Channel, open_channel
from service.rpc.interceptors.access import FILES
from service.wiring import RunningService
from tests.conftest import Engines
from tests.rpc.tenant import Tenant, refused


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def frames(service: RunningService, engines: Engines) -> AsyncIterator[Channel]:
    """Return a channel to the socket of the service."""
    assert service.address
    async with open_channel(engines.directory / "c.sock") as channel:
        yield channel


async def test_every_method_but_streams_can_be_called(frames: Channel) -> None:
    """Each asks for credentials, which a method that is not served would not."""

    async def code(method: MethodDescriptor) -> grpc.StatusCode:
        request, response = GetMessageClass(method.input_type), GetMessageClass(method.output_type)
        path = f"/{method.containing_service.full_name}/{method.name}"
        call = frames.unary_unary(path, request.SerializeToString, response.FromString)
        return (await refused(call(request()))).code

    methods = [method for file in FILES for each in file.DESCRIPTOR.services_by_name.values() for method in each.methods]
    unary = [method for method in methods if not (method.client_streaming or method.server_streaming)]
    codes = await asyncio.gather(*map(code, unary))
    assert {grpc.StatusCode.UNAUTHENTICATED} == set(codes)


async def test_calls_at_once_are_each_others_strangers(frames: Channel, tenant: Tenant, admin: Tenant) -> None:
    """Each is done for the project of its own key."""
    tenants = [
        Tenant(channel=cast("grpc.aio.Channel", frames), api_key=one.api_key, project_id=one.project_id)
        for one in (tenant, admin)
    ]
    for number, one in enumerate(tenants):
        await one.call("CreateUser", user_id=f"user-{number}")
    found = await asyncio.gather(*(one.call("ListUsers") for _ in range(20) for one in tenants))
    assert [["user-0"], ["user-1"]] * 20 == [[user.user_id for user in each.users] for each in found]


async def test_health_needs_no_credential(frames: Channel) -> None:
    """A gateway asks for it where it sends its calls."""
    check = frames.unary_unary(
        "/grpc.health.v1.Health/Check",
        health_pb2.HealthCheckRequest.SerializeToString,
        health_pb2.HealthCheckResponse.FromString,
    )
    answer = await check(health_pb2.HealthCheckRequest(service="mneme.v1.UsersService"))
    assert health_pb2.HealthCheckResponse.SERVING == answer.status
