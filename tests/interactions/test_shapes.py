"""What was said and replied, by the shape of request and response, for every format that clients send."""

from __future__ import annotations

import json
from typing import Any

import pytest

from service.domain.sessions import MessageRole
from service.usecases.interactions.reading import Report, read_interaction

TURNS = [{"role": "user", "content": "One"}, {"role": "assistant", "content": "Two"}, {"role": "user", "content": "Three"}]
SAID = ["user: One", "assistant: Two", "user: Three"]
CHOICE = {"id": "c1", "choices": [{"index": 0, "message": {"role": "assistant", "content": "Four"}}]}
CLAUDE = {
    "id": "m1",
    "type": "message",
    "role": "assistant",
    "content": [{"type": "text", "text": "Four"}],
    "stop_sequence": None,
}
HUMAN = "\n\nHuman: One\n\nAssistant: Two\n\nHuman: Three\n\nAssistant:"
BYTES = json.dumps({"prompt": "Three"}).encode()


def read(request: Any, response: Any = None, **others: Any) -> Any:
    """Return the interaction of a report."""
    report: dict[str, Any] = {"timestamps": None, "session": None, "session_timeout": None, "user": None}
    return read_interaction(Report(format="f", kind="k", request=request, response=response, **{**report, **others}))


def said(request: Any) -> list[str]:
    """Return what was said, each with its speaker."""
    return [f"{each.role}: {each.text}" for each in read(request).said]


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        pytest.param({"messages": TURNS}, SAID, id="openai, anthropic, mistral, perplexity chat"),
        pytest.param({"model": "m", "prompt": HUMAN, "max_tokens_to_sample": 3}, SAID, id="anthropic completion"),
        pytest.param({"prompt": "Three"}, SAID[2:], id="openai completion"),
        pytest.param({"prompt": ["One", "Three"]}, ["user: One", "user: Three"], id="openai completion of several"),
        pytest.param({"prompt": [1, 2, 3]}, [], id="openai completion of tokens"),
        pytest.param({"prompt": "A cat", "n": 1, "size": "256x256"}, ["user: A cat"], id="openai image"),
        pytest.param(
            {"role": "user", "content": [{"type": "text", "text": {"value": "Three", "annotations": []}}], "assistant_id": "a"},
            SAID[2:],
            id="openai assistant",
        ),
        pytest.param({"input": "Three"}, SAID[2:], id="openai responses"),
        pytest.param({"input": TURNS}, SAID, id="openai responses of turns"),
        pytest.param({"modelId": "anthropic.x", "body": json.dumps({"messages": TURNS})}, SAID, id="bedrock"),
        pytest.param({"modelId": "anthropic.x", "body": {"prompt": HUMAN}}, SAID, id="bedrock, an object"),
        pytest.param({"body": {str(i): byte for i, byte in enumerate(BYTES)}}, SAID[2:], id="bedrock, bytes by place"),
        pytest.param({"body": {"type": "Buffer", "data": list(BYTES)}}, SAID[2:], id="bedrock, a buffer"),
        pytest.param({"body": json.dumps({"inputText": "Three"})}, SAID[2:], id="bedrock titan"),
        pytest.param({"body": json.dumps({"textToImageParams": {"text": "A cat"}})}, ["user: A cat"], id="bedrock titan image"),
        pytest.param(
            {"body": json.dumps({"text_prompts": [{"text": "A cat", "weight": 1}, {"text": "A dog", "weight": -1}]})},
            ["user: A cat"],
            id="bedrock stability",
        ),
        pytest.param(
            {"message": "Three", "chat_history": [{"role": "USER", "message": "One"}, {"role": "CHATBOT", "message": "Two"}]},
            SAID,
            id="cohere chat",
        ),
        pytest.param(
            {
                "history": [{"role": "user", "parts": [{"text": "One"}]}, {"role": "model", "parts": [{"text": "Two"}]}],
                "contents": [{"role": "user", "parts": [{"text": "Three"}, {"filename": "x.png"}]}],
            },
            SAID,
            id="gemini chat",
        ),
        pytest.param({"contents": [{"parts": [{"text": ["Th", "ree"]}]}]}, ["user: Th\nree"], id="gemini, text that is a list"),
        pytest.param({"contents": "Three"}, SAID[2:], id="gemini, a text"),
    ],
)
def test_what_was_said(request_: Any, expected: list[str]) -> None:
    """The conversation, in order, with who spoke."""
    assert expected == said(request_)


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        pytest.param(CHOICE, "Four", id="openai, mistral, perplexity chat"),
        pytest.param({"choices": [{"text": " Four"}]}, "Four", id="openai completion"),
        pytest.param({"choices": [{"message": {"content": None, "tool_calls": [{}]}}]}, "", id="openai tool call"),
        pytest.param({"created": 1, "data": ["a.png", "b.png"]}, "[image: a.png]\n[image: b.png]", id="openai image, names"),
        pytest.param({"data": [{"url": "u", "revised_prompt": "A cat."}]}, "[image: A cat.]", id="openai image, addresses"),
        pytest.param({"data": [{"b64_json": "A" * 900, "url": None}]}, "[image]", id="openai image, bytes"),
        pytest.param({"content": [{"type": "text", "text": {"value": "Four"}}], "usage": {}}, "Four", id="openai assistant"),
        pytest.param(
            {"output": [{"type": "reasoning"}, {"type": "message", "content": [{"type": "output_text", "text": "Four"}]}]},
            "Four",
            id="openai responses",
        ),
        pytest.param(CLAUDE, "Four", id="anthropic chat"),
        pytest.param({"completion": " Four", "stop": "\n\nHuman:", "log_id": "l"}, "Four", id="anthropic completion"),
        pytest.param({"requestId": None, "body": {"completion": " Four"}}, "Four", id="bedrock anthropic completion"),
        pytest.param({"body": CLAUDE}, "Four", id="bedrock anthropic chat"),
        pytest.param({"body": {"results": [{"tokenCount": 1, "outputText": "Four"}]}}, "Four", id="bedrock titan"),
        pytest.param({"body": {"completions": [{"data": {"text": "Four"}}]}}, "Four", id="bedrock ai21"),
        pytest.param({"body": {"generations": [{"id": "g", "text": "Four"}]}}, "Four", id="bedrock cohere"),
        pytest.param({"body": {"generation": "Four"}}, "Four", id="bedrock meta"),
        pytest.param({"body": {"outputs": [{"text": "Four"}]}}, "Four", id="bedrock mistral"),
        pytest.param({"body": {"images": [{"filename": "a.png", "seed": None}]}}, "[image: a.png]", id="bedrock image"),
        pytest.param({"text": "Four", "generation_id": "g", "meta": {}}, "Four", id="cohere chat"),
        pytest.param({"generations": [{"text": "Four"}, {"text": "Five"}]}, "Four", id="cohere generate"),
        pytest.param({"candidates": [{"content": {"role": "model", "parts": [{"text": "Four"}]}}]}, "Four", id="gemini"),
        pytest.param("Four", "Four", id="universal, a text"),
        pytest.param(None, "", id="nothing"),
        pytest.param({"id": "x", "object": "stream"}, "", id="a streamed call"),
        pytest.param({"choices": "x", "content": 3}, "", id="nonsense"),
    ],
)
def test_what_was_replied(response: Any, expected: str) -> None:
    """The text of the first answer."""
    assert expected == read({"messages": TURNS}, response).reply


@pytest.mark.parametrize("role", ["system", "developer", "tool", "function", "SYSTEM", "ipython", 7])
def test_only_people_and_models_take_part_in_a_conversation(role: Any) -> None:
    """Instructions and what tools say are not memory."""
    assert SAID == said({"messages": [{"role": role, "content": "Hidden"}, *TURNS], "system": "Hidden"})


def test_parts_that_are_no_text_are_passed_over() -> None:
    """Images, calls of tools and their results."""
    parts = [
        {"type": "image", "source": {"data": "AAAA"}},
        {"type": "tool_result", "content": "Hidden"},
        {"type": "thinking", "thinking": "Hidden", "text": "Hidden"},
        {"type": "text", "text": "Three"},
    ]
    assert SAID[2:] == said({"messages": [{"role": "user", "content": parts}, {"role": "user", "content": parts[:1]}]})


@pytest.mark.parametrize("request_", [{}, None, 3, [], {"messages": 3}, {"body": "{"}, {"body": 7}, {"messages": [None, "", {}]}])
def test_what_has_no_shape_says_nothing(request_: Any) -> None:
    """And is no error."""
    assert [] == said(request_)


def test_the_words_for_it_do_not_matter() -> None:
    """A completion that is called a chat is a completion."""
    report = Report(format="anthropic", kind="chat", timestamps=None, session=None, session_timeout=None, user=None,
                    request={"prompt": HUMAN}, response={"completion": "Four"})  # fmt: skip
    assert (3, "Four") == (len(read_interaction(report).said), read_interaction(report).reply)


def test_a_beginning_that_the_model_goes_on_with_is_part_of_the_reply() -> None:
    """As providers let it be sent at the end of a request."""
    interaction = read({"messages": [*TURNS, {"role": "assistant", "content": "Fo"}]}, "ur")
    assert (3, "Four") == (len(interaction.said), interaction.reply)


def test_credentials_are_not_read() -> None:
    """At whatever depth a client copied them along."""
    hidden = {"api_key": "sk-1", "Authorization": "sk-2", "extra_headers": {"x": "sk-3"}, "organization": "sk-4"}
    request = {
        **hidden,
        "kwargs": {"headers": {"x": "sk-5"}},
        "messages": [{"role": "user", "content": {"text": "Hi", **hidden}}],
    }
    assert "sk-" not in repr(read(request))


@pytest.mark.parametrize(
    ("response", "name"),
    [
        (CHOICE, "c1"), ({"requestId": "r", "body": {"id": "inner"}}, "r"), ({"log_id": "l"}, "l"), ({"response_id": "x"}, "x"),
        ({"generationId": "g"}, "g"), ({"id": None, "generation_id": "h"}, "h"), ({"id": 7}, ""), ("text", ""), (None, ""),
    ],
)  # fmt: skip
def test_an_interaction_has_the_name_that_its_provider_gave(response: Any, name: str) -> None:
    """None where there is none."""
    assert name == read({}, response).name


def test_roles_are_those_of_messages() -> None:
    """So that they can be stored as they are."""
    assert [MessageRole.USER, MessageRole.ASSISTANT, MessageRole.USER] == [each.role for each in read({"messages": TURNS}).said]
