"""What a person adds to an answer, read as the wording of what is true."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from service.domain.conflicts import Conflict
from service.domain.ids import ChainId
from service.domain.memories import Candidate, DecisionKind, MemoryChain, Neighbour
from service.domain.ports.models import Clock, Embedder, Extractor
from service.domain.projects import Guidance
from service.domain.sessions import Message, MessageRole, Transcript
from service.usecases.conflicts.settlement import begun


class Wording:
    """
    Reads the message of an answer.

    A message is the wording only if it says the disputed thing itself: "I was born on 9 June 1990" does, "my mother told me so"
    and "the user prefers this option" do not.
    """

    def __init__(self, extractor: Extractor, embedder: Embedder, clock: Clock) -> None:
        """Keep the ports."""
        self._extractor = extractor
        self._embedder = embedder
        self._clock = clock

    async def __call__(self, conflict: Conflict, known: str, message: str | None) -> Candidate | None:
        """Return the statement that a *message* makes about what is disputed, None when it makes none."""
        if not message or not message.strip():
            return None
        for statement in await self._statements(conflict, message):
            decision = await self._extractor.decide(statement, await self._disputed(conflict, known, statement))
            if decision.kind is not DecisionKind.NEW:
                return statement
        return None

    async def _statements(self, conflict: Conflict, message: str) -> tuple[Candidate, ...]:
        now = self._clock.now()
        said = Message(session_id=conflict.session_id, index=0, role=MessageRole.USER, content=message, timestamp=now)
        transcript = Transcript(session_id=conflict.session_id, now=now, messages=[said])
        return (await self._extractor.extract(transcript, (), Guidance())).candidates

    async def _disputed(self, conflict: Conflict, known: str, statement: Candidate) -> list[Neighbour]:
        """Return both sides of the conflict as memories near a *statement*."""
        proposed = begun(conflict)
        other = MemoryChain(chain_id=ChainId("known"), versions=(replace(proposed.current, content=known),))
        own, *vectors = np.asarray(
            await self._embedder.embed([statement.content, conflict.candidate.content, known]), dtype=np.float32
        )
        sides = zip((proposed, other), vectors, strict=True)
        return [Neighbour(chain=chain, similarity=float(vector @ own)) for chain, vector in sides]
