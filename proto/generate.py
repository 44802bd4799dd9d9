"""Regenerate `proto/gen` from the contract, without a network: protoc and its plugins come from PyPI."""

from __future__ import annotations

import argparse
import filecmp
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet

PROTO = Path(__file__).resolve().parent
OUT = PROTO / "gen"
COMMENTED = "mneme/contract.binpb"
OURS, INTERNAL = "mneme.", "mneme.internal."
THIRD_PARTY = ["buf/validate/validate.proto"]


def main() -> None:
    """Bring `proto/gen` up to date, or with `--check` say what in it is not what the contract generates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when proto/gen is not current")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder)
        generate(wanted)
        stale = differences(wanted, OUT)
        if arguments.check and stale:
            sys.exit("proto/gen is not current, run `make gen`:\n  " + "\n  ".join(stale))
        # file by file, and only those that differ: what runs meanwhile finds every module at every moment
        for name in stale:
            if (wanted / name).exists():
                (OUT / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(wanted / name, OUT / name)
            else:
                (OUT / name).unlink()


def differences(wanted: Path, present: Path) -> list[str]:
    """Return the files that are missing, changed or left over in *present*, sorted."""
    files = {
        str(path.relative_to(root))
        for root in (wanted, present)
        for path in root.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    _, changed, absent = filecmp.cmpfiles(wanted, present, files, shallow=False)
    return sorted([*changed, *absent])


def generate(out: Path) -> None:
    """Write every generated module, and the contract with its comments, into the empty folder *out*."""
    (out / COMMENTED).parent.mkdir()
    ours = sorted(str(path.relative_to(PROTO)) for path in (PROTO / "mneme").rglob("*.proto"))
    command = [
        sys.executable,
        "-m",
        "grpc_tools.protoc",
        # first: nested roots make protoc define the vendored files twice otherwise
        f"-I{PROTO / 'third_party'}",
        f"-I{PROTO}",
        f"--python_out={out}",
        # the modules hold no comments, and the OpenAPI document is made of them
        "--include_source_info",
        f"--descriptor_set_out={out / COMMENTED}",
        f"--grpc_python_out={out}",
        f"--mypy_out=quiet:{out}",
        f"--mypy_grpc_out=quiet,only_async:{out}",
        *THIRD_PARTY,
        *ours,
    ]
    subprocess.run(  # noqa: S603 - our own words
        command,
        check=True,
        env={"PATH": str(Path(sys.executable).parent)},
    )
    keep_comments_of_public_files(out / COMMENTED)
    for module in out.rglob("*_pb2_grpc.py*"):
        # the plugin writes a module for every file, also for those without a service
        if "Servicer" not in module.read_text():
            module.unlink()
    # protoc writes no packages, and type checkers and import-linter want them
    for module in out.rglob("*_pb2.py"):
        for folder in module.relative_to(out).parents[:-1]:
            (out / folder / "__init__.py").touch()


def keep_comments_of_public_files(path: Path) -> None:
    """Leave in the descriptors at *path* only our public files and, of their source locations, the comments without place."""
    kept = FileDescriptorSet()
    for file in FileDescriptorSet.FromString(path.read_bytes()).file:
        if not file.package.startswith(OURS) or file.package.startswith(INTERNAL):
            continue
        commented = [location for location in file.source_code_info.location if location.leading_comments]
        for location in commented:
            # so that a new line changes nothing for the things below it
            location.ClearField("span")
        public = kept.file.add()
        public.CopyFrom(file)
        del public.source_code_info.location[:]
        public.source_code_info.location.extend(commented)
    path.write_bytes(kept.SerializeToString(deterministic=True))


if __name__ == "__main__":
    main()
