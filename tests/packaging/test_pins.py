"""The pinned requirements: complete, hashed, and silent about where they come from."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PINNED = [
    "requirements.txt",
    "requirements-models.txt",
    "requirements-dev.txt",
    "tests/compat/recallrai-0.2.0.txt",
    "tests/compat/recallrai-0.4.1.txt",
    "tests/compat/reconify-3.0.0.txt",
]


def pins(name: str) -> dict[str, str]:
    """Return each package of a file with its version."""
    return dict(re.findall(r"^([a-z0-9._-]+)(?:\[[a-z0-9,_-]+\])?==([^ ;\\\n]+)", (ROOT / name).read_text(), re.MULTILINE))


@pytest.mark.parametrize("name", PINNED)
def test_every_pin_has_a_hash(name: str) -> None:
    """No package is installed by its version alone."""
    entries = re.split(r"^(?=[a-z])", (ROOT / name).read_text(), flags=re.MULTILINE)[1:]
    assert entries
    assert [] == [entry for entry in entries if "--hash=sha256:" not in entry]


@pytest.mark.parametrize("name", PINNED)
def test_no_pin_names_a_place(name: str) -> None:
    """No registry, no path: whoever installs says where from."""
    assert [] == re.findall(r"https?:|file:|--index|--find-links|^/.*", (ROOT / name).read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-models.txt"])
def test_the_test_environment_has_the_versions_of_the_product(name: str) -> None:
    """What the product is tested with is what it runs with."""
    product, tested = pins(name), pins("requirements-dev.txt")
    assert {} == {name: version for name, version in product.items() if name in tested and tested[name] != version}


@pytest.mark.parametrize("source", ["requirements.in", "requirements-build.in"])
def test_everything_that_is_asked_for_is_pinned(source: str) -> None:
    """`make lock` was run after the last change of what it reads."""
    wanted = re.findall(r"^([a-z0-9-]+)", (ROOT / source).read_text(), re.MULTILINE)
    assert [] == [name for name in wanted if name not in pins("requirements.txt")]


def test_every_extra_is_pinned() -> None:
    """The SDKs that pyproject.toml offers are those of `make models` and of the image."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert sorted(extras) == sorted(re.findall(r"^([a-z0-9-]+)", (ROOT / "requirements-models.in").read_text(), re.MULTILINE))
    assert [] == [name for name in extras if name not in pins("requirements-models.txt")]


def test_the_node_client_is_locked_without_a_registry() -> None:
    """Each package has its integrity and no address."""
    lock = json.loads((ROOT / "examples/node/package-lock.json").read_text())
    packages = [package for path, package in lock["packages"].items() if path]
    assert packages
    assert all("integrity" in package and "resolved" not in package for package in packages)
