"""No webhook goes anywhere but to public servers over https, and to the origins that the operator lists."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import aclosing

import pytest

from service.domain.errors import InvalidRequest
from service.webhooks import HttpSender
from tests.receiver import Receiver, receiving
from tests.ssrf import ELSEWHERE, FORBIDDEN, NOT_PUBLIC, Rebinding

METADATA = "https://metadata.google.internal"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    """Serve an endpoint."""
    with receiving() as receiver:
        yield receiver


@pytest.mark.parametrize("url", FORBIDDEN)
async def test_the_corpus_is_refused(receiver: Receiver, url: str) -> None:
    """When a webhook is set, or else when its name is resolved; nothing is ever sent, also not to a server that listens here."""
    async with aclosing(HttpSender([receiver.origin], resolver=lambda: Rebinding(["169.254.169.254"]))) as sender:
        if url != METADATA:
            with pytest.raises(InvalidRequest):
                sender.check(f"{url}/hook")
        response = await sender.send(f"{url}/hook", {}, b"{}")
    assert (None, True, []) == (response.status, bool(response.error), receiver.heard)


@pytest.mark.parametrize("host", [*ELSEWHERE, "8.8.8.8", "[2606:4700::1111]:8443", "x.example.co:443"])
def test_a_public_server_may_be_named(host: str) -> None:
    """By name or address, on any port; where the name leads is looked at when it is called."""
    HttpSender().check(f"https://{host}/hook?a=1")


@pytest.mark.parametrize(
    "url", ["https://x.example/#part", f"https://x.example/{'a' * 2048}", "https://x.example/ü", "https://x.example:99999/"]
)
def test_a_url_is_plain(url: str) -> None:
    """No fragment, no endless text, nothing but visible ASCII, and a port that exists."""
    with pytest.raises(InvalidRequest, match=r"^url: "):
        HttpSender().check(url)


@pytest.mark.parametrize("address", NOT_PUBLIC)
async def test_a_name_that_leads_inside_is_refused(address: str) -> None:
    """Each time that it is called, whatever it led to before: also as one address among public ones."""
    async with aclosing(HttpSender(resolver=lambda: Rebinding(["8.8.8.8", address]))) as sender:
        sender.check("https://rebind.example/")
        response = await sender.send("https://rebind.example/", {}, b"{}")
    assert (None, "its name leads to an address that is refused") == (response.status, response.error)


@pytest.mark.parametrize("address", ["8.8.8.8", "10.0.0.1"])
async def test_a_listed_name_of_this_machine_leads_nowhere_else(address: str) -> None:
    """Nor does one in a private network lead to what clouds answer metadata on."""
    async with aclosing(HttpSender(["http://localhost:9"], resolver=lambda: Rebinding([address]))) as sender:
        response = await sender.send("http://localhost:9/", {}, b"{}")
    assert "its name leads to an address that is refused" == response.error
    async with aclosing(HttpSender(["http://billing.internal"], resolver=lambda: Rebinding(["169.254.169.254"]))) as sender:
        response = await sender.send("http://billing.internal/", {}, b"{}")
    assert "its name leads to an address that is refused" == response.error


async def test_another_origin_of_a_listed_host_is_not_listed() -> None:
    """Another scheme, another port, or the name without what was listed."""
    sender = HttpSender(["http://10.0.0.5:8080", "http://billing.internal:8080"])
    for url in ("http://10.0.0.5:8080/x", "http://billing.internal:8080/x", "HTTP://10.0.0.5:8080"):
        sender.check(url.replace("HTTP", "http"))
    for url in ("http://10.0.0.5/x", "https://10.0.0.5:8080/x", "http://billing.internal/x", "http://10.0.0.6:8080/x"):
        with pytest.raises(InvalidRequest):
            sender.check(url)
    async with aclosing(HttpSender(["http://billing.internal"], resolver=lambda: Rebinding(["10.0.0.1"]))) as inside:
        # as a public server it must lead to one
        response = await inside.send("https://billing.internal/", {}, b"{}")
    assert "its name leads to an address that is refused" == response.error


@pytest.mark.parametrize(
    "origin", ["http://169.254.169.254", "https://[fe80::1]", "http://224.0.0.1", "http://0.0.0.0", "x", "ftp://10.0.0.1"]
)
def test_an_operator_cannot_list_it(origin: str) -> None:
    """What is neither public, nor private, nor this machine, and what is no origin."""
    with pytest.raises(ValueError, match=r"is no origin|is an address"):
        HttpSender([origin])
