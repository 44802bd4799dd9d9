"""The providers' own SDKs, unchanged but for their base URL, sync and async, streaming and not, with tools and images."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from typing import Any

import anthropic
import openai
import pytest
from aiohttp import web
from google import genai
from google.genai import types

from tests.forward import wire
from tests.forward.conftest import Caller
from tests.forward.provider import Provider, streamed

TEXT = "Nice to meet you, Alice."
PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(200)).decode()
ALICE: Any = [{"role": "user", "content": "I am Alice."}]
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def anthropic_client(caller: Caller) -> anthropic.Anthropic:
    """Return the SDK's client, as its documentation makes it."""
    return anthropic.Anthropic(base_url=caller.base, api_key="sk-ant-1", default_headers=caller.headers, max_retries=0)


def openai_client(caller: Caller) -> openai.OpenAI:
    """Return the SDK's client, as its documentation makes it."""
    return openai.OpenAI(base_url=f"{caller.base}/v1", api_key="sk-1", default_headers=caller.headers, max_retries=0)


def gemini_client(caller: Caller) -> genai.Client:
    """Return the SDK's client, as its documentation makes it."""
    options = types.HttpOptions(base_url=caller.base, headers=caller.headers)
    return genai.Client(api_key="AIza1", http_options=options)


def anthropic_whole(caller: Caller) -> str:
    """Ask without a stream."""
    with anthropic_client(caller) as client:
        message = client.messages.create(model="claude-sonnet-5-5", max_tokens=9, messages=ALICE)
        return "".join(block.text for block in message.content if block.type == "text")


def anthropic_stream(caller: Caller) -> str:
    """Ask with a stream, and let the SDK put it together."""
    with (
        anthropic_client(caller) as client,
        client.messages.stream(model="claude-sonnet-5-5", max_tokens=9, messages=ALICE) as stream,
    ):
        return stream.get_final_text()


def chat_whole(caller: Caller) -> str | None:
    """Ask without a stream."""
    with openai_client(caller) as client:
        return client.chat.completions.create(model="gpt-5", messages=ALICE).choices[0].message.content


def chat_stream(caller: Caller) -> str:
    """Ask with a stream."""
    with openai_client(caller) as client:
        stream: Any = client.chat.completions.create(model="gpt-5", messages=ALICE, stream=True)
        return "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)


def responses_whole(caller: Caller) -> str:
    """Ask without a stream."""
    with openai_client(caller) as client:
        return client.responses.create(model="gpt-5", input="I am Alice.").output_text


def responses_stream(caller: Caller) -> str:
    """Ask with a stream, and let the SDK put it together."""
    with openai_client(caller) as client, client.responses.stream(model="gpt-5", input="I am Alice.") as stream:
        return stream.get_final_response().output_text


def gemini_whole(caller: Caller) -> str | None:
    """Ask without a stream."""
    with gemini_client(caller) as client:
        return client.models.generate_content(model="gemini-3", contents="I am Alice.").text


def gemini_stream(caller: Caller) -> str:
    """Ask with a stream."""
    with gemini_client(caller) as client:
        return "".join(
            piece.text or "" for piece in client.models.generate_content_stream(model="gemini-3", contents="I am Alice.")
        )


async def anthropic_async(caller: Caller) -> str:
    """Ask with a stream, asynchronously."""
    client = anthropic.AsyncAnthropic(base_url=caller.base, api_key="sk-ant-1", default_headers=caller.headers)
    async with client, client.messages.stream(model="claude-sonnet-5-5", max_tokens=9, messages=ALICE) as stream:
        return await stream.get_final_text()


async def chat_async(caller: Caller) -> str:
    """Ask with a stream, asynchronously."""
    async with openai.AsyncOpenAI(base_url=f"{caller.base}/v1", api_key="sk-1", default_headers=caller.headers) as client:
        stream: Any = await client.chat.completions.create(model="gpt-5", messages=ALICE, stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])


async def responses_async(caller: Caller) -> str:
    """Ask without a stream, asynchronously."""
    async with openai.AsyncOpenAI(base_url=f"{caller.base}/v1", api_key="sk-1", default_headers=caller.headers) as client:
        return (await client.responses.create(model="gpt-5", input="I am Alice.")).output_text


async def gemini_async(caller: Caller) -> str:
    """Ask with a stream, asynchronously."""
    client = gemini_client(caller)
    async with client.aio as asynchronous:
        stream = await asynchronous.models.generate_content_stream(model="gemini-3", contents="I am Alice.")
        answer = "".join([piece.text or "" async for piece in stream])
    client.close()
    return answer


SYNC = [
    anthropic_whole,
    anthropic_stream,
    chat_whole,
    chat_stream,
    responses_whole,
    responses_stream,
    gemini_whole,
    gemini_stream,
]
ASYNC = [anthropic_async, chat_async, responses_async, gemini_async]


@pytest.mark.parametrize("ask", SYNC)
async def test_a_synchronous_client_gets_its_answer(caller: Caller, ask: Callable[[Caller], str]) -> None:
    """The provider's words, as the SDK gives them."""
    assert await asyncio.to_thread(ask, caller) == TEXT


# the Gemini SDK derives a class from one of aiohttp's
@pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession")
@pytest.mark.parametrize("ask", ASYNC)
async def test_an_asynchronous_client_gets_its_answer(caller: Caller, ask: Callable[[Caller], Any]) -> None:
    """The provider's words, as the SDK gives them."""
    assert await ask(caller) == TEXT


async def test_the_provider_sees_the_client_and_not_us(caller: Caller) -> None:
    """Its own credential and version arrive; nothing of ours, and no trace of a proxy."""
    await asyncio.to_thread(anthropic_whole, caller)
    heard = caller.provider.last
    assert "sk-ant-1" in "".join(heard.header("authorization") + heard.header("x-api-key"))
    assert heard.header("anthropic-version")
    assert heard.header("host") == [caller.provider.origin.removeprefix("http://")]
    assert not [name for name, _ in heard.headers if name.lower().startswith(("x-recallr", "x-forwarded", "via"))]
    assert caller.api_key not in str(heard.headers) + heard.path + heard.body.decode()


async def test_anthropic_calls_tools(caller: Caller, provider: Provider) -> None:
    """Tools go out and a call comes back, in a stream."""
    tool = {"name": "weather", "input": {"city": "Rome"}}

    async def call(request: Any) -> Any:
        events = wire.anthropic_events("", stop="tool_use")
        place = {"type": "content_block_start", "index": 2, "content_block": {"type": "tool_use", "id": "t", **tool, "input": {}}}
        json = {
            "type": "content_block_delta",
            "index": 2,
            "delta": {"type": "input_json_delta", "partial_json": '{"city":"Rome"}'},
        }
        return await streamed(
            request, wire.sse([*events[:-2], place, json, {"type": "content_block_stop", "index": 2}, *events[-2:]], named=True)
        )

    provider.answer = call
    tools: Any = [{"name": "weather", "input_schema": WEATHER, "cache_control": {"type": "ephemeral"}}]

    def ask() -> Any:
        with (
            anthropic_client(caller) as client,
            client.messages.stream(model="claude-sonnet-5-5", max_tokens=9, messages=ALICE, tools=tools) as stream,
        ):
            return stream.get_final_message()

    message = await asyncio.to_thread(ask)
    assert (message.stop_reason, message.content[-1].name, message.content[-1].input) == ("tool_use", "weather", {"city": "Rome"})
    assert provider.last.json["tools"] == tools


async def test_openai_calls_tools(caller: Caller, provider: Provider) -> None:
    """Tools go out and a call comes back."""
    calls = [{"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Rome"}'}}]

    async def call(_request: Any) -> Any:
        return web.json_response(wire.chat(None, finish="tool_calls", tool_calls=calls))

    provider.answer = call
    tools: Any = [{"type": "function", "function": {"name": "weather", "parameters": WEATHER}}]

    def ask() -> Any:
        with openai_client(caller) as client:
            return client.chat.completions.create(model="gpt-5", messages=ALICE, tools=tools)

    choice = (await asyncio.to_thread(ask)).choices[0]
    assert (choice.finish_reason, choice.message.tool_calls[0].function.arguments) == ("tool_calls", '{"city":"Rome"}')
    assert provider.last.json["tools"] == tools


async def test_responses_call_tools(caller: Caller, provider: Provider) -> None:
    """A function call comes back as an item of its own."""

    async def call(_request: Any) -> Any:
        return web.json_response(wire.response("", call={"name": "weather", "arguments": "{}"}))

    provider.answer = call
    tools: Any = [{"type": "function", "name": "weather", "parameters": WEATHER, "strict": False}]

    def ask() -> Any:
        with openai_client(caller) as client:
            return client.responses.create(model="gpt-5", input="I am Alice.", tools=tools)

    assert [item.type for item in (await asyncio.to_thread(ask)).output] == ["reasoning", "function_call"]


async def test_gemini_calls_tools(caller: Caller, provider: Provider) -> None:
    """Tools go out and a call comes back."""

    async def call(_request: Any) -> Any:
        return web.json_response(wire.gemini("", call={"name": "weather", "args": {"city": "Rome"}}))

    provider.answer = call
    function = types.FunctionDeclaration(name="weather", parameters_json_schema=WEATHER)
    config = types.GenerateContentConfig(tools=[types.Tool(function_declarations=[function])])

    def ask() -> Any:
        with gemini_client(caller) as client:
            return client.models.generate_content(model="gemini-3", contents="I am Alice.", config=config)

    calls = (await asyncio.to_thread(ask)).function_calls
    assert [(each.name, each.args) for each in calls] == [("weather", {"city": "Rome"})]
    assert provider.last.json["tools"]


async def test_images_arrive_as_they_were_sent(caller: Caller, provider: Provider) -> None:
    """In the message that holds them, with every API."""
    source = {"type": "base64", "media_type": "image/png", "data": PIXEL}
    url = f"data:image/png;base64,{PIXEL}"
    anthropic_content: Any = [{"type": "image", "source": source}, {"type": "text", "text": "What is this?"}]
    chat_content: Any = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": "What is this?"}]
    input_content: Any = [{"type": "input_image", "image_url": url, "detail": "auto"}, {"type": "input_text", "text": "What?"}]

    def ask() -> None:
        with anthropic_client(caller) as client:
            client.messages.create(model="m", max_tokens=9, messages=[{"role": "user", "content": anthropic_content}])
        with openai_client(caller) as other:
            other.chat.completions.create(model="m", messages=[{"role": "user", "content": chat_content}])
            other.responses.create(model="m", input=[{"role": "user", "content": input_content}])
        with gemini_client(caller) as third:
            part = types.Part.from_bytes(data=base64.b64decode(PIXEL), mime_type="image/png")
            third.models.generate_content(model="gemini-3", contents=[part, "What is this?"])

    await asyncio.to_thread(ask)
    bodies = [heard.json for heard in provider.heard]
    assert bodies[0]["messages"][0]["content"] == anthropic_content
    assert chat_content in [message["content"] for message in bodies[1]["messages"]]
    assert bodies[2]["input"][0]["content"] == input_content
    assert PIXEL in str(bodies[3]["contents"][0]).replace("-", "+").replace("_", "/")


async def test_tokens_are_counted_with_the_memory(caller: Caller, provider: Provider) -> None:
    """The count sees the system prompt that the message will have, and is no turn."""

    def ask() -> int:
        with anthropic_client(caller) as client:
            return client.messages.count_tokens(model="claude-sonnet-5-5", messages=ALICE).input_tokens

    assert await asyncio.to_thread(ask) == len(provider.last.body)
    assert provider.last.json["system"]
    assert await caller.stored() == []


async def test_the_sdk_reads_our_errors(caller: Caller) -> None:
    """A wrong key is the SDK's own kind of error, with our words in it."""
    headers = {**caller.headers, "X-Recallr-API-Key": "rai_wrong"}

    def ask_anthropic() -> Exception:
        with anthropic.Anthropic(base_url=caller.base, api_key="k", default_headers=headers) as client:
            with pytest.raises(anthropic.AuthenticationError) as caught:
                client.messages.create(model="m", max_tokens=9, messages=ALICE)
            return caught.value

    def ask_openai() -> Exception:
        with openai.OpenAI(base_url=f"{caller.base}/v1", api_key="k", default_headers=headers) as client:
            with pytest.raises(openai.AuthenticationError) as caught:
                client.chat.completions.create(model="m", messages=ALICE)
            return caught.value

    def ask_gemini() -> Exception:
        options = types.HttpOptions(base_url=caller.base, headers=headers)
        with genai.Client(api_key="k", http_options=options) as client:
            with pytest.raises(genai.errors.ClientError) as caught:
                client.models.generate_content(model="gemini-3", contents="I am Alice.")
            return caught.value

    for ask in (ask_anthropic, ask_openai, ask_gemini):
        assert "Invalid API key or project id" in str(await asyncio.to_thread(ask))
