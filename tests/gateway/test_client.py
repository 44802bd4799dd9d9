"""The channel to the service while that service comes and goes."""

from __future__ import annotations

import asyncio
import dataclasses
import socket
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from mneme.v1.users_service_pb2 import CreateUserResponse

from gateway.settings import Settings
from gateway.wiring import running_gateway
from tests.conftest import Waiter
from tests.gateway.conftest import settings_for, short_socket
from tests.gateway.peer import Peer, serving_peer


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a peer can be served and found: at an *address* and, for a gateway that calls in frames, on a *socket*."""

    address: str
    socket: Path | None

    def settings(self) -> Settings:
        """Return the settings of a gateway to it."""
        return settings_for(self.address, self.socket)

    def serving(self, peer: Peer) -> AbstractAsyncContextManager[str]:
        """Serve a peer."""
        return serving_peer(peer, self.address, self.socket)


@pytest.fixture(params=["grpc", "frames"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """Return a place where nobody listens and which the system gives to no one else."""
    with socket.socket() as holder, short_socket() as path:
        # who listens may share the port with who does not, when both say so
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        yield Place(address=f"127.0.0.1:{holder.getsockname()[1]}", socket=path if request.param == "frames" else None)


async def test_restart_of_the_service_is_not_noticed(place: Place) -> None:
    """A request that arrives while the service is down is answered when it is back."""
    peer = Peer()
    async with running_gateway(place.settings()) as gateway, httpx.AsyncClient(base_url=gateway.url) as http:
        async with place.serving(peer):
            before = await http.get("/api/v1/users/a")
        meanwhile = asyncio.create_task(http.post("/api/v1/users", json={"user_id": "a"}))
        await asyncio.sleep(0)
        async with place.serving(peer):
            after = await meanwhile

    assert (200, 201) == (before.status_code, after.status_code)


async def test_gateway_starts_before_the_service(place: Place) -> None:
    """A gateway without a service is live, not ready, and answers 503 after the connect timeout."""
    settings = dataclasses.replace(place.settings(), connect_timeout=timedelta(milliseconds=50))
    async with running_gateway(settings) as gateway, httpx.AsyncClient(base_url=gateway.url) as http:
        answers = [await http.get(path) for path in ("/healthz", "/readyz", "/api/v1/users/a")]

    assert [200, 503, 503] == [answer.status_code for answer in answers]
    assert {"detail": "The service is unavailable, try again"} == answers[2].json()


async def test_gateway_is_ready_with_the_service(place: Place) -> None:
    """As soon as it answers where calls go."""
    async with (
        place.serving(Peer()),
        running_gateway(place.settings()) as gateway,
        httpx.AsyncClient(base_url=gateway.url) as http,
    ):
        assert 200 == (await http.get("/readyz")).status_code


async def test_slow_call_is_given_up(place: Place) -> None:
    """A unary call that takes longer than its timeout is 504."""

    async def forever(_: Any) -> Any:
        await asyncio.Event().wait()

    settings = dataclasses.replace(place.settings(), call_timeout=timedelta(milliseconds=100))
    async with (
        place.serving(Peer(replies={"GetUser": forever})),
        running_gateway(settings) as gateway,
        httpx.AsyncClient(base_url=gateway.url) as http,
    ):
        answer = await http.get("/api/v1/users/a")

    assert (504, {"detail": "The service took too long to answer"}) == (answer.status_code, answer.json())


async def lost_in_flight(place: Place, verb: str, path: str, wait_until: Waiter[object]) -> tuple[int, int]:
    """Send a request, take the service away while it works on it, bring it back; return the status and the number of calls."""

    async def first_hangs(_: Any) -> Any:
        if len(peer.calls) == 1:
            await asyncio.Event().wait()
        return CreateUserResponse() if verb == "POST" else None

    peer = Peer(replies={"GetUser": first_hangs, "CreateUser": first_hangs})
    async with running_gateway(place.settings()) as gateway, httpx.AsyncClient(base_url=gateway.url) as http:
        async with place.serving(peer):
            request = asyncio.create_task(http.request(verb, path, json={}))
            await wait_until(lambda: len(peer.calls) == 1, "the call arrives")
        async with place.serving(peer):
            return (await request).status_code, len(peer.calls)


async def test_harmless_call_is_repeated(place: Place, wait_until: Waiter[object]) -> None:
    """A call without side effects whose connection breaks is sent again."""
    assert (200, 2) == await lost_in_flight(place, "GET", "/api/v1/users/a", wait_until)


async def test_create_is_never_repeated(place: Place, wait_until: Waiter[object]) -> None:
    """A call that may have had an effect is not sent again: the client is told."""
    assert (503, 1) == await lost_in_flight(place, "POST", "/api/v1/users", wait_until)


async def test_running_requests_finish(place: Place, wait_until: Waiter[object]) -> None:
    """A gateway that is told to stop takes no new connection and finishes what it began."""
    go_on = asyncio.Event()

    async def slow(_: Any) -> Any:
        await go_on.wait()

    def is_closed() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", httpx.URL(gateway.url).port or 0)) != 0

    peer = Peer(replies={"GetUser": slow})
    async with place.serving(peer), AsyncExitStack() as stack, httpx.AsyncClient() as http:
        patient = dataclasses.replace(place.settings(), drain=timedelta(seconds=30))
        gateway = await stack.enter_async_context(running_gateway(patient))
        request = asyncio.create_task(http.get(f"{gateway.url}/api/v1/users/a"))
        await wait_until(lambda: len(peer.calls) == 1, "the call arrives")
        stopping = asyncio.create_task(stack.aclose())
        await wait_until(is_closed, "the gateway stops listening")
        go_on.set()

        assert 200 == (await request).status_code
        await stopping


async def test_log_holds_no_secrets(capfd: pytest.CaptureFixture[str]) -> None:
    """The access log names the route and the request id; no key, body, query or id of a user."""
    async with serving_peer(Peer()) as address:
        settings = dataclasses.replace(settings_for(address), log_level="debug")
        async with running_gateway(settings) as gateway, httpx.AsyncClient(base_url=gateway.url) as http:
            headers = {"X-Recallr-Api-Key": "canary", "X-Request-Id": "r1"}
            await http.put("/api/v1/users/canary?q=canary", json={"new_user_id": "canary"}, headers=headers)
            await http.post("/api/v1/users", content=b"{canary", headers=headers)

    log = capfd.readouterr().err
    assert (False, 2, True) == ("canary" in log, log.count('"request_id":"r1"'), '"route":"/api/v1/users/{user_id}"' in log)


async def test_unix_socket_target() -> None:
    """The service may listen on a Unix socket."""
    with short_socket() as path:
        target = f"unix:{path}"
        async with (
            serving_peer(Peer(), target),
            running_gateway(settings_for(target)) as gateway,
            httpx.AsyncClient(base_url=gateway.url) as http,
        ):
            assert 200 == (await http.get("/api/v1/project")).status_code
