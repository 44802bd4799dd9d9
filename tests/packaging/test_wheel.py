"""The wheel: built, installed where nothing of ours is, and run."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.e2e.serving import Serving

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel with the pinned build backend, from the tracked files."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)],
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install it into an environment that borrows our dependencies but not our working tree; return its `bin`."""
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder, with_pip=False)
    (packages,) = folder.glob("lib/python3*/site-packages")
    # a path in a .pth file is searched, but the .pth files in it are not read: the editable install stays out of sight
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    python = folder / "bin" / "python"
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index", str(wheel)],
        check=True,
    )
    return folder / "bin"


def test_it_gives_the_command(installed: Path, tmp_path: Path) -> None:
    """`mneme version` prints the version that pyproject.toml names."""
    done = subprocess.run([installed / "mneme", "version"], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert f'version = "{done.stdout.split()[-1]}"' in (ROOT / "pyproject.toml").read_text()


def test_it_brings_every_module(wheel: Path) -> None:
    """Every tracked file of the packages is in the wheel: modules, Lua scripts, prompts, generated code."""
    tracked = subprocess.run(
        ["git", "ls-files", "service", "gateway", "frames", "proto/gen"], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.split()
    packed = set(zipfile.ZipFile(wheel).namelist())
    assert [] == [name for name in tracked if name.removeprefix("proto/gen/") not in packed]


def test_it_names_its_dependencies(wheel: Path) -> None:
    """Each line of requirements.in is a dependency of the wheel."""
    metadata = next(name for name in zipfile.ZipFile(wheel).namelist() if name.endswith("METADATA"))
    text = zipfile.ZipFile(wheel).read(metadata).decode()
    wanted = [line for line in (ROOT / "requirements.in").read_text().splitlines() if line and not line.startswith("#")]
    assert [] == [line for line in wanted if f"Requires-Dist: {line}\n" not in text]


def test_it_serves(installed: Path, tmp_path: Path) -> None:
    """`mneme serve` of the installed wheel becomes ready, takes a message and processes it."""
    with Serving(command=(str(installed / "mneme"), "serve"), folder=tmp_path) as serving, serving.client() as http:
        http.post("/api/v1/users", json={"custom_user_id": "ada"}).raise_for_status()
        session = http.post("/api/v1/users/ada/sessions", json={}).json()["session_id"]
        body = {"role": "user", "message": "I keep bees in Lisbon."}
        assert 200 == http.post(f"/api/v1/users/ada/sessions/{session}/add-message", json=body).status_code
