"""Language models: the requests that the SDKs send and what becomes of every kind of answer."""

from __future__ import annotations

import asyncio
import json
import sys
import traceback
from collections.abc import Callable
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry
from structlog.tracebacks import ExceptionDictTransformer

from service.domain.ports.models import (
    Ending,
    LanguageModel,
    ModelOverfull,
    ModelQuestion,
    ModelRejected,
    ModelTurn,
    ModelUnavailable,
)
from service.domain.sessions import MessageRole
from service.models.language import ExtraMissing, ModelChoice, open_language_model
from service.models.language.failures import failure
from service.models.language.patient import ATTEMPTS, ModelMetrics, PatientModel
from tests.extraction.language.conftest import CANARY, Watch, choice_of
from tests.extraction.language.provider import Provider, Reply, breaks_off, fails, nothing, says, sends

QUESTION = ModelQuestion(
    step="greet",
    system="You greet.",
    turns=(
        ModelTurn(role=MessageRole.USER, text="Greet Rex."),
        ModelTurn(role=MessageRole.ASSISTANT, text="No."),
        ModelTurn(role=MessageRole.USER, text="Do."),
    ),
    schema={
        "type": "object",
        "properties": {"greeting": {"type": "string"}},
        "required": ["greeting"],
        "additionalProperties": False,
    },
    max_output_tokens=500,
)


async def test_a_question_arrives_as_it_was_asked(model: LanguageModel, provider: Provider) -> None:
    """System, turns, schema, limit and model, in the provider's own format."""
    provider.then(says({"greeting": "Hi, Rex."}))
    await model.answer(QUESTION)
    (heard,) = provider.heard
    assert "You greet." == heard.system
    assert [("user", "Greet Rex."), ("assistant", "No."), ("user", "Do.")] == heard.turns
    assert QUESTION.schema == heard.schema
    assert (500, "some-model") == (heard.body["max_tokens"], heard.body["model"])


async def test_the_key_is_sent_as_the_provider_wants_it(model: LanguageModel, provider: Provider) -> None:
    """In the header that it documents."""
    provider.then(says("{}"))
    await model.answer(QUESTION)
    headers = {name.lower(): value for name, value in provider.heard[0].headers.items()}
    assert CANARY == (headers["x-api-key"] if "x-api-key" in headers else headers["authorization"].removeprefix("Bearer "))


@pytest.mark.parametrize(
    ("ending", "expected"), [("end", Ending.COMPLETE), ("length", Ending.TRUNCATED), ("refusal", Ending.REFUSED)]
)
async def test_an_answer_says_how_it_ended(model: LanguageModel, provider: Provider, ending: str, expected: Ending) -> None:
    """Whole, cut off or refused; thoughts are no part of its text."""
    provider.then(says("Hi, Rex.", ending=ending))
    answer = await model.answer(QUESTION)
    assert ("Hi, Rex.", expected, 100, 20) == (answer.text, answer.ending, answer.input_tokens, answer.output_tokens)


@pytest.mark.parametrize(
    "reply",
    [
        fails(429),
        fails(500),
        fails(503),
        fails(529),
        breaks_off,
        sends("<html>busy</html>", "text/html"),
        sends("{nonsense"),
        sends("{}"),
        sends("null"),
    ],
    ids=["429", "500", "503", "529", "closed", "page", "broken", "empty", "null"],
)
async def test_what_may_pass_is_tried_again(model: LanguageModel, provider: Provider, watch: Watch, reply: Reply) -> None:
    """Later and later."""
    provider.then(reply, reply, says("Hi, Rex."))
    assert "Hi, Rex." == (await model.answer(QUESTION)).text
    first, second = watch.pauses
    assert 0.75 <= first <= 1.25
    assert 1.5 <= second <= 2.5


async def test_attempts_are_bounded(model: LanguageModel, provider: Provider, watch: Watch) -> None:
    """The last failure is the one that is told."""
    provider.always = fails(500)
    with pytest.raises(ModelUnavailable, match=r"HTTP 500: .*out of order"):
        await model.answer(QUESTION)
    assert (ATTEMPTS, ATTEMPTS - 1) == (len(provider.heard), len(watch.pauses))


@pytest.mark.parametrize(
    "headers",
    [
        {"retry-after": "7"},
        {"retry-after-ms": "7000"},
        {"retry-after": "Wed, 08 May 2024 10:00:07 GMT", "date": "Wed, 08 May 2024 10:00:00 GMT"},
    ],
    ids=["seconds", "milliseconds", "date"],
)
async def test_a_provider_says_how_long_to_wait(
    model: LanguageModel, provider: Provider, watch: Watch, headers: dict[str, str]
) -> None:
    """And is heeded."""
    provider.then(fails(429, headers=headers), says("Hi, Rex."))
    await model.answer(QUESTION)
    assert [7.0] == watch.pauses


async def test_nobody_waits_for_an_hour(model: LanguageModel, provider: Provider, watch: Watch) -> None:
    """A provider that wants that much is left alone; the job comes back later."""
    provider.then(fails(429, headers={"retry-after": "3600"}))
    with pytest.raises(ModelUnavailable) as caught:
        await model.answer(QUESTION)
    assert (timedelta(hours=1), []) == (caught.value.retry_after, watch.pauses)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (fails(400, "messages: field required"), ModelRejected),
        (fails(401, "invalid x-api-key"), ModelRejected),
        (fails(404, "no such model"), ModelRejected),
        (fails(429, "You exceeded your current quota", code="insufficient_quota"), ModelRejected),
        (fails(400, "prompt is too long: 210000 tokens > 200000 maximum"), ModelOverfull),
        (fails(400, "This model's maximum context length is 8192 tokens", code="context_length_exceeded"), ModelOverfull),
        (fails(413, "request too large"), ModelOverfull),
    ],
    ids=["bad", "key", "model", "quota", "prompt", "context", "large"],
)
async def test_what_will_not_pass_is_not_tried_again(
    model: LanguageModel, provider: Provider, watch: Watch, reply: Reply, expected: type[Exception]
) -> None:
    """One request, one typed error."""
    provider.then(reply)
    with pytest.raises(expected):
        await model.answer(QUESTION)
    assert [] == watch.pauses


@pytest.mark.parametrize("name", ["anthropic", "openai"])
async def test_a_slow_answer_is_given_up(name: str, provider: Provider, watch: Watch) -> None:
    """After the timeout; the next attempt may be quicker."""
    timeout = timedelta(seconds=1)
    provider.then(nothing, says("Hi, Rex."))
    async with open_language_model(choice_of(name, provider, timeout=timedelta(seconds=30))) as opened:
        patient = PatientModel(
            opened, timeout=timeout, max_concurrency=1, metrics=ModelMetrics(watch.registry), sleep=watch.sleep
        )
        assert "Hi, Rex." == (await patient.answer(QUESTION)).text
    assert 1 == watch.registry.get_sample_value(
        "mneme_model_seconds_count", {"model": f"{name}:some-model", "step": "greet", "outcome": "timeout"}
    )


@pytest.mark.parametrize("name", ["anthropic", "openai"])
async def test_the_sdk_itself_gives_up_on_silence(name: str, provider: Provider) -> None:
    """Its timeout is the configured one."""
    provider.always = nothing
    async with open_language_model(choice_of(name, provider, timeout=timedelta(milliseconds=300))) as opened:
        with pytest.raises(ModelUnavailable, match="Timeout"):
            await opened.answer(QUESTION)


async def test_only_so_many_questions_are_asked_at_once(model: LanguageModel, provider: Provider) -> None:
    """Two, in these tests."""
    running, most, two = 0, 0, asyncio.Event()

    async def counted(request: object, heard: object) -> object:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == 2:
            two.set()
        await two.wait()
        # gives a third every chance to arrive
        for _ in range(50):
            await asyncio.sleep(0)
        running -= 1
        return await says("Hi, Rex.")(request, heard)  # type: ignore[arg-type]  # passed on as they came

    provider.always = counted  # type: ignore[assignment]  # the same
    await asyncio.gather(*(model.answer(QUESTION) for _ in range(6)))
    assert (6, 2) == (len(provider.heard), most)


async def test_tokens_and_cost_are_counted(model: LanguageModel, provider: Provider, watch: Watch) -> None:
    """At the prices of the settings: 2 and 10 for a million."""
    provider.then(says("Hi, Rex.", tokens=(3000, 500)))
    await model.answer(QUESTION)
    value = watch.registry.get_sample_value
    assert 3000 == value("mneme_model_tokens_total", {"model": model.name, "direction": "input"})
    assert 500 == value("mneme_model_tokens_total", {"model": model.name, "direction": "output"})
    assert pytest.approx(0.011) == value("mneme_model_cost_total", {"model": model.name})


@pytest.mark.parametrize(
    "reply",
    [fails(401, f"Incorrect API key provided: {CANARY}"), fails(500, f"cannot authorise Bearer {CANARY}"), breaks_off],
    ids=["rejected", "unavailable", "closed"],
)
async def test_no_error_holds_the_key(model: LanguageModel, provider: Provider, reply: Reply) -> None:
    """Not even when the provider repeats it, and not in what the error comes from."""
    provider.always = reply
    with pytest.raises((ModelRejected, ModelUnavailable)) as caught:
        await model.answer(QUESTION)
    error = caught.value
    logged = ExceptionDictTransformer(show_locals=False)((type(error), error, error.__traceback__))
    assert CANARY not in f"{error!r} {traceback.format_exception(error)} {logged}"


@pytest.mark.parametrize(
    ("said", "api_key"),
    [
        ("wrong key: hunter2-canary", "hunter2-canary"),
        ("wrong key: sk-proj-of-somebody-canary", "another"),
        ("wrong header: Bearer canary", None),
    ],
)
def test_keys_of_every_kind_are_taken_out(said: str, api_key: str | None) -> None:
    """Ours whatever it looks like, and what looks like one."""
    assert "HTTP 401: wrong" in str(failure(401, said, {}, api_key=api_key))
    assert "canary" not in str(failure(401, said, {}, api_key=api_key))


async def test_a_choice_does_not_show_its_key(provider: Provider) -> None:
    """It may be logged."""
    assert CANARY not in repr(choice_of("openai", provider))


@pytest.mark.parametrize("name", ["gemini:some-model", "openai", "openai:", ":gpt", ""])
def test_a_model_is_named_by_its_provider(name: str) -> None:
    """And by one that there is."""
    with pytest.raises(ValueError, match="provider:model"):
        ModelChoice.parse(name, base_url=None, api_key="key", timeout=timedelta(seconds=1))


def test_a_provider_wants_a_key() -> None:
    """Only a server of one's own may want none."""
    with pytest.raises(ValueError, match="API key"):
        ModelChoice.parse("openai:gpt", base_url=None, api_key=None, timeout=timedelta(seconds=1))


@pytest.mark.parametrize("name", ["anthropic", "openai"])
async def test_a_server_of_ones_own_may_want_no_key(name: str, provider: Provider) -> None:
    """The model's name may hold colons."""
    provider.then(says("Hi, Rex."))
    choice = ModelChoice.parse(
        f"{name}:llama3.2:3b", base_url=f"{provider.origin}/v1", api_key=None, timeout=timedelta(seconds=5)
    )
    async with open_language_model(choice) as opened:
        assert "Hi, Rex." == (await opened.answer(QUESTION)).text
    assert "llama3.2:3b" == provider.heard[0].body["model"]


@pytest.mark.parametrize("name", ["anthropic", "openai"])
def test_a_missing_sdk_is_named_by_its_extra(name: str, provider_free: Callable[[str], None]) -> None:
    """The error says what to install."""
    provider_free(name)
    choice = ModelChoice.parse(f"{name}:some-model", base_url=None, api_key="key", timeout=timedelta(seconds=1))
    with pytest.raises(ExtraMissing, match=rf"mneme\[{name}\]"):
        open_language_model(choice)


@pytest.fixture
def provider_free(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Make an SDK look as if it were not installed."""

    def hide(name: str) -> None:
        monkeypatch.delitem(sys.modules, f"service.models.language.{name}", raising=False)
        for loaded in [module for module in sys.modules if module == name or module.startswith(f"{name}.")]:
            monkeypatch.delitem(sys.modules, loaded)
        monkeypatch.setattr(sys, "meta_path", [_Hidden(name), *sys.meta_path])

    return hide


class _Hidden:
    """A finder that says of one package that there is none."""

    def __init__(self, name: str) -> None:
        """Hide *name*."""
        self._name = name

    def find_spec(self, fullname: str, _path: object = None, _target: object = None) -> None:
        """Say that there is no such module."""
        if fullname == self._name:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)


async def test_a_server_that_takes_no_schema_is_asked_without(provider: Provider) -> None:
    """Once it has refused one; the prompt says the shape as well."""
    unsupported = fails(400, "response_format: json_schema is not supported", param="response_format")
    provider.then(unsupported, unsupported, says("Hi."), says("Hi."))
    async with open_language_model(choice_of("openai", provider)) as opened:
        await opened.answer(QUESTION)
        await opened.answer(QUESTION)
    formats = [heard.body.get("response_format", {}).get("type") for heard in provider.heard]
    assert ["json_schema", "json_object", None, None] == formats


async def test_a_server_that_takes_no_structured_output_is_asked_without(provider: Provider) -> None:
    """The same of servers that speak Anthropic's format."""
    provider.then(fails(400, "output_config: Extra inputs are not permitted"), says("Hi."), says("Hi."))
    async with open_language_model(choice_of("anthropic", provider)) as opened:
        await opened.answer(QUESTION)
        await opened.answer(QUESTION)
    assert [True, False, False] == ["output_config" in heard.body for heard in provider.heard]


async def test_a_server_may_refuse_in_words_and_count_no_tokens(provider: Provider) -> None:
    """The answer says that it is none, and nothing is counted."""
    message = {"role": "assistant", "content": None, "refusal": "I cannot help with that."}
    whole = {"id": "1", "object": "chat.completion", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    provider.then(sends(json.dumps(whole)))
    async with open_language_model(choice_of("openai", provider)) as opened:
        answer = await opened.answer(QUESTION)
    assert (Ending.REFUSED, "", 0, 0) == (answer.ending, answer.text, answer.input_tokens, answer.output_tokens)


async def test_a_full_window_is_a_question_too_long(provider: Provider) -> None:
    """Anthropic says so in an answer, not in an error."""
    usage = {"input_tokens": 1, "output_tokens": 1}
    whole = {"id": "1", "type": "message", "content": [], "stop_reason": "model_context_window_exceeded", "usage": usage}
    provider.then(sends(json.dumps(whole)))
    async with open_language_model(choice_of("anthropic", provider)) as opened:
        with pytest.raises(ModelOverfull):
            await opened.answer(QUESTION)


async def test_a_limit_goes_by_the_name_that_the_server_takes(provider: Provider) -> None:
    """Newer models refuse the older name."""
    refusal = fails(400, "Unsupported parameter: 'max_tokens' is not supported with this model.", param="max_tokens")
    provider.then(refusal, says("Hi."))
    async with open_language_model(choice_of("openai", provider)) as opened:
        await opened.answer(QUESTION)
    assert [500, None] == [heard.body.get("max_tokens") for heard in provider.heard]
    assert 500 == provider.heard[1].body["max_completion_tokens"]


def test_metrics_are_registered_once_per_process() -> None:
    """In the registry that is served."""
    registry = CollectorRegistry()
    ModelMetrics(registry)
    assert {"mneme_model_seconds", "mneme_model_retries", "mneme_model_tokens", "mneme_model_cost"} == {
        metric.name for metric in registry.collect()
    }
