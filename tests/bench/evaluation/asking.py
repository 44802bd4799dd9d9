"""Asks the questions: by `Recall` for each strategy, and by the context that a session with the question gets."""

from __future__ import annotations

import time
from collections.abc import Sequence
from statistics import fmean

from mneme.v1.memory_service_pb2 import GetContextRequest, RecallRequest
from mneme.v1.memory_service_pb2_grpc import MemoryServiceStub
from mneme.v1.recall_pb2 import ContextOptions, RecallOptions, RecallStrategy

from tests.bench.evaluation.loading import Loaded
from tests.bench.evaluation.locomo import Question
from tests.bench.evaluation.measure import Answered, distinct, figures, latency
from tests.bench.evaluation.server import NEVER_SECONDS, Client

STRATEGIES = ("low_latency", "balanced", "agentic", "auto")
BUDGETS = (500, 1000, 2000, 4000)
"""Tokens of context within which evidence is looked for."""


async def ask(client: Client, loaded: Sequence[Loaded], strategy: str) -> dict[str, object]:
    """Return the figures of *strategy* over all questions, with the latency of the calls one after the other."""
    answers, seconds = await recalled(client, loaded, strategy)
    return {**figures(answers), "latency_ms": latency(seconds)}


async def recalled(client: Client, loaded: Sequence[Loaded], strategy: str) -> tuple[list[Answered], list[float]]:
    """Return what *strategy* finds for each question, and how many seconds each call took."""
    stub = MemoryServiceStub(client.channel)
    options = RecallOptions(recall_strategy=_wire(strategy), min_top_k=50, max_top_k=100)
    answers: list[Answered] = []
    seconds: list[float] = []
    for conversation in loaded:
        for question in conversation.conversation.questions:
            request = RecallRequest(user_id=conversation.user_id, query=question.text, options=options)
            begun = time.perf_counter()
            found = await stub.Recall(request, metadata=client.metadata)
            seconds.append(time.perf_counter() - begun)
            sources = [conversation.turn(one.session_id, one.message_index) for item in found.items for one in item.sources]
            answers.append(Answered(question=question, ranking=distinct(sources)))
    return answers, seconds


async def evidence_in_contexts(client: Client, loaded: Sequence[Loaded], strategy: str) -> dict[str, float]:
    """Return, by budget, the share of evidence whose words stand in the context of a session that begins with the question."""
    shares: dict[int, list[float]] = {budget: [] for budget in BUDGETS}
    for conversation in loaded:
        for question in conversation.conversation.questions:
            path = f"/users/{conversation.user_id}/sessions"
            created = await client.rest.post(path, json={"auto_process_after_seconds": NEVER_SECONDS})
            session_id = created.raise_for_status().json()["session_id"]
            message = {"role": "user", "message": question.text}
            (await client.rest.post(f"{path}/{session_id}/add-message", json=message)).raise_for_status()
            for budget in BUDGETS:
                context = await _context(client, conversation, session_id, strategy, budget)
                shares[budget].append(_share(conversation, question, context))
            # a question that stays would be found by the next
            (await client.rest.delete(f"{path}/{session_id}")).raise_for_status()
    return {f"context@{budget}": round(fmean(found), 4) for budget, found in shares.items()}


async def _context(client: Client, loaded: Loaded, session_id: str, strategy: str, budget: int) -> str:
    options = ContextOptions(
        recall=RecallOptions(recall_strategy=_wire(strategy)), token_budget=budget, include_system_prompt=False
    )
    request = GetContextRequest(user_id=loaded.user_id, session_id=session_id, options=options)
    answer = await MemoryServiceStub(client.channel).GetContext(request, metadata=client.metadata)
    return str(answer.event.context)


def _share(loaded: Loaded, question: Question, context: str) -> float:
    texts = loaded.conversation.texts()
    said = _flat(context)
    return sum(_flat(texts[turn]) in said for turn in question.evidence) / len(question.evidence)


def _flat(text: str) -> str:
    return " ".join(text.split())


def _wire(strategy: str) -> RecallStrategy.ValueType:
    return RecallStrategy.Value(f"RECALL_STRATEGY_{strategy.upper()}")
