"""A stub in another language: Node over gRPC, made at run time from the .proto files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import Any

import pytest

from tests.e2e.serving import API_KEY, PROJECT_ID, ROOT, Serving

CLIENT = ROOT / "examples" / "node"

pytestmark = pytest.mark.skipif(
    shutil.which("node") is None or not (CLIENT / "node_modules").exists(), reason="Node is not installed on this machine"
)


@pytest.fixture(scope="module")
def answer(serving: Serving) -> dict[str, Any]:
    """Run the client once and return what it printed."""
    done = subprocess.run(
        ["node", "remember.mjs"],
        cwd=CLIENT,
        env={**os.environ, "MNEME_GRPC": serving.grpc, "MNEME_API_KEY": API_KEY, "MNEME_PROJECT_ID": PROJECT_ID},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    printed: dict[str, Any] = json.loads(done.stdout)
    return printed


def test_it_creates_a_user(serving: Serving, answer: dict[str, Any]) -> None:
    """The user that Node created is there over REST."""
    with serving.client() as http:
        assert answer["user_id"] == http.get(f"/api/v1/users/{answer['user_id']}").json()["user"]["custom_user_id"]


def test_it_adds_messages(serving: Serving, answer: dict[str, Any]) -> None:
    """The messages that Node added are there over REST."""
    with serving.client() as http:
        found = http.get(f"/api/v1/users/{answer['user_id']}/sessions/{answer['session_id']}/messages").json()
    assert answer["messages"] == found["total"] == 2


def test_it_recalls_with_sources(answer: dict[str, Any]) -> None:
    """What Node recalled names the session and the index of the message that it comes from."""
    best = answer["recalled"][0]
    assert "Lisbon" in best["content"]
    assert [{"session_id": answer["session_id"], "message_index": 0}] == best["sources"]


def test_it_streams_a_context(answer: dict[str, Any]) -> None:
    """Node reads the stages one by one, and at last the context."""
    assert "Reading the conversation" == answer["stages"][0]["status_update_message"]
    assert all(stage["status_update_message"] and not stage["is_final"] for stage in answer["stages"])
    assert (True, "balanced", True) == (
        answer["streamed"]["is_final"],
        answer["streamed"]["metadata"]["recall_strategy_used"].removeprefix("RECALL_STRATEGY_").lower(),
        "Lisbon" in answer["streamed"]["context"],
    )


def test_it_reads_error_details(answer: dict[str, Any]) -> None:
    """A failed call carries a code, a message for people, and a reason with metadata for programs."""
    failure = answer["failure"]
    assert ("NOT_FOUND", "User nobody not found") == (failure["code"], failure["message"])
    assert ("USER_NOT_FOUND", "mneme", {"user_id": "nobody"}) == (failure["reason"], failure["domain"], failure["metadata"])
