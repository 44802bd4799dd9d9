"""The `buf generate` templates for other languages, run with stand-ins for the plugins: each gets the whole contract."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest

ROOT = Path(__file__).parents[2]
PLUGINS = {
    "go": ["protoc-gen-go", "protoc-gen-go-grpc"],
    "typescript": ["protoc-gen-es"],
    "java": ["protoc-gen-java", "protoc-gen-grpc-java"],
}


def stand_in(path: Path, requests: Path) -> None:
    """Write a plugin that keeps each request as a file in `requests` and generates nothing, which is a valid answer."""
    requests.mkdir()
    # a file for each run: buf runs a plugin once for every directory of the contract, all at the same time
    path.write_text(f'#!/bin/sh\ncat > "$(mktemp {requests}/XXXXXXXX)"\n')
    path.chmod(0o755)


@pytest.mark.parametrize("language", PLUGINS)
def test_a_template_hands_the_contract_to_its_plugins(language: str, tmp_path: Path) -> None:
    """Every plugin is asked to generate every public service."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for plugin in PLUGINS[language]:
        stand_in(tools / plugin, tmp_path / plugin)
    # the protoc of grpcio-tools, which brings no generator for Java: it asks the stand-in for one
    protoc = tools / "protoc"
    protoc.write_text(f'#!/bin/sh\nexec {sys.executable} -m grpc_tools.protoc "$@"\n')
    protoc.chmod(0o755)
    buf = shutil.which("buf", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert buf is not None
    subprocess.run(
        [buf, "generate", "--template", str(ROOT / f"buf.gen.{language}.yaml"), "--output", str(tmp_path / "out"), str(ROOT)],
        env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"},
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    for plugin in PLUGINS[language]:
        requests = (CodeGeneratorRequest.FromString(file.read_bytes()) for file in (tmp_path / plugin).iterdir())
        files = {name for request in requests for name in request.file_to_generate}
        assert {f"mneme/v1/{name}_service.proto" for name in ("users", "sessions", "memory", "projects")} <= files
