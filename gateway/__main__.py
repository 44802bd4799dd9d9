"""`python -m gateway`: serve HTTP until told to stop. Says where on standard output, in one line of JSON, when it is ready."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import sys

import uvloop

from gateway.settings import InvalidSetting, Settings
from gateway.wiring import running_gateway


async def serve(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT, then drain."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with running_gateway(settings) as gateway:
        print(json.dumps({"event": "listening", "http": gateway.url}), flush=True)  # noqa: T201 - the one line for the parent
        await stop.wait()


def main() -> None:
    """Serve, or exit with 1 and a word on standard error when the settings do not allow it."""
    # requests leave next to no cycles of garbage behind, and to look for them often costs each request a twentieth of its time
    gc.set_threshold(20_000, 20, 20)
    try:
        uvloop.run(serve(Settings.from_environment(os.environ)))
    except (InvalidSetting, OSError) as error:
        sys.exit(f"mneme gateway: {error}")


if __name__ == "__main__":
    main()
