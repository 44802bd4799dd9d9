"""Regenerate `proto/gen` from the contract, without a network: protoc and its plugins come from PyPI."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

PROTO = Path(__file__).resolve().parent
OUT = PROTO / "gen"
THIRD_PARTY = ["buf/validate/validate.proto"]


def main() -> None:
    """Write every generated module anew, so that what no longer exists in the contract is gone too."""
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir()
    ours = sorted(str(path.relative_to(PROTO)) for path in (PROTO / "mneme").rglob("*.proto"))
    command = [
        sys.executable,
        "-m",
        "grpc_tools.protoc",
        # first: nested roots make protoc define the vendored files twice otherwise
        f"-I{PROTO / 'third_party'}",
        f"-I{PROTO}",
        f"--python_out={OUT}",
        f"--grpc_python_out={OUT}",
        f"--mypy_out=quiet:{OUT}",
        f"--mypy_grpc_out=quiet,only_async:{OUT}",
        *THIRD_PARTY,
        *ours,
    ]
    subprocess.run(  # noqa: S603 - our own words
        command,
        check=True,
        env={"PATH": str(Path(sys.executable).parent)},
    )
    for module in OUT.rglob("*_pb2_grpc.py*"):
        # the plugin writes a module for every file, also for those without a service
        if "Servicer" not in module.read_text():
            module.unlink()
    # protoc writes no packages, and type checkers and import-linter want them
    for module in OUT.rglob("*_pb2.py"):
        for folder in module.relative_to(OUT).parents[:-1]:
            (OUT / folder / "__init__.py").touch()


if __name__ == "__main__":
    main()
