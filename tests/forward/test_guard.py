"""No request goes anywhere but to the origins that the operator allows."""

from __future__ import annotations

import asyncio
import http.client
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from aiohttp import web

from gateway.addresses import AddressRefused, Dialling, is_loopback, is_public
from gateway.forward.target import Guard, NotAllowed
from gateway.resolving import CheckedResolver
from tests.forward.conftest import Caller
from tests.forward.provider import Provider
from tests.ssrf import CORPUS, NOT_PUBLIC, Rebinding

OPENAI = "https://api.openai.com"
GUARD = Guard([OPENAI, "https://api.anthropic.com", "http://127.0.0.1:9"])

ROUTES = [
    "/v1/messages",
    "/v1/messages/count_tokens",
    "/v1/chat/completions",
    "/v1/responses",
    "/v1beta/models/m:generateContent",
    "/v1beta/models/m:streamGenerateContent",
    "/v1/files",
    "",
]
CLIMBING = [
    "/../x",
    "/v1/../../x",
    "/v1/%2e%2e/x",
    "/v1/%2E%2e%2fx",
    "/v1/..%2fx",
    "/v1/%252e%252e/x",
    "/v1/..%5cx",
    "/v1\\..\\x",
    "/./x",
    "/v1/%0d%0a",
]


@pytest.mark.parametrize("url", CORPUS)
def test_the_corpus_is_refused_on_every_route(url: str) -> None:
    """By the one function that all requests go through."""
    for route in ROUTES:
        with pytest.raises(NotAllowed):
            GUARD.target(f"{url}{route}".encode("latin-1"), b"")


@pytest.mark.parametrize("path", CLIMBING)
def test_a_path_that_climbs_is_refused(path: str) -> None:
    """However it is encoded."""
    with pytest.raises(NotAllowed):
        GUARD.target(f"{OPENAI}{path}".encode(), b"")


@pytest.mark.parametrize(
    "raw",
    [
        b"https://api.open\tai.com/v1",
        b"https://api.openai.com/v1\r\n",
        "https://api.openai.com/é".encode(),
        b"https://api.openai.com/#x",
    ],
)
def test_bytes_that_no_url_has_are_refused(raw: bytes) -> None:
    """Tabs, line ends, bytes beyond ASCII, fragments."""
    with pytest.raises(NotAllowed):
        GUARD.target(raw, b"")


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("https://api.openai.com/v1/x", "/v1/x"),
        ("https:/api.openai.com/v1/x", "/v1/x"),
        ("https%3A%2F%2Fapi.openai.com/v1/x", "/v1/x"),
        ("https%3a%2f%2fapi.openai.com%2Fv1/x%20y", "/v1/x%20y"),
        ("HTTPS://API.OpenAI.com:443/v1/x", "/v1/x"),
        ("https://api.openai.com", "/"),
        ("https://api.openai.com//evil.example/x", "//evil.example/x"),
        ("https://api.openai.com/v1/models/org%2Fname", "/v1/models/org%2Fname"),
    ],
)
def test_the_spellings_of_an_allowed_origin(written: str, path: str) -> None:
    """All lead to the table's own text, and the path stays as it was written."""
    target = GUARD.target(written.encode(), b"a=1&b=%2F")
    assert target.url == f"{OPENAI}{path}?a=1&b=%2F"


@pytest.mark.parametrize(
    "origin",
    [
        "http://api.openai.com",
        "https://10.0.0.1",
        "https://169.254.169.254",
        "https://[fd00::1]",
        "https://user@host.example",
        "https://host.example/path",
        "host.example",
        "ftp://127.0.0.1",
    ],
)
def test_an_operator_cannot_allow_it(origin: str) -> None:
    """Plain http beyond this machine, private addresses, and what is no origin."""
    with pytest.raises(ValueError, match=r"is no origin|must be https|is an address"):
        Guard([origin])


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_that_is_not_public(address: str) -> None:
    """Also those that Python calls global."""
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_an_address_that_is_public(address: str) -> None:
    """Of servers that anyone can reach."""
    assert is_public(address)


def test_names_that_are_this_machine() -> None:
    """And one that only looks like it."""
    names = ("localhost", "127.8.8.8", "::1", "localhost.evil.example")
    assert [name for name in names if is_loopback(name)] == ["localhost", "127.8.8.8", "::1"]


async def test_a_name_that_is_bound_anew_is_refused() -> None:
    """What is checked is what is dialled, each time."""
    resolver = CheckedResolver(Rebinding(["8.8.8.8"], ["127.0.0.1"]), Dialling())
    assert [each["host"] for each in await resolver.resolve("rebind.example", 443)] == ["8.8.8.8"]
    with pytest.raises(AddressRefused):
        await resolver.resolve("rebind.example", 443)


async def test_one_private_address_among_public_ones_refuses_the_name() -> None:
    """Any of them could be dialled."""
    with pytest.raises(AddressRefused):
        await CheckedResolver(Rebinding(["8.8.8.8", "10.0.0.1"]), Dialling()).resolve("mixed.example", 443)


async def test_a_loopback_origin_leads_to_this_machine_only() -> None:
    """A name that is listed as this machine must be it."""
    with pytest.raises(AddressRefused):
        await CheckedResolver(Rebinding(["8.8.8.8"]), Dialling(loopback_hosts=frozenset({"localhost"}))).resolve("localhost", 80)


@pytest.mark.parametrize("route", ROUTES)
async def test_the_corpus_is_refused_over_http(caller: Caller, provider: Provider, route: str) -> None:
    """With an error that says so, and before anything is asked of anyone."""
    address = urlsplit(caller.url)

    def ask_all() -> set[int]:
        statuses = set()
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
        for url in CORPUS:
            path = f"/api/v1/forward/{url}{route}"
            if " " in path:
                continue
            connection.request("POST", path, body=b"{}", headers=caller.headers)
            answer = connection.getresponse()
            answer.read()
            statuses.add(answer.status)
        connection.close()
        return statuses

    assert await asyncio.to_thread(ask_all) == {400}
    assert provider.heard == []


async def test_another_port_of_this_machine_is_refused(caller: Caller, provider: Provider) -> None:
    """The gateway itself, for one, and the allowed host under another name."""
    async with httpx.AsyncClient(headers=caller.headers) as client:
        itself = await client.get(f"{caller.url}/api/v1/forward/{caller.url}/healthz")
        named = await client.get(f"{caller.url}/api/v1/forward/{provider.origin.replace('127.0.0.1', 'localhost')}/v1/models")
    assert (itself.status_code, named.status_code) == (400, 400)


async def test_a_redirect_is_not_followed(caller: Caller, provider: Provider) -> None:
    """It reaches the client as it is."""

    async def redirect(_request: web.Request) -> Any:
        return web.Response(status=307, headers={"location": "http://169.254.169.254/latest/meta-data"})

    provider.answer = redirect
    async with caller.client() as client:
        answer = await client.post("/v1/chat/completions", json={"model": "m", "messages": [{"role": "user", "content": "Hi"}]})
    assert (answer.status_code, answer.headers["location"]) == (307, "http://169.254.169.254/latest/meta-data")
    assert len(provider.heard) == 1
