"""All that a user can be shown of what was said."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from service.domain.recall import RecalledKind, StrategyName
from service.domain.sessions import MessageRole, NewMessage, NewSession
from service.usecases.memory.get_context import ContextWanted
from service.usecases.memory.recall import RecallLimits
from tests.usecases.world import World

ASKED = "What is the cat, and the city?"
EVERYWHERE = RecallLimits(min_top_k=50, memories_threshold=0.0, summaries_threshold=0.0)


async def everything_shown(world: World, strategies: Collection[StrategyName] = tuple(StrategyName)) -> str:
    """Return all that recalls by *strategies*, a context, an export and lists show of a user, in one text."""
    application, user_id = world.application, world.user.user_id
    shown: list[object] = []
    for strategy in strategies:
        limits = replace(EVERYWHERE, strategy=strategy)
        found = await application.memory.recall(world.project_id, user_id, ASKED, limits, kinds=frozenset(RecalledKind))
        shown += found.items
    _, here = await application.sessions.create(
        world.project_id, user_id, NewSession(metadata={}, auto_process_after=None), idempotency_key=None
    )
    said = [NewMessage(role=MessageRole.USER, content=ASKED)]
    await application.stores.sessions.add_messages(world.scope, here.session_id, said)
    wanted = ContextWanted(limits=EVERYWHERE, last_n_messages=50, last_n_summaries=50)
    shown.append((await application.memory.get_context(world.project_id, user_id, here.session_id, wanted)).text)
    await world.forget_session(here.session_id)
    shown += [record async for record in application.archives.export(world.project_id, user_id)]
    shown += await application.users.list_recent_messages(world.project_id, user_id, limit=50)
    shown += await application.stores.conflicts.every(world.scope)
    return repr(shown)
