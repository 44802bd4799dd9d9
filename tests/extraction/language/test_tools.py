"""Models that call tools: the requests that the SDKs send, and what becomes of every kind of answer."""

from __future__ import annotations

from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry

from service.domain.ports.models import Ending, ModelRejected, ModelUnavailable
from service.domain.ports.tools import Tool, ToolCall, ToolHop, ToolModel, ToolQuestion, ToolResult
from tests.extraction.language.conftest import Watch
from tests.extraction.language.provider import Provider, Reply, breaks_off, calls, fails, says, sends

WEATHER = Tool(
    name="weather",
    description="Tell the weather.",
    schema={"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"], "additionalProperties": False},
)
QUESTION = ToolQuestion(step="plan", system="You plan.", text="Shall I swim?", tools=(WEATHER,), max_output_tokens=500)


@pytest.fixture
def tool_model(model: object) -> ToolModel:
    """Return the model as one that calls tools."""
    assert hasattr(model, "call")
    return model  # type: ignore[return-value]  # it is both


async def test_the_tools_arrive_as_they_were_offered(tool_model: ToolModel, provider: Provider) -> None:
    """Name, schema, what is told and asked, and the limit, in the provider's own format."""
    provider.then(says("No."))
    await tool_model.call(QUESTION)
    (heard,) = provider.heard
    assert {"weather": WEATHER.schema} == heard.tools
    assert ("You plan.", [("user", "Shall I swim?")], 500) == (heard.system, heard.turns, heard.body["max_tokens"])


async def test_calls_are_read(tool_model: ToolModel, provider: Provider) -> None:
    """Each with its id, name and arguments, beside the words and the tokens."""
    provider.then(calls(("weather", {"place": "Oslo"}), ("weather", {"place": "Rome"}), text="Let me look."))
    answer = await tool_model.call(QUESTION)
    assert [("weather", {"place": "Oslo"}), ("weather", {"place": "Rome"})] == [(one.name, one.arguments) for one in answer.calls]
    assert 2 == len({call.call_id for call in answer.calls})
    assert ("Let me look.", Ending.COMPLETE, 100, 20) == (answer.text, answer.ending, answer.input_tokens, answer.output_tokens)


async def test_results_go_back_with_the_calls_that_they_belong_to(tool_model: ToolModel, provider: Provider) -> None:
    """The whole dialogue is sent again: what the model said, thoughts included where there were any, then each result."""
    provider.then(calls(("weather", {"place": "Oslo"}), ("weather", "nonsense")), says("Yes."))
    answer = await tool_model.call(QUESTION)
    results = [
        ToolResult(call_id=call.call_id, text=f"no. {place}", failed=bool(place)) for place, call in enumerate(answer.calls)
    ]
    final = await tool_model.call(replace(QUESTION, hops=(ToolHop(answer=answer, results=tuple(results)),)))
    first, second = answer.calls
    heard = provider.heard[-1]
    assert [(first.call_id, "no. 0"), (second.call_id, "no. 1")] == heard.results
    said = next(turn for turn in heard.body["messages"] if turn["role"] == "assistant")
    if heard.path.endswith("/messages"):
        assert ["thinking", "tool_use", "tool_use"] == [block["type"] for block in said["content"] if block.get("text") != ""]
        assert [False, True] == [block["is_error"] for block in heard.body["messages"][-1]["content"]]
    else:
        assert [first.call_id, second.call_id] == [call["id"] for call in said["tool_calls"]]
    assert ("Yes.", ()) == (final.text, final.calls)


async def test_arguments_that_are_no_object_are_none(tool_model: ToolModel, provider: Provider) -> None:
    """Whatever else the model writes there."""
    provider.then(calls(("weather", "{nonsense"), ("weather", [1])))
    answer = await tool_model.call(QUESTION)
    assert [None, None] == [call.arguments for call in answer.calls]


async def test_calls_that_are_none_are_left_out(tool_model: ToolModel, provider: Provider) -> None:
    """A call without a name or arguments is a call that no tool answers; what is no call at all is passed over."""
    message = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "call_1", "type": "function"}, {"type": "custom"}, None],
    }
    completion = {"id": "1", "object": "chat.completion", "choices": [{"index": 0, "finish_reason": "stop", "message": message}]}
    blocks = [{"type": "tool_use", "id": "toolu_1"}, {"type": "image"}]
    usage = {"input_tokens": 1, "output_tokens": 1}
    whole = {"id": "1", "type": "message", "role": "assistant", "content": blocks, "stop_reason": "tool_use", "usage": usage}
    provider.then(sends_json(whole if tool_model.name.startswith("anthropic") else completion))
    answer = await tool_model.call(QUESTION)
    assert all(not call.name and not call.arguments for call in answer.calls)


def sends_json(body: object) -> Reply:
    """Answer 200 with *body*."""
    import json  # noqa: PLC0415

    return sends(json.dumps(body))


@pytest.mark.parametrize(
    "reply",
    [fails(429), fails(500), breaks_off, sends("{nonsense"), sends("{}")],
    ids=["429", "500", "closed", "broken", "empty"],
)
async def test_what_may_pass_is_tried_again(tool_model: ToolModel, provider: Provider, watch: Watch, reply: Reply) -> None:
    """As for any other question."""
    provider.then(reply, calls(("weather", {})))
    assert [ToolCall] == [type(call) for call in (await tool_model.call(QUESTION)).calls]
    assert 1 == len(watch.pauses)


async def test_what_is_hopeless_is_not_tried_again(tool_model: ToolModel, provider: Provider) -> None:
    """A key that is refused stays refused."""
    provider.always = fails(401)
    with pytest.raises(ModelRejected, match="401"):
        await tool_model.call(QUESTION)
    assert 1 == len(provider.heard)


async def test_a_server_that_is_away_gives_no_answer(tool_model: ToolModel, provider: Provider) -> None:
    """After the attempts that a question has."""
    provider.always = fails(503)
    with pytest.raises(ModelUnavailable, match="503"):
        await tool_model.call(QUESTION)


async def test_tokens_are_counted_and_priced(tool_model: ToolModel, provider: Provider, watch: Watch) -> None:
    """By model and direction, under the step's own name."""
    provider.then(calls(("weather", {}), tokens=(1_000_000, 100_000)))
    await tool_model.call(QUESTION)
    name, registry = {"model": tool_model.name}, watch.registry
    assert isinstance(registry, CollectorRegistry)
    assert (1_000_000, 100_000) == tuple(
        registry.get_sample_value("mneme_model_tokens_total", {**name, "direction": way}) for way in ("input", "output")
    )
    assert 3.0 == registry.get_sample_value("mneme_model_cost_total", name)
    assert 1 == registry.get_sample_value("mneme_model_seconds_count", {**name, "step": "plan", "outcome": "complete"})
