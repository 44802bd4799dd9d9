"""Replies are read beside the relay, however the bytes are cut, and never more of them than is held."""

from __future__ import annotations

import gzip
import zlib
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.forward import tee as tee_module
from gateway.forward.conversation import MAX_TEXT_BYTES
from gateway.forward.reply import Ending, Reply
from gateway.forward.sse import EventParser, EventTooLong
from gateway.forward.tee import KEPT_BYTES, Tee
from gateway.forward.upstreams import UPSTREAMS
from gateway.forward.upstreams.base import Upstream
from tests.forward import wire

SAID = 'Olá, world: 中文 \U0001f600 {["\n\n data: x'
STREAMS = {
    "anthropic_messages": wire.sse(wire.anthropic_events(SAID), named=True),
    "openai_chat": wire.sse(wire.chat_events(SAID), done=True),
    "openai_responses": wire.sse(wire.response_events(SAID), named=True),
    "gemini": wire.sse(wire.gemini_events(SAID)),
}
WHOLES = {
    "anthropic_messages": wire.anthropic(SAID),
    "openai_chat": wire.chat(SAID),
    "openai_responses": wire.response(SAID),
    "gemini": wire.gemini(SAID),
}
BY_NAME = {upstream.name: upstream for upstream in UPSTREAMS}
CALL = {"name": "w", "arguments": "{}"}
EVENT_STREAM = b"text/event-stream; charset=utf-8"


def read(name: str, chunks: list[bytes], *, content_type: bytes = EVENT_STREAM, encoding: bytes = b"") -> Reply:
    """Return the reply that is read from *chunks*."""
    tee = Tee(BY_NAME[name], content_type=content_type, encoding=encoding)
    for chunk in chunks:
        tee.feed(chunk)
    return tee.finish()


COMPLETE = Reply(text=SAID, ending=Ending.COMPLETE)


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_cut_at_every_byte(name: str, line_end: bytes) -> None:
    """In two pieces, at each place there is."""
    whole = b"".join(STREAMS[name]).replace(b"\n", line_end)
    assert {read(name, [whole[:at], whole[at:]]) for at in range(len(whole) + 1)} == {COMPLETE}


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_one_byte_at_a_time(name: str) -> None:
    """As many pieces as bytes."""
    whole = b"".join(STREAMS[name])
    assert read(name, [bytes([byte]) for byte in whole]) == COMPLETE


@pytest.mark.parametrize("name", WHOLES)
def test_a_whole_answer(name: str) -> None:
    """The text of an answer that is no stream."""
    body = orjson.dumps(WHOLES[name])
    assert read(name, [body[:40], body[40:]], content_type=b"application/json") == COMPLETE


def test_a_gemini_stream_without_sse_is_an_array() -> None:
    """Of the same pieces."""
    assert read("gemini", [orjson.dumps(wire.gemini_events(SAID))], content_type=b"application/json") == COMPLETE


@pytest.mark.parametrize(("encoding", "pack"), [(b"gzip", gzip.compress), (b"deflate", zlib.compress)])
def test_a_compressed_stream(encoding: bytes, pack: Any) -> None:
    """Is unpacked as it comes."""
    packed = pack(b"".join(STREAMS["openai_chat"]))
    assert read("openai_chat", [packed[:30], packed[30:]], encoding=encoding) == COMPLETE


def test_a_small_bomb_is_given_up() -> None:
    """64 MiB of nothing in 64 KiB cost no more memory than is held."""
    tee = Tee(BY_NAME["openai_chat"], content_type=EVENT_STREAM, encoding=b"gzip")
    tee.feed(gzip.compress(b"data: " + bytes(64 * 1024 * 1024)))
    assert (tee.lost, tee.finish().truncated) == (True, True)


def test_an_event_that_is_too_long_is_given_up() -> None:
    """What was read before it is kept."""
    frames = STREAMS["openai_chat"]
    tee = Tee(BY_NAME["openai_chat"], content_type=EVENT_STREAM, encoding=b"")
    tee.feed(b"".join(frames[:2]))
    tee.feed(b"data: " + b"x" * KEPT_BYTES)
    tee.feed(b"".join(frames[2:]))
    assert tee.finish() == Reply(text=wire.pieces(SAID)[0], ending=Ending.UNFINISHED, truncated=True)


def test_a_reply_that_is_too_long_is_cut() -> None:
    """Between two characters."""
    events = wire.chat_events("é" * MAX_TEXT_BYTES)
    reply = read("openai_chat", [*wire.sse(events)])
    assert (reply.text, reply.truncated, reply.ending) == ("é" * (MAX_TEXT_BYTES // 2), True, Ending.COMPLETE)


@pytest.mark.parametrize(
    ("name", "chunks", "ending"),
    [
        ("anthropic_messages", wire.sse(wire.anthropic_events("x", stop="tool_use")), Ending.TOOLS),
        ("anthropic_messages", wire.sse(wire.anthropic_events("x", stop="pause_turn")), Ending.TOOLS),
        ("anthropic_messages", wire.sse(wire.anthropic_events("x", stop="max_tokens")), Ending.COMPLETE),
        ("anthropic_messages", wire.sse(wire.anthropic_events("x", stop="refusal")), Ending.REFUSED),
        ("anthropic_messages", wire.sse(wire.anthropic_events("x", stop="something_new")), Ending.COMPLETE),
        ("anthropic_messages", wire.sse([*wire.anthropic_events("x")[:-1]]), Ending.UNFINISHED),
        ("anthropic_messages", wire.sse([{"type": "error", "error": {}}]), Ending.FAILED),
        ("openai_chat", wire.sse(wire.chat_events("x", finish="length")), Ending.COMPLETE),
        ("openai_chat", wire.sse(wire.chat_events("x", finish="tool_calls")), Ending.TOOLS),
        ("openai_chat", wire.sse(wire.chat_events("x", finish="content_filter")), Ending.REFUSED),
        ("openai_chat", wire.sse([{"error": {"message": "no"}}]), Ending.FAILED),
        ("openai_chat", wire.sse(wire.chat_events("x")[:2]), Ending.UNFINISHED),
        ("openai_responses", wire.sse(wire.response_events("x")[:-1]), Ending.UNFINISHED),
        ("openai_responses", wire.sse([{"type": "response.failed", "response": {}}]), Ending.FAILED),
        ("openai_responses", wire.sse([{"type": "response.completed", "response": wire.response("", call=CALL)}]), Ending.TOOLS),
        ("openai_responses", wire.sse([{"type": "response.incomplete", "response": wire.response("x")}]), Ending.COMPLETE),
        ("gemini", wire.sse([wire.gemini("x", finish="MAX_TOKENS")]), Ending.COMPLETE),
        ("gemini", wire.sse([wire.gemini("x", finish="SAFETY")]), Ending.REFUSED),
        ("gemini", wire.sse([wire.gemini("x", call={"name": "w", "args": {}})]), Ending.TOOLS),
        ("gemini", wire.sse([{"promptFeedback": {"blockReason": "OTHER"}}]), Ending.REFUSED),
        ("gemini", wire.sse([wire.gemini("x", finish=None)]), Ending.UNFINISHED),
    ],
)
def test_how_a_stream_ends(name: str, chunks: list[bytes], ending: Ending) -> None:
    """By the provider's own word for it."""
    assert read(name, chunks).ending is ending


@pytest.mark.parametrize("upstream", UPSTREAMS, ids=lambda upstream: upstream.name)
@given(
    value=st.recursive(
        st.none() | st.integers() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["type", "delta", "choices", "content", "candidates", "parts", "output", "response", "index", "text"]
                ),
                inner,
                max_size=3,
            )
        ),
        max_leaves=12,
    )
)
def test_no_event_is_too_strange(upstream: Upstream, value: Any) -> None:
    """Whatever JSON comes, reading goes on."""
    reader = upstream.reader()
    reader.take(value)
    assert isinstance(reader.reply(), Reply)
    assert isinstance(upstream.read_answer(value), Reply)


def test_the_data_of_an_event_may_have_several_lines() -> None:
    """Joined by line ends; comments, ids and other fields are passed over."""
    parser = EventParser(1000)
    assert parser.feed(b": hello\nid: 1\nretry: 5\ndata: a\ndata:b\n\ndata\n\n") == [b"a\nb"]


def test_a_stream_may_end_without_a_blank_line() -> None:
    """The last event counts."""
    parser = EventParser(1000)
    assert (parser.feed(b"data: a\n"), parser.inside_event, parser.finish()) == ([], True, [b"a"])


def test_a_parser_holds_no_more_than_its_limit() -> None:
    """Over many lines of one event as over one."""
    parser = EventParser(100)
    for _ in range(10):
        parser.feed(b"data: 0123456789\n")
    with pytest.raises(EventTooLong):
        parser.feed(b"data: 0123456789\n")


def test_what_is_held_is_bounded() -> None:
    """A whole answer that is too long is given up."""
    tee = Tee(BY_NAME["gemini"], content_type=b"application/json", encoding=b"")
    for _ in range(tee_module.KEPT_BYTES // 65536 + 1):
        tee.feed(bytes(65536))
    assert tee.lost
