"""A user who speaks, and of whose words memories are made by rules that can be foretold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from service.domain.deletions import DeletionReceipt, ForgetFilter
from service.domain.ids import SessionId
from service.domain.ports.work import CommitOutcome
from service.domain.sessions import MessageRole, NewMessage, NewSession, SessionOrigin
from tests.conftest import FakeClock
from tests.usecases.plain import PlainExtractor
from tests.usecases.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """What a user says, and what is made of it by rules that can be foretold."""

    world: World
    clock: FakeClock
    extractor: PlainExtractor = field(default_factory=PlainExtractor)

    async def say(self, *texts: str, thread: str = "", group: str = "", at: Sequence[int] = ()) -> SessionId:
        """Say *texts* in a session of a thread, *at* so many days from the clock's time each."""
        world, origin = self.world, SessionOrigin(thread=thread, group=group)
        new = NewSession(metadata={}, auto_process_after=None, origin=origin)
        session = await world.application.stores.sessions.create(world.scope, new)
        days: Sequence[int | None] = at or [None] * len(texts)
        messages = [
            NewMessage(
                role=MessageRole.USER,
                content=text,
                timestamp=None if day is None else self.clock.now() + timedelta(days=day),
            )
            for text, day in zip(texts, days, strict=True)
        ]
        await world.application.stores.sessions.add_messages(world.scope, session.session_id, messages)
        return session.session_id

    async def remember(self, *texts: str, thread: str = "", group: str = "", at: Sequence[int] = ()) -> SessionId:
        """Say *texts* and make memories of them."""
        session_id = await self.say(*texts, thread=thread, group=group, at=at)
        job = await self.world.start(session_id)
        assert CommitOutcome.COMMITTED == await self.world.processor(self.extractor, self.clock)(job)
        self.clock.advance(timedelta(hours=1))
        return session_id

    async def finish(self) -> None:
        """Do all jobs there are, and bring the index up to date."""
        for job in await self.world.application.stores.jobs.claim("test", 100):
            assert CommitOutcome.COMMITTED == await self.world.processor(self.extractor, self.clock)(job)
        await self.world.sync()

    async def forget(self, **wanted: Any) -> DeletionReceipt:
        """Forget."""
        forget = self.world.application.deletions.forget
        return await forget(self.world.project_id, self.world.user.user_id, ForgetFilter(**wanted))

    async def versions(self) -> list[list[str]]:
        """Return what the versions of each memory say, oldest first."""
        return sorted([version.content for version in chain.versions] for chain in await self.world.chains())
