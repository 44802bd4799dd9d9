"""The one connection to the record store that all callers share."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as TookTooLong

from service.storage.redis.line import Line
from tests.conftest import Engines

CALLERS = 50
_PIECE = 64 * 1024
NEVER = ("BLPOP", "line-that-nobody-pushes-to", 0)


@pytest.fixture
async def client(engines: Engines) -> AsyncIterator[Redis]:
    """Give a client with a pool of its own."""
    async with Redis.from_url(engines.redis_url, decode_responses=True) as client:
        yield client


@pytest.fixture
async def line(client: Redis) -> AsyncIterator[Line]:
    """Give a line to the same server."""
    line = Line(client, timeout=10)
    yield line
    await line.close()


async def test_callers_at_once_get_their_own_answers(line: Line) -> None:
    """Answers are told apart by their order alone, and all callers share the connection that the first one needs."""
    answers = await asyncio.gather(*(line.send([("ECHO", number), ("CLIENT", "ID")]) for number in range(CALLERS)))
    assert [str(number) for number in range(CALLERS)] == [echo for echo, _ in answers]
    assert 1 == len({connection for _, connection in answers})


async def test_an_answer_has_the_type_that_the_driver_gives_it(line: Line, client: Redis) -> None:
    """Whoever moves from the driver to the line need not read answers anew."""
    await client.sadd("line-set", "a")
    assert [[{"a"}], [True]] == [
        await line.send([("SMEMBERS", "line-set")]),
        await line.send([("SET", "line-string", "a")]),
    ]


async def test_an_answer_may_come_in_pieces(line: Line) -> None:
    """It is whole, and what follows it has its place."""
    long = "a long one " * 50_000
    assert [long, "b"] == await line.send([("ECHO", long), ("ECHO", "b")])


async def test_an_answer_may_come_in_pieces_over_tls(engines: Engines, tmp_path: Path) -> None:
    """It is as whole as over a plain socket."""
    long = "a long one " * 50_000
    server, trusted = _certificate(tmp_path)
    async with _before(urlsplit(engines.redis_url).path, server) as port:
        url = f"rediss://localhost:{port}?ssl_ca_certs={trusted}"
        async with Redis.from_url(url, decode_responses=True) as client:
            line = Line(client, timeout=10)
            assert [long, "b"] == await line.send([("ECHO", long), ("ECHO", "b")])
            await line.close()


async def test_a_refusal_is_the_answer_of_its_command_alone(line: Line) -> None:
    """What is sent with it, and after it, is answered."""
    first, refused, last = await line.send([("ECHO", "a"), ("NO-SUCH-COMMAND",), ("ECHO", "b")])
    assert ("a", ResponseError, "b") == (first, type(refused), last)


async def test_a_caller_that_gives_up_leaves_the_others_their_answers(line: Line) -> None:
    """Its answer comes and is dropped."""
    await line.send([("PING",)])
    given_up = asyncio.create_task(line.send([("ECHO", "a")]))
    kept = asyncio.create_task(line.send([("ECHO", "b")]))
    await asyncio.sleep(0)
    given_up.cancel()
    assert ["b"] == await kept


async def test_a_line_that_breaks_fails_what_is_under_way_and_comes_back(line: Line, client: Redis) -> None:
    """Nothing is sent twice: whether the server ran it cannot be known."""
    ((connection,), under_way) = await line.send([("CLIENT", "ID")]), asyncio.create_task(line.send([NEVER]))
    await asyncio.sleep(0)
    await client.client_kill_filter(_id=str(connection))
    with pytest.raises(Disconnected):
        await under_way
    assert ["a"] == await line.send([("ECHO", "a")])


async def test_an_answer_that_takes_too_long_breaks_the_line(client: Redis) -> None:
    """What waits behind it fails as well, and the next call goes through a new connection."""
    line = Line(client, timeout=0.5)
    asked: list[object] = await asyncio.gather(line.send([NEVER]), line.send([("ECHO", "a")]), return_exceptions=True)
    assert TookTooLong is type(asked[0])
    assert isinstance(asked[1], (TookTooLong, Disconnected))
    assert ["b"] == await line.send([("ECHO", "b")])
    await line.close()


async def test_a_server_that_is_not_there_is_told_to_all_who_ask() -> None:
    """They wait for one attempt to connect, not for one each."""
    line = Line(Redis.from_url("unix:///nowhere.sock"), timeout=10)
    asked = await asyncio.gather(*(line.send([("PING",)]) for _ in range(CALLERS)), return_exceptions=True)
    assert {Disconnected} == {type(answer) for answer in asked}


async def test_a_server_that_takes_the_call_and_says_nothing_is_given_up(tmp_path: Path) -> None:
    """As one that does not answer later; the half of a connection is not kept."""
    gone = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(-1)
        writer.close()
        gone.set()

    async with await asyncio.start_unix_server(silent, tmp_path / "s"):
        line = Line(Redis.from_url(f"unix://{tmp_path / 's'}"), timeout=0.2)
        with pytest.raises(TookTooLong):
            await line.send([("PING",)])
        await gone.wait()


@asynccontextmanager
async def _before(path: str, context: ssl.SSLContext) -> AsyncIterator[int]:
    """Speak TLS before the server at the Unix socket *path*, and give the port."""

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_PIECE):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_unix_connection(path)
        await asyncio.gather(pour(reader, inner_writer), pour(inner_reader, writer), return_exceptions=True)

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as server:
        yield server.sockets[0].getsockname()[1]


def _certificate(directory: Path) -> tuple[ssl.SSLContext, Path]:
    """Return what a server at `localhost` needs, and the file with the certificate that a client is to trust."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
    certificate = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False).sign(
        key, hashes.SHA256()
    )
    trusted, both = directory / "trusted.pem", directory / "both.pem"
    trusted.write_bytes(certificate.public_bytes(Encoding.PEM))
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    both.write_bytes(secret + trusted.read_bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    return context, trusted
