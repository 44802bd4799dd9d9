"""What a fit is made from: for each question the candidates as recall gathers them, their signals, and which ones answer it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gateway.settings import Address
from gateway.settings import Settings as GatewaySettings
from gateway.wiring import running_gateway
from service.domain.ids import ProjectId, UserId
from service.domain.recall import RecallQuery
from service.recall.evidence import Plan, Tools, gather_evidence
from service.recall.pool import Places
from service.settings import Settings
from service.storage.embedded.valkey import Fsync, start_valkey
from service.storage.embedded.vector_engine import start_engine
from service.wiring import Application, running_service
from tests.bench.evaluation.loading import Loaded, load
from tests.bench.evaluation.locomo import Conversation, Question, Turn
from tests.bench.evaluation.server import KEY, PROJECT, Client, clients

Matrix = NDArray[np.float64]
Gather = Callable[[RecallQuery], Plan]

ALL = 10_000
"""As many candidates as there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """
    A question of a *conversation*: the *turns* that were found for it, one row of *signals* for each, by the names of *columns*.
    """

    conversation: str
    question: Question
    turns: Sequence[Turn]
    columns: Sequence[str]
    signals: Matrix

    @property
    def answers(self) -> list[int]:
        """The rows that answer the question, perhaps none."""
        return [row for row, turn in enumerate(self.turns) if turn in self.question.evidence]

    @property
    def sessions(self) -> Places:
        """The number of each row's session."""
        numbers: dict[object, int] = {}
        return np.array([numbers.setdefault(turn.session, len(numbers)) for turn in self.turns], dtype=np.int64)

    def only(self, columns: Sequence[str]) -> Example:
        """Return the example with some of its columns, in the order given."""
        return replace(self, columns=columns, signals=self.signals[:, [self.columns.index(name) for name in columns]])


async def examples_of(conversations: Sequence[Conversation], wanted: Mapping[str, Gather]) -> dict[str, list[Example]]:
    """Put *conversations* into a Mneme of their own, and return the examples of each of *wanted*, by its name."""
    async with _serving() as (client, application):
        loaded = await load(client, conversations)
        tools = Tools(
            index=application.index,
            embedder=application.embedder,
            sessions=application.stores.sessions,
            memories=application.stores.memories,
        )
        found: dict[str, list[Example]] = {name: [] for name in wanted}
        for one in loaded:
            user = await application.stores.users.get(ProjectId(PROJECT), UserId(one.user_id))
            for question in one.conversation.questions:
                query = RecallQuery(scope=user.scope, text=question.text, now=datetime.now(UTC))
                for name, plan_of in wanted.items():
                    found[name].append(await _example(tools, plan_of(query), one, question, query))
        return found


async def _example(tools: Tools, plan: Plan, loaded: Loaded, question: Question, query: RecallQuery) -> Example:
    ranked = (await gather_evidence(tools, query, replace(plan, candidates=ALL))).ranked
    shipped: Mapping[str, float] = {**plan.weights.index, **plan.weights.text}
    breakdown = ranked[0].breakdown
    added = dict(zip(breakdown.names, breakdown.added[:, [turn.place for turn in ranked]], strict=True))
    return Example(
        conversation=loaded.conversation.name,
        question=question,
        turns=[loaded.turn(turn.at.session_id, turn.at.message_index) for turn in ranked],
        columns=list(shipped),
        # what was added to the sum, divided by its weight, is the signal again
        signals=np.stack([added[name] / weight for name, weight in shipped.items()], axis=1),
    )


@asynccontextmanager
async def _serving() -> AsyncIterator[tuple[Client, Application]]:
    """Serve in this process, so that what a recall gathers can be looked into, and give a client as well."""
    home = Path(tempfile.mkdtemp(prefix="mn", dir="/tmp"))
    async with (
        start_valkey(home / "valkey", home / "v.sock", fsync=Fsync.EVERY_SECOND) as valkey,
        start_engine(home / "index", home / "i.sock") as engine,
        running_service(
            Settings(
                data_dir=home,
                redis_url=valkey.url,
                index_socket=engine.socket,
                grpc_listen="127.0.0.1:0",
                bootstrap_project_id=PROJECT,
                bootstrap_api_key=KEY,
            )
        ) as service,
        running_gateway(
            GatewaySettings(listen=Address(host="127.0.0.1", port=0), grpc_target=service.address, log_level="error")
        ) as gateway,
        clients({"http": gateway.url, "grpc": service.address}) as client,
    ):
        yield client, service.application
    shutil.rmtree(home, ignore_errors=True)
