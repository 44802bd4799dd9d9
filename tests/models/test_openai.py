"""Embeddings by a server, through the real SDK and over loopback."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import pytest
import pytest_asyncio
from aiohttp import web

from service.domain.errors import StorageUnavailable
from service.domain.ports.models import Embedder
from service.models import open_embedder
from service.models.calibration import PAIRS, RELATED, SAME, UNRELATED, Scale

CANARY = "sk-canary-1234567890abcdef"
DIMENSION = 24
QUICKLY = {"retry-after-ms": "1"}


def vector_of(text: str) -> list[float]:
    """Return numbers that depend on nothing but the text; none of them is a unit vector."""
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    return [float(number) for number in np.random.default_rng(seed).normal(1.0, 1.0, DIMENSION)]


@dataclass(slots=True)
class Server:
    """Embeds like OpenAI, keeps what it heard, and says *instead* when there is any."""

    origin: str = ""
    heard: list[Any] = field(default_factory=list)
    instead: list[web.Response] = field(default_factory=list)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        body = await request.json()
        self.heard.append({"path": request.path, "authorization": request.headers["authorization"], **body})
        if self.instead:
            return self.instead.pop(0)
        rows = [{"object": "embedding", "index": place, "embedding": vector_of(text)} for place, text in enumerate(body["input"])]
        usage = {"prompt_tokens": 1, "total_tokens": 1}
        # in no particular order: the index says which is which
        return web.json_response({"object": "list", "data": rows[::-1], "model": "whatever", "usage": usage})


Open: TypeAlias = Callable[[], AbstractAsyncContextManager[Embedder]]


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    """Return a server on this machine."""
    serving = Server()
    handler = web.Server(serving.handle)
    listener = await asyncio.get_running_loop().create_server(handler, "127.0.0.1", 0)
    serving.origin = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    yield serving
    listener.close()
    await handler.shutdown(0)


@pytest.fixture
def opening(server: Server) -> Open:
    """Open an embedder of the server."""
    return lambda: open_embedder("openai:some-model", threads=1, base_url=f"{server.origin}/v1", api_key=CANARY)


async def test_texts_become_unit_vectors_in_their_order(opening: Open, server: Server) -> None:
    """However long the server's are and in whatever order they come."""
    async with opening() as embedder:
        vectors = np.asarray(await embedder.embed(["one", "two"]))
    expected = np.asarray([vector_of("one"), vector_of("two")], dtype=np.float32)
    assert np.allclose(expected / np.linalg.norm(expected, axis=1, keepdims=True), vectors)
    assert {"path": "/v1/embeddings", "authorization": f"Bearer {CANARY}", "model": "some-model"}.items() <= server.heard[
        -1
    ].items()


async def test_the_dimension_is_found_out(opening: Open) -> None:
    """By one request when the embedder is opened."""
    async with opening() as embedder:
        assert (DIMENSION, "openai:some-model") == (embedder.dimension, embedder.model)


async def test_a_text_is_embedded_once(opening: Open, server: Server) -> None:
    """And another one beside it does not change that."""
    async with opening() as embedder:
        await embedder.embed(["one", "one"])
        await embedder.embed(["one", "two"])
        await embedder.embed([])
    assert [["one"], ["two"]] == [heard["input"] for heard in server.heard[1:]]


async def test_many_texts_go_in_several_requests(opening: Open, server: Server) -> None:
    """And a text that is too long is cut, an empty one is not sent."""
    async with opening() as embedder:
        vectors = await embedder.embed(["", "x" * 100_000, *(f"text {number}" for number in range(300))])
    sizes = [len(heard["input"]) for heard in server.heard[1:]]
    assert (302, [128, 128, 46]) == (len(vectors), sizes)
    assert [2, 8000] == [len(text) for text in server.heard[1]["input"][:2]]


async def test_what_may_pass_is_tried_again(opening: Open, server: Server) -> None:
    """By the SDK, as long as the server asks."""
    async with opening() as embedder:
        server.instead = [web.json_response({}, status=503, headers=QUICKLY), web.json_response({}, status=429, headers=QUICKLY)]
        assert 1 == len(await embedder.embed(["one"]))


@pytest.mark.parametrize("status", [500, 401])
async def test_a_server_that_fails_is_an_unavailable_store(opening: Open, server: Server, status: int) -> None:
    """What it said is kept with the error, without the key."""
    async with opening() as embedder:
        answer = {"error": {"message": f"no {CANARY}"}}
        server.instead = [web.json_response(answer, status=status, headers=QUICKLY) for _ in range(4)]
        with pytest.raises(StorageUnavailable, match="embedding") as caught:
            await embedder.embed(["one"])
    assert f"HTTP {status}" in str(caught.value.__cause__)
    assert CANARY not in f"{caught.value!r} {caught.value.__cause__!r}"


@pytest.mark.parametrize("vectors", [[], [[1.0]], [[]]], ids=["none", "short", "empty"])
async def test_vectors_that_do_not_fit_are_refused(opening: Open, server: Server, vectors: list[list[float]]) -> None:
    """They would spoil the index."""
    rows = [{"object": "embedding", "index": place, "embedding": vector} for place, vector in enumerate(vectors)]
    async with opening() as embedder:
        server.instead = [web.json_response({"object": "list", "data": rows, "model": "m", "usage": None})]
        with pytest.raises(StorageUnavailable):
            await embedder.embed(["one"])


async def test_a_server_that_refuses_is_named_at_the_start(opening: Open, server: Server) -> None:
    """With what it said."""
    server.instead = [web.json_response({"error": {"message": "no such model"}}, status=404)]
    with pytest.raises(ValueError, match=r"openai:some-model does not embed: HTTP 404.*no such model"):
        async with opening():
            pass


async def test_tokens_are_estimated(opening: Open) -> None:
    """By the tokenizer that is at hand."""
    async with opening() as embedder:
        assert 5 == embedder.count_tokens("User lives in Berlin.")


@pytest.mark.parametrize("name", ["openai", "openai:", "minilm:large", "nothing:at-all"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    """And the names that there are said."""
    with pytest.raises(ValueError, match="minilm, openai:<model>"):
        open_embedder(name, threads=1)


def test_openai_wants_a_key() -> None:
    """Only a server of one's own may want none."""
    with pytest.raises(ValueError, match="API key"):
        open_embedder("openai:some-model", threads=1)


@pytest.mark.parametrize("kinds", [(0.05, 0.35, 0.75), (0.74, 0.83, 0.93), (0.4, 0.4, 0.4), (0.9, 0.5, 0.1), (1.0, 1.0, 1.0)])
def test_a_scale_rises_for_every_model(kinds: tuple[float, float, float]) -> None:
    """From 0 to 1, also for one that cannot tell the kinds of pairs apart."""
    unrelated, related, same = kinds
    scale = Scale([unrelated] * len(UNRELATED) + [related] * len(RELATED) + [same] * len(SAME))
    similarities = [scale(cosine) for cosine in np.linspace(-1, 1, 401)]
    assert similarities == sorted(similarities)
    assert (0.0, 1.0) == (similarities[0], similarities[-1])


@pytest.mark.parametrize(("shift", "stretch"), [(0.0, 1.0), (0.6, 0.4)])
async def test_two_models_mean_the_same(embedder: Embedder, shift: float, stretch: float) -> None:
    """A scale that is fitted to pairs agrees with the measured one on other pairs, however the cosines of the model lie."""
    vectors = np.asarray(await embedder.embed([text for pair in PAIRS for text in pair]))
    found = shift + stretch * np.einsum("ij,ij->i", vectors[::2], vectors[1::2])
    scale = Scale([float(cosine) for cosine in found])
    for one, other, least, most in (
        ("I am allergic to peanuts", "The meeting moved to Thursday", 0.0, 0.35),
        ("Where does the user live?", "User lives in Berlin with their dog.", 0.4, 0.9),
        ("User works as a nurse", "User is employed as a nurse", 0.75, 1.0),
    ):
        first, second = np.asarray(await embedder.embed([one, other]))
        assert least <= scale(shift + stretch * float(first @ second)) <= most
