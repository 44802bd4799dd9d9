"""Streams whose clients leave, by the thousand."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import aiohttp
from aiohttp import web

from gateway.forward.forwarding import Forwarding
from gateway.forward.tee import Tee
from tests.conftest import Waiter
from tests.forward.conftest import Caller
from tests.forward.provider import Provider, until_cancelled
from tests.forward.test_faults import FRAMES, begun


def alive(*kinds: type) -> int:
    """Return how many objects of these *kinds* there are."""
    gc.collect()
    return sum(isinstance(each, kinds) for each in gc.get_objects())


async def test_a_thousand_cancelled_streams_leave_nothing(caller: Caller, provider: Provider, wait_until: Waiter[Any]) -> None:
    """No connection to the provider, no task, and nothing in memory that belonged to one of them."""

    async def speak(request: web.Request) -> web.StreamResponse:
        await begun(request, *FRAMES[:8])
        await until_cancelled()

    provider.answer = speak
    before = len(asyncio.all_tasks())

    async def cancelled(client: aiohttp.ClientSession) -> None:
        # what they say is stored once, so that the service has less to do: it is not what leaks here
        body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "Number one"}]}
        async with client.post(f"{caller.base}/v1/messages", json=body, headers=caller.headers) as answer:
            assert answer.status == 200
            await answer.content.readany()
            answer.close()

    async with aiohttp.ClientSession() as client:
        for _ in range(20):
            await asyncio.gather(*(cancelled(client) for _ in range(50)))
        await wait_until(lambda: provider.running == 0 and provider.connections == 0, "every connection is closed")
    await wait_until(lambda: len(asyncio.all_tasks()) <= before + 20, "every task has ended")
    await wait_until(lambda: not alive(Forwarding, Tee, aiohttp.ClientResponse), "every object is gone")
