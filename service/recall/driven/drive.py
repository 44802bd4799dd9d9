"""The drive itself: hop by hop, until the model names what answers the query, or a bound is reached."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from service.domain.errors import StorageUnavailable
from service.domain.ports.models import Ending, LanguageModelError, ModelOverfull, ModelRejected
from service.domain.ports.tools import ToolAnswer, ToolCall, ToolHop, ToolQuestion, ToolResult
from service.domain.recall import Recalled, RecallQuery, RecallResult
from service.domain.values import JsonObject
from service.recall.driven.arguments import BadArguments, texts_of
from service.recall.driven.driver import Driver
from service.recall.driven.shown import UTC_ZONE, Shown
from service.recall.driven.toolbox import FINISH, TOOLS, Toolbox
from service.recall.evidence import StageListener, Tools
from service.recall.prompts import filled, prompt
from service.recall.queries import QUERY_CHARS
from service.recall.rendering import moment_text

SHOWN_FIRST = 20
"""How many of what the rules found are shown at first."""
CALLS = 4
"""How many calls of one step are done."""
REASONING_CHARS = 600
LEAST_PATIENCE = timedelta(seconds=5)
"""Whoever cannot wait so long is not made to pay for a model that would hardly get to its end."""
PATIENCE_SHARE = 0.8
"""Which part of a caller's patience the model has: something is left for what comes after."""
CHARS_PER_TOKEN = 4
"""For servers that count no tokens."""

_DOING = {
    "search_memories": "searching memories for",
    "search_messages": "searching messages for",
    "get_connected": "following the connections of a memory",
    "get_versions": "reading the versions of a memory",
    "get_surrounding": "reading around a message",
    "get_session_summary": "reading the summary of a conversation",
}


class GaveUp(Exception):
    """The model came to no end. The text says why, and continues "a language model was to search further, but it"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What the model named at the end, the most useful first, why, and how many names it gave that nothing has."""

    items: Sequence[Recalled]
    reasoning: str
    unknown: int = 0


@dataclass(slots=True, kw_only=True)
class Spent:
    """What the steps so far took."""

    steps: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    @property
    def tokens(self) -> int:
        """Tokens read and written."""
        return self.input_tokens + self.output_tokens


@dataclass(slots=True, kw_only=True)
class _Journey:
    """One recall on its way."""

    driver: Driver
    toolbox: Toolbox
    shown: Shown
    on_stage: StageListener
    spent: Spent = field(default_factory=Spent)
    hops: list[ToolHop] = field(default_factory=list)

    async def run(self, text: str) -> Chosen:
        """Let the model search until it finishes. Raises GaveUp, StorageUnavailable and what the model raises."""
        for number in range(1, self.driver.limits.steps + 1):
            answer = await self._ask(text)
            if not answer.calls:
                # what it has to say without calling anything is its end
                return Chosen(items=(), reasoning=answer.text)
            results: list[ToolResult] = []
            for place, call in enumerate(answer.calls):
                done = await self._do(call, place, number)
                if isinstance(done, Chosen):
                    return done
                results.append(done)
            results[-1] = self._with_rest(results[-1], self.driver.limits.steps - number)
            self.hops.append(ToolHop(answer=answer, results=tuple(results)))
        raise GaveUp(f"did not finish in {self.driver.limits.steps} steps")

    async def _ask(self, text: str) -> ToolAnswer:
        limits = self.driver.limits
        if self.spent.tokens >= limits.tokens:
            raise GaveUp("used up its tokens")
        question = ToolQuestion(
            step="recall",
            system=prompt("driver"),
            text=text,
            tools=TOOLS,
            hops=tuple(self.hops),
            max_output_tokens=limits.max_output_tokens,
        )
        answer = await self.driver.model.call(question)
        self.spent.steps += 1
        self.spent.input_tokens += answer.input_tokens or _estimate(question)
        self.spent.output_tokens += answer.output_tokens
        if answer.ending is not Ending.COMPLETE:
            raise GaveUp("was cut off" if answer.ending is Ending.TRUNCATED else "refused")
        return answer

    async def _do(self, call: ToolCall, place: int, step: int) -> ToolResult | Chosen:
        if call.name == FINISH:
            try:
                return self._finish(call.arguments)
            except BadArguments as error:
                return ToolResult(call_id=call.call_id, text=f"That was not done: {error}.", failed=True)
        if place >= CALLS:
            return ToolResult(call_id=call.call_id, text=f"That was not done: at most {CALLS} calls a step.", failed=True)
        await self.on_stage(_stage(call, step))
        return await self.toolbox.run(call)

    def _finish(self, arguments: JsonObject | None) -> Chosen:
        if arguments is None:
            raise BadArguments("the arguments must be one JSON object")
        names = texts_of(arguments, "ids")
        items = [item for name in names if (item := self.shown.item(name)) is not None]
        if names and not items:
            raise BadArguments("`ids` must be ids that were shown, and none of these was")
        reasoning = arguments.get("reasoning")
        text = reasoning if isinstance(reasoning, str) else ""
        return Chosen(items=items, reasoning=text, unknown=len(names) - len(items))

    def _with_rest(self, result: ToolResult, left: int) -> ToolResult:
        """Return *result* with how many steps are left, so that the model can finish in time."""
        rest = "This is the last step: call finish now." if left == 1 else f"{left} steps are left."
        return replace(result, text=f"{result.text}\n{rest}")


async def drive(tools: Tools, driver: Driver, query: RecallQuery, found: RecallResult, on_stage: StageListener) -> RecallResult:
    """
    Return what the model chose of what it was shown, before what the rules *found*.

    A model that fails, refuses, or does not finish within its bounds leaves what the rules found; the reasoning says so.
    """
    shown = Shown(query.scope)
    toolbox = Toolbox(tools, query, shown)
    journey = _Journey(driver=driver, toolbox=toolbox, shown=shown, on_stage=on_stage)
    deadline = driver.limits.deadline
    if query.patience is not None:
        deadline = min(deadline, query.patience * PATIENCE_SHARE)
    loop = asyncio.get_running_loop()
    begun, problem, items, reasoning = loop.time(), "", found.items, ""
    await on_stage(f"Asking a language model to go on from {len(found.items)} results")
    try:
        async with asyncio.timeout(deadline.total_seconds()):
            chosen = await journey.run(_task(driver, query, shown, found))
        items = placed_first(query, found.items, [item for item in chosen.items if item.kind in query.kinds])
        reasoning = _finished(chosen, toolbox, journey.spent)
    except TimeoutError:
        problem = f"did not finish within {deadline.total_seconds():g} s"
    except GaveUp as error:
        problem = str(error)
    except LanguageModelError as error:
        problem = _failure(error)
    except StorageUnavailable:
        problem = "could not read what is stored"
    if problem:
        reasoning = f"A language model was to search further, but it {problem}: this is what rules found."
        await on_stage(f"The language model {problem}: keeping what rules found")
    driver.log.info(
        "recall driven by a model",
        model=driver.model.name,
        problem=problem or None,
        steps=journey.spent.steps,
        calls=toolbox.asked.calls,
        input_tokens=journey.spent.input_tokens,
        output_tokens=journey.spent.output_tokens,
        milliseconds=round((loop.time() - begun) * 1000),
    )
    return replace(
        found,
        items=items,
        search_queries=list(dict.fromkeys([*found.search_queries, *toolbox.asked.queries])),
        date_ranges=list(dict.fromkeys([*found.date_ranges, *toolbox.asked.spans])),
        reasoning=" ".join(part for part in (found.reasoning, reasoning) if part),
    )


def placed_first(query: RecallQuery, items: Sequence[Recalled], chosen: Sequence[Recalled]) -> list[Recalled]:
    """
    Return *chosen* before those of *items* that they do not cover, at most as many as *query* allows.

    What is chosen scores above all that is not, the first of it 1; the signal `chosen` says how much that added.
    """
    kept = chosen[: query.max_top_k]
    covered = {source for item in kept for source in item.sources}
    rest = [item for item in items if not _named(item, kept) and not (item.sources and covered.issuperset(item.sources))]
    floor = max((item.score for item in rest), default=0.0)
    scores = [round(floor + (1.0 - floor) * (len(kept) - place) / len(kept), 4) for place in range(len(kept))]
    first = [
        replace(item, score=score, signals={**item.signals, "chosen": round(score - item.score, 4)})
        for item, score in zip(kept, scores, strict=True)
    ]
    return [*first, *rest][: query.max_top_k]


def _named(item: Recalled, chosen: Sequence[Recalled]) -> bool:
    """Return whether *item*, a summary, is among *chosen*: others are known by their sources."""
    return item.summary is not None and any(one.summary == item.summary for one in chosen)


def _task(driver: Driver, query: RecallQuery, shown: Shown, found: RecallResult) -> str:
    return filled(
        "driver_query",
        query=shown.fence([json.dumps({"query": query.text[-QUERY_CHARS:]}, ensure_ascii=False)]),
        now=moment_text(query.now, UTC_ZONE),
        steps=str(driver.limits.steps),
        found=shown.fence(shown.lines(found.items[:SHOWN_FIRST])),
    )


def _stage(call: ToolCall, step: int) -> str:
    """Return what a person reads while *call* is done."""
    text = call.arguments.get("query") if call.arguments is not None else None
    about = f" “{' '.join(text.split())[:100]}”" if isinstance(text, str) else ""
    return f"Step {step}: {_DOING.get(call.name, 'calling what is no tool')}{about}"


def _finished(chosen: Chosen, toolbox: Toolbox, spent: Spent) -> str:
    unknown = f", never shown: {chosen.unknown}" if chosen.unknown else ""
    counts = f"steps: {spent.steps}, calls: {toolbox.asked.calls}, chosen: {len(chosen.items)}{unknown}"
    # its own words: one line, and no longer than a person reads
    words = " ".join(chosen.reasoning.split())[:REASONING_CHARS] or "it gave no reasons."
    return f"A language model went on ({counts}): {words}"


def _failure(error: LanguageModelError) -> str:
    if isinstance(error, ModelRejected):
        return "refused the request"
    return "was given more than it can read" if isinstance(error, ModelOverfull) else "gave no answer"


def _estimate(question: ToolQuestion) -> int:
    read = [question.system, question.text, *(result.text for hop in question.hops for result in hop.results)]
    return sum(map(len, read)) // CHARS_PER_TOKEN
