"""The providers' Node SDKs, unchanged but for their base URL."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from pathlib import Path

import pytest

from tests.forward.conftest import Caller

CLIENT = Path(__file__).parent / "node"
TEXT = "Nice to meet you, Alice."

pytestmark = pytest.mark.skipif(
    shutil.which("node") is None or not (CLIENT / "node_modules").exists(), reason="Node is not installed on this machine"
)


async def test_the_node_sdks_get_their_answers(caller: Caller) -> None:
    """Streaming and not, with tools and images; and an error of ours is one of theirs."""
    process = await asyncio.create_subprocess_exec(
        "node",
        "ask.mjs",
        cwd=CLIENT,
        env={**os.environ, "BASE_URL": caller.base, "HEADERS": json.dumps(caller.headers)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    printed, complaints = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, complaints.decode()
    assert json.loads(printed) == {
        "anthropic": TEXT,
        "anthropicStream": TEXT,
        "chat": TEXT,
        "chatStream": TEXT,
        "responses": TEXT,
        "responsesStream": TEXT,
        "refused": "401 authentication_error",
    }
    asked = caller.provider.heard[0].json
    assert asked["messages"][0]["content"][0]["source"]["data"] == "iVBORw0KGgo="
    assert asked["tools"][0]["name"] == "weather"
