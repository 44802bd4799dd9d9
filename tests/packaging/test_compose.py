"""docker-compose.yml and Dockerfile, read and checked: no container engine is needed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
OURS = ("service-1", "service-2", "worker", "gateway")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """Return the file with its anchors resolved."""
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return loaded


@pytest.fixture(scope="module")
def dockerfile() -> list[list[str]]:
    """Return the instructions, each as its word and the rest, comments and continuations resolved."""
    text = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text())
    return [line.split(None, 1) for line in text.splitlines() if line.strip() and not line.startswith("#")]


def test_it_has_the_production_shape(compose: dict[str, Any]) -> None:
    """Redis, Qdrant, two services, a worker and a gateway."""
    assert {"redis", "qdrant", *OURS} == set(compose["services"])


@pytest.mark.parametrize(
    ("name", "image"), [("redis", r"redis:\d+\.\d+\.\d+-bookworm"), ("qdrant", r"qdrant/qdrant:v\d+\.\d+\.\d+")]
)
def test_the_stores_are_official_images_at_a_version(compose: dict[str, Any], name: str, image: str) -> None:
    """A tag names a full version, so that a pull never changes the store."""
    assert re.fullmatch(image, compose["services"][name]["image"])


def test_qdrant_is_of_the_client_s_minor_version(compose: dict[str, Any]) -> None:
    """The server is as old as the client that requirements.txt pins."""
    pinned = re.search(r"^qdrant-client==(\d+\.\d+)\.", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert pinned is not None
    assert f"qdrant/qdrant:v{pinned[1]}." in compose["services"]["qdrant"]["image"]


def test_everything_has_a_health_check_and_comes_back(compose: dict[str, Any]) -> None:
    """Each container is probed, and restarted when it ends."""
    for service in compose["services"].values():
        assert service["healthcheck"]["test"][0] == "CMD"
        assert service["restart"] == "unless-stopped"


def test_the_stores_keep_their_data_in_volumes(compose: dict[str, Any]) -> None:
    """Both stores write to a named volume."""
    assert ["redis:/data"] == compose["services"]["redis"]["volumes"]
    assert ["qdrant:/qdrant/storage"] == compose["services"]["qdrant"]["volumes"]
    assert {"redis", "qdrant"} == set(compose["volumes"])


def test_redis_loses_nothing_silently(compose: dict[str, Any]) -> None:
    """Every write is on disk before it is acknowledged, and nothing is evicted."""
    command = " ".join(compose["services"]["redis"]["command"])
    assert "--appendonly yes --appendfsync always" in command
    assert "--maxmemory-policy noeviction" in command


def test_services_and_worker_share_stores_and_pepper(compose: dict[str, Any]) -> None:
    """They see the same records, the same index and the same keys."""
    environments = [compose["services"][name]["environment"] for name in ("service-1", "service-2", "worker")]
    assert environments[0] == environments[1] == environments[2]
    assert {"MNEME_REDIS_URL", "MNEME_QDRANT_URL", "MNEME_KEY_PEPPER"} <= set(environments[0])


def test_the_gateway_knows_only_the_services(compose: dict[str, Any]) -> None:
    """It gets no store's address, and one name behind which both services are."""
    gateway = compose["services"]["gateway"]
    assert not {"MNEME_REDIS_URL", "MNEME_QDRANT_URL", "MNEME_KEY_PEPPER"} & set(gateway["environment"])
    assert gateway["environment"]["MNEME_GRPC_TARGET"] == "dns:///services:50051"
    for name in ("service-1", "service-2"):
        assert ["services"] == compose["services"][name]["networks"]["default"]["aliases"]


def test_no_secret_has_a_default(compose: dict[str, Any]) -> None:
    """The file refuses to start without a pepper and a key of the operator's own."""
    environment = compose["services"]["service-1"]["environment"]
    for name in ("MNEME_KEY_PEPPER", "MNEME_BOOTSTRAP_API_KEY"):
        assert environment[name].startswith(f"${{{name}:?")


def test_commands_are_commands_of_mneme(compose: dict[str, Any]) -> None:
    """Each container of ours runs a command that `mneme --help` knows."""
    from service.__main__ import parser  # noqa: PLC0415 - the entry point, read here and nowhere else in this file

    for name in OURS:
        parser().parse_args(compose["services"][name]["command"])


def test_the_image_runs_as_nobody_special(dockerfile: list[list[str]]) -> None:
    """The last USER is not root, and it is set before the entry point."""
    words = [word for word, _ in dockerfile]
    assert "mneme" == [rest for word, rest in dockerfile if word == "USER"][-1]
    assert words.index("USER") < words.index("ENTRYPOINT")


def test_the_image_installs_only_pinned_packages(dockerfile: list[list[str]]) -> None:
    """Dependencies come with hashes, the project itself without looking anything up."""
    installs = [rest for word, rest in dockerfile if word == "RUN" and "pip install" in rest]
    assert 2 == len(installs)
    assert "--require-hashes" in installs[0]
    assert "--no-index" in installs[1]
    assert "--no-deps" in installs[1]


def test_everything_that_is_copied_exists(dockerfile: list[list[str]]) -> None:
    """Each source of a COPY is in the repository and let through by .dockerignore."""
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {source for word, rest in dockerfile if word == "COPY" and "--from" not in rest for source in rest.split()[:-1]}
    assert copied <= let_through
    assert [] == [source for source in copied if not (ROOT / source).exists()]
