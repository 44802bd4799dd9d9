"""The Reconify SDK as it was released, with the official clients of two providers, against the server of today."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.serving import API_KEY, PROJECT_ID, ROOT, Serving
from tests.e2e.test_cli import mneme

SCRIPT = Path(__file__).parent / "reconify_3_0_0.py"
CHECKS = [
    node.name
    for node in ast.parse(SCRIPT.read_text()).body
    if isinstance(node, ast.FunctionDef) and node.name.startswith("check_")
]
CANARY = b"sk-provider-secret"


@pytest.fixture(scope="module")
def told(serving: Serving) -> str:
    """Run the application once, and return what it says of each fact."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT)],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT / ".venv-compat" / "reconify-3.0.0"),
            "MNEME_URL": serving.http,
            "MNEME_API_KEY": API_KEY,
            "MNEME_PROJECT_ID": PROJECT_ID,
        },
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("check", CHECKS)
def test_a_reporting_application_works(told: str, check: str) -> None:
    """It does what it did, unchanged but for the addresses."""
    assert f"{check} holds\n" in told, re.split(r"(?=^check_)", told, flags=re.MULTILINE)


def test_no_key_is_kept(told: str, serving: Serving) -> None:
    """Neither the provider's nor our own is in a record or a line of a log."""
    assert told
    files = [serving.log, *(serving.data_dir / "valkey").rglob("*"), *(serving.data_dir / "index").rglob("*")]
    read: dict[str, bytes] = {}
    for path in files:
        # the stores are at work, and take files away
        with suppress(FileNotFoundError):
            read |= {str(path): path.read_bytes()} if path.is_file() else {}
    assert any(b"Lisbon" in text for text in read.values())
    assert [] == [name for name, text in read.items() if CANARY in text or API_KEY.encode() in text]


CHAT = {
    "timestamps": {"request": 1709495294482, "response": 1709495296398},
    "user": {"userId": "ABC123", "firstName": "Jane", "lastNam": "Doe"},
    "request": {
        "model": "claude-2.1",
        "max_tokens": 300,
        "messages": [{"role": "user", "content": "Tell me a cat joke"}],
        "system": "you are a comic",
    },
    "response": {
        "id": "msg_01P73dhZUgZ51JTkiFMgVopJ",
        "type": "message",
        "role": "assistant",
        "content": [{"type": "text", "text": "Too many cheetahs!"}],
        "model": "claude-2.1",
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 18, "output_tokens": 29},
    },
}
COMPLETION = {
    "timestamps": {"request": 1701391185825, "response": 1701391187868},
    "user": {"userId": "ABC123", "firstName": "Jane", "lastNam": "Doe"},
    "request": {"model": "claude-2", "max_tokens_to_sample": 300, "prompt": "\n\nHuman: Another one\n\nAssistant:"},
    "response": {"completion": " Why not?", "stop_reason": "stop_sequence", "stop": "\n\nHuman:", "log_id": "1106334994b7"},
}


def envelope(app_key: Any = PROJECT_ID, api_key: Any = API_KEY, **others: Any) -> dict[str, Any]:
    """Return a body with credentials."""
    names = {"format": "anthropic", "type": "chat", "version": "2.1.0"}
    return {"reconify": {**names, "appKey": app_key, "apiKey": api_key}, **others}


def test_the_documented_examples_run_by_curl(serving: Serving) -> None:
    """A chat and a completion of one user, three months apart: two sessions, at the times of the client."""
    for example in (CHAT, COMPLETION):
        command = [
            "curl",
            "-sS",
            "-H",
            "Content-Type: application/json",
            f"{serving.http}/track",
            "-d",
            json.dumps(envelope(**example)),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert '{"status":"ok"}' == done.stdout
    with serving.client() as http:
        sessions = http.get("/api/v1/users/ABC123/sessions").json()["sessions"]
        said = http.get("/api/v1/users/ABC123/messages", params={"limit": 10}).json()["messages"]
        profile = http.get("/api/v1/users/ABC123").json()["user"]["metadata"]
    assert ["2024-03-03T19:48:14.482Z", "2023-12-01T00:39:45.825Z"] == [session["created_at"] for session in sessions]
    assert ["Another one", "Why not?", "Tell me a cat joke", "Too many cheetahs!"] == [message["content"] for message in said]
    assert {"firstName": "Jane", "lastName": "Doe"} == profile


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, "{"),
        (400, []),
        (400, {"request": {}, "response": {}}),
        (400, envelope(request={})),
        (400, envelope(response={})),
        (400, {**envelope(request={}, response={}), "reconify": {"appKey": PROJECT_ID, "apiKey": API_KEY}}),
        (401, envelope(None, None, request={}, response={})),
        (401, envelope(api_key="rai_wrong", request={}, response={})),
        (401, envelope("narrow", request={}, response={})),
    ],
)
def test_what_is_refused(serving: Serving, status: int, body: Any) -> None:
    """In the one shape that there is, and without a key in it."""
    text = body if isinstance(body, str) else json.dumps(body)
    answer = httpx.post(f"{serving.http}/track", content=text, headers={"Content-Type": "application/json"})
    assert (status, "error") == (answer.status_code, answer.json()["status"])
    assert ["status", "message"] == list(answer.json())
    assert "rai_" not in answer.text


def test_limits_are_told_in_the_shape_of_the_surface(serving: Serving) -> None:
    """The quota without a delay, the rate with one. The last test of the module: it spends what its project has."""
    limits = ("--ingests-per-month", "1", "--requests-per-minute", "2")
    assert 0 == mneme(serving.data_dir, "projects", "update", PROJECT_ID, *limits).returncode
    with httpx.Client(base_url=serving.http, timeout=30) as http:
        answers = [http.post("/track", json=envelope(**CHAT)) for _ in range(3)]
    assert [429] * 3 == [answer.status_code for answer in answers]
    messages = ["Monthly ingest quota exceeded"] * 2 + ["Rate limit exceeded"]
    assert [{"status": "error", "message": message} for message in messages] == [answer.json() for answer in answers]
    assert [False, False, True] == ["retry-after" in answer.headers for answer in answers]
