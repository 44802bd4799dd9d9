"""`mneme doctor`: what is wrong, in sentences."""

from __future__ import annotations

import platform
import sys
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING

from service.cli.command import Command, say
from service.cli.stores import open_application
from service.domain.documents import DocumentFilter
from service.domain.errors import DomainError
from service.domain.memories import MemoryFilter
from service.domain.ports.work import CHUNKS_OF_ENTRY, IndexedKind
from service.domain.sessions import SessionFilter
from service.domain.values import PageRequest
from service.models import open_embedder
from service.settings import InvalidSetting, Settings
from service.usecases.paging import every

if TYPE_CHECKING:
    from service.wiring import Application

# older versions replay nothing of what they had acknowledged before a kill
_ENGINE = (0, 9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    good: bool
    text: str


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--quick", action="store_true", help="do not compare the index with the records")


async def doctor(arguments: Namespace, settings: Settings) -> int:
    """Look at everything and say what is wrong; return 1 when anything is."""
    healthy = True
    async for finding in _findings(settings, quick=arguments.quick):
        healthy = healthy and finding.good
        say(f"{'ok   ' if finding.good else 'WRONG'}  {finding.text}")
    return 0 if healthy else 1


async def _findings(settings: Settings, *, quick: bool) -> AsyncIterator[Finding]:
    yield Finding(good=sys.version_info >= (3, 11), text=f"Python {platform.python_version()}")
    if settings.qdrant_url is None:
        engine = version("qdrant-edge-py")
        good = tuple(int(part) for part in engine.split(".")[:2]) >= _ENGINE
        yield Finding(good=good, text=f"vector engine {engine}" + ("" if good else ": loses data, install 0.9.0 or newer"))
    yield await _model(settings)
    try:
        async with open_application(settings) as application:
            async for finding in _stores(application, quick=quick):
                yield finding
    except (DomainError, InvalidSetting, OSError) as error:
        yield Finding(good=False, text=f"stores: {error}")


async def _model(settings: Settings) -> Finding:
    try:
        opened = open_embedder(
            settings.embedder,
            threads=settings.embedder_threads,
            base_url=settings.embedder_base_url,
            api_key=settings.embedder_api_key,
        )
        async with opened as embedder:
            vectors = await embedder.embed(["Is this model whole?"])
            good = len(vectors[0]) == embedder.dimension
            return Finding(good=good, text=f"embedder {embedder.model}, {embedder.dimension} dimensions")
    except (ValueError, OSError, DomainError) as error:
        return Finding(good=False, text=f"embedder {settings.embedder}: {error}")


async def _stores(application: Application, *, quick: bool) -> AsyncIterator[Finding]:
    projects = await application.projects.list(PageRequest(offset=0, limit=1))
    yield Finding(good=True, text=f"records: {projects.total} projects")
    depth = await application.stores.jobs.depth()
    yield Finding(good=True, text=f"waiting: {depth.jobs} sessions to process, {depth.outbox} records to index")
    dead = f"{depth.dead} sessions failed for good" + (": see the log, then process them again" if depth.dead else "")
    yield Finding(good=depth.dead == 0, text=dead)
    indexed = {kind: await application.index.count(kind) for kind in IndexedKind}
    yield Finding(good=True, text="index: " + ", ".join(f"{count} {kind.value}" for kind, count in indexed.items()))
    if quick:
        return
    wanted = await _records(application)
    for kind in IndexedKind:
        # what waits in the outbox may be missing or left over
        each = CHUNKS_OF_ENTRY if kind is IndexedKind.CHUNK else 1
        good = abs(wanted[kind] - indexed[kind]) <= depth.outbox * each
        text = f"{kind.value}: {wanted[kind]} records, {indexed[kind]} in the index"
        yield Finding(good=good, text=text if good else f"{text}: run `mneme reindex`")


async def _records(application: Application) -> Counter[IndexedKind]:
    """Count the records that should be in the index."""
    counts: Counter[IndexedKind] = Counter()
    stores = application.stores
    async for project in every(stores.projects.list):
        async for user in every(partial(stores.users.list, project.project_id)):
            chains = await stores.memories.list(user.scope, PageRequest(offset=0, limit=1), MemoryFilter())
            counts[IndexedKind.MEMORY] += chains.total
            async for document in every(partial(stores.documents.list, user.scope, wanted=DocumentFilter())):
                counts[IndexedKind.CHUNK] += document.chunk_count
            async for session in every(partial(stores.sessions.list, user.scope, wanted=SessionFilter())):
                counts[IndexedKind.TURN] += session.remembered_count
                (summary,) = await stores.sessions.summaries(user.scope, [session.session_id])
                counts[IndexedKind.SUMMARY] += summary is not None
    return counts


COMMANDS = (Command(words=("doctor",), help="say what is wrong", run=doctor, arguments=_arguments, stores=True),)
