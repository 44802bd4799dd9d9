"""What README.md and examples/ tell people to type, typed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

from tests.e2e.serving import API_KEY, PROJECT_ID, ROOT, Serving

README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    """Return the fenced blocks of the README in one language."""
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def environment(serving: Serving) -> dict[str, str]:
    """Return the variables that the README tells its reader to set."""
    return {
        **os.environ,
        "MNEME_URL": serving.http,
        "MNEME_GRPC": serving.grpc,
        "MNEME_API_KEY": API_KEY,
        "MNEME_PROJECT_ID": PROJECT_ID,
    }


def run(serving: Serving, *command: str) -> str:
    """Run a command as the reader would and return what it printed."""
    done = subprocess.run(command, env=environment(serving), cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_curl_quickstart_works(serving: Serving) -> None:
    """The shell lines of the quickstart, typed one after the other, end with a context that holds what was said."""
    (script,) = [block for block in blocks("sh") if "add-message" in block]
    printed = run(serving, "bash", "-euo", "pipefail", "-c", script)
    last = json.loads(printed.strip().splitlines()[-1])
    assert "peanuts" in last["context"]


@pytest.mark.parametrize("block", [pytest.param(block, id=block.split("\n", 1)[0]) for block in blocks("python")])
def test_the_python_blocks_work(serving: Serving, block: str) -> None:
    """Each Python block of the README runs as it stands and prints what was remembered."""
    assert "peanuts" in run(serving, sys.executable, "-c", block)


def test_the_python_example_remembers(serving: Serving) -> None:
    """examples/python/chat.py recalls in a second conversation what was said in the first."""
    assert "peanuts" in run(serving, sys.executable, "examples/python/chat.py")


def test_the_python_stub_example_recalls_with_sources(serving: Serving) -> None:
    """examples/python/recall.py prints a recalled message with its session and index."""
    assert re.search(
        r"Lisbon.*\n +from message 0 of session [0-9a-f-]{36}", run(serving, sys.executable, "examples/python/recall.py")
    )


def test_the_claiv_example_recalls_a_fact(serving: Serving) -> None:
    """examples/curl/claiv.sh tells an event and ends when a fact that comes from it is recalled."""
    event, recalled = map(json.loads, run(serving, "bash", "examples/curl/claiv.sh").splitlines()[:2])
    assert ["fact"] == [block["type"] for block in recalled["memory_blocks"]]
    assert [event["event_id"]] == recalled["citations"]


def test_the_curl_example_streams(serving: Serving) -> None:
    """examples/curl/stream.sh ends with the final event of a streamed context."""
    printed = run(serving, "bash", "examples/curl/stream.sh")
    *_, last = [line for line in printed.splitlines() if line.startswith("data:")]
    assert json.loads(last.removeprefix("data:"))["is_final"]
