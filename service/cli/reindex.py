"""`mneme reindex`."""

from __future__ import annotations

from argparse import Namespace

from service.cli.command import Command, say
from service.cli.stores import open_application
from service.settings import Settings


async def reindex(_arguments: Namespace, settings: Settings) -> int:
    """Empty the index, take the configured embedder as its own, and queue every record for the workers."""
    async with open_application(settings) as application:
        queued = await application.reindex()
    say(f"{queued} records are queued; they are recalled again when a worker has indexed them")
    return 0


COMMANDS = (Command(words=("reindex",), help="rebuild the index from the records", run=reindex, stores=True),)
