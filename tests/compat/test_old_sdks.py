"""Versions of the official SDKs as they were released, each in a process of its own, against the server of today."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.serving import API_KEY, PROJECT_ID, ROOT, Serving

HERE = Path(__file__).parent
VERSIONS = ("recallrai-0.2.0", "recallrai-0.4.1", "claiv-memory-0.1.1", "claiv-memory-0.4.0", "claiv-memory-0.6.4")


def checks(version: str) -> list[str]:
    """Return the names of the facts that are checked for a version."""
    tree = ast.parse(script(version).read_text())
    return [node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("check_")]


def script(version: str) -> Path:
    """Return the application that was written for a version."""
    package, number = version.rsplit("-", 1)
    return HERE / f"{package.removesuffix('-memory')}_{number.replace('.', '_')}.py"


@pytest.mark.parametrize(("version", "check"), [(version, check) for version in VERSIONS for check in checks(version)])
def test_an_old_application_works(serving: Serving, version: str, check: str) -> None:
    """An application written for the version does what it did, unchanged."""
    done = subprocess.run(
        [sys.executable, str(script(version)), check],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT / ".venv-compat" / version),
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


@pytest.mark.parametrize("version", VERSIONS)
def test_the_version_is_the_one_that_runs(version: str) -> None:
    """The process of a version imports that version and not the newest."""
    package = "claiv" if version.startswith("claiv") else "recallrai"
    done = subprocess.run(
        [sys.executable, "-c", f"import {package}, pathlib; print(pathlib.Path({package}.__file__).parents[1].name)"],
        env={**os.environ, "PYTHONPATH": str(ROOT / ".venv-compat" / version)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert version == done.stdout.strip()
