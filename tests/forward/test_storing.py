"""Turns on their way into memory, when nobody waits for them."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import httpx
from google.protobuf.message import Message
from mneme.v1 import turns_service_pb2 as pb
from prometheus_client import CollectorRegistry

from gateway.client import Metadata
from gateway.forward.metrics import ForwardMetrics
from gateway.forward.storing import running_queue
from gateway.forward.turns import Credentials
from gateway.logs import open_log
from gateway.status import CallFailed, unreachable
from gateway.wiring import running_gateway
from tests.forward.conftest import Caller, settings_for
from tests.forward.test_faults import ALICE, BODY, NICE

CREDENTIALS = Credentials(api_key="key", project_id="project", request_id="request")


async def test_a_stop_of_the_gateway_stores_what_it_has_answered(caller: Caller) -> None:
    """Also the turn of an answer with a length, which ends before it is durable."""
    settings = settings_for(caller.service.address, caller.provider.origin)
    async with running_gateway(settings) as gateway, httpx.AsyncClient() as client:
        url = f"{gateway.url}/api/v1/forward/{caller.provider.origin}/v1/messages"
        await client.post(url, json=BODY, headers=caller.headers)
    assert await caller.stored() == [ALICE, NICE]


async def test_the_next_request_does_not_wait_for_the_turn_before(caller: Caller) -> None:
    """An answer with a length has ended with its last byte, whatever becomes of its turn: here the service never comes back."""
    settings = settings_for(
        "127.0.0.1:1",
        caller.provider.origin,
        forward_recall=timedelta(milliseconds=1),
        forward_store_wait=timedelta(hours=1),
        drain=timedelta(milliseconds=50),
    )
    one = httpx.Limits(max_connections=1)
    async with running_gateway(settings) as gateway, httpx.AsyncClient(limits=one) as client:
        url = f"{gateway.url}/api/v1/forward/{caller.provider.origin}/v1/messages"
        answers = [await client.post(url, json=BODY, headers=caller.headers) for _ in range(2)]
    assert [answer.json()["content"][0]["text"] for answer in answers] == [NICE[1], NICE[1]]


async def test_turns_of_a_user_keep_their_order_while_the_service_is_away() -> None:
    """Those behind a turn that has failed wait for it, and nobody else does."""
    attempts: list[tuple[str, str]] = []
    failed = asyncio.Event()

    async def store(request: pb.StoreTurnRequest, _metadata: Metadata) -> Message:
        attempts.append((request.user_id, request.user_key))
        if not failed.is_set():
            failed.set()
            raise CallFailed(unreachable())
        return pb.StoreTurnResponse()

    metrics = ForwardMetrics(CollectorRegistry())
    async with running_queue(store, metrics=metrics, log=open_log("critical"), drain=timedelta(seconds=20)) as queue:
        queue.submit(pb.StoreTurnRequest(user_id="alice", user_key="1"), CREDENTIALS)
        await failed.wait()
        for user_id, user_key in [("alice", "2"), ("bob", "1"), ("alice", "3")]:
            queue.submit(pb.StoreTurnRequest(user_id=user_id, user_key=user_key), CREDENTIALS)
    assert attempts == [("alice", "1"), ("bob", "1"), ("alice", "1"), ("alice", "2"), ("alice", "3")]


async def test_a_turn_may_be_stored_after_the_one_behind_it() -> None:
    """Answers of the service come in any order, and the queue goes on."""
    attempts: list[str] = []
    second = asyncio.Event()

    async def store(request: pb.StoreTurnRequest, _metadata: Metadata) -> Message:
        attempts.append(request.user_key)
        if request.user_key == "1":
            await second.wait()
        if request.user_key == "2":
            second.set()
        return pb.StoreTurnResponse()

    metrics = ForwardMetrics(CollectorRegistry())
    async with running_queue(store, metrics=metrics, log=open_log("critical"), drain=timedelta(seconds=20)) as queue:
        for user_key in ("1", "2"):
            queue.submit(pb.StoreTurnRequest(user_id="alice", user_key=user_key), CREDENTIALS)
        await queue.drained()
        queue.submit(pb.StoreTurnRequest(user_id="alice", user_key="3"), CREDENTIALS)
    assert attempts == ["1", "2", "3"]
