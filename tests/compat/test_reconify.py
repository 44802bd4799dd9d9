"""The Reconify SDK as it was released, with the official clients of two providers, against the server of today."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.serving import API_KEY, PROJECT_ID, ROOT, Serving

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
    read = {str(path): path.read_bytes() for path in files if path.is_file()}
    assert any(b"Lisbon" in text for text in read.values())
    assert [] == [name for name, text in read.items() if CANARY in text or API_KEY.encode() in text]
