"""What lies where in a data directory."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_ADDRESSES = "addresses.json"
# sun_path holds 104 bytes on macOS, 108 on Linux, the final zero included
_LONGEST_SOCKET_PATH = 103
_LONGEST_SOCKET_NAME = "valkey.sock"


class UnsafeRuntimeDirectory(RuntimeError):
    """The directory for the sockets belongs to somebody else or is open to others."""

    def __init__(self, directory: Path) -> None:
        """Name the *directory*."""
        super().__init__(f"{directory} is not a directory of this user alone: remove it, or choose a shorter MNEME_DATA_DIR")


@dataclass(frozen=True, slots=True)
class DataDirectory:
    """One data directory; *root* is absolute. Two `mneme serve` never share one."""

    root: Path

    @classmethod
    def prepare(cls, path: Path) -> DataDirectory:
        """Make the directory, for this user only, where it is missing."""
        root = path.expanduser().resolve()
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(root)

    @property
    def valkey(self) -> Path:
        """The records."""
        return self.root / "valkey"

    @property
    def index(self) -> Path:
        """The vectors; `mneme reindex` makes them anew."""
        return self.root / "index"

    @property
    def sockets(self) -> Path:
        """
        Directory of the Unix sockets: `run` in the data directory, or, where that path is too long for a socket,
        `mneme-<user id>-<hash of the data directory>` under the temporary directory.
        """
        inside = self.root / "run"
        if len(os.fsencode(inside / _LONGEST_SOCKET_NAME)) <= _LONGEST_SOCKET_PATH:
            return inside
        name = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"mneme-{os.getuid()}-{name}"

    @property
    def valkey_socket(self) -> Path:
        """Where the embedded Valkey listens."""
        return self.sockets / _LONGEST_SOCKET_NAME

    @property
    def index_socket(self) -> Path:
        """Where the embedded vector engine listens."""
        return self.sockets / "index.sock"

    @property
    def service_socket(self) -> Path:
        """Where the service listens for the gateway."""
        return self.sockets / "calls.sock"

    def prepare_sockets(self) -> None:
        """Make the directory of the sockets. Raises UnsafeRuntimeDirectory when somebody else could put a socket there."""
        self.sockets.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = self.sockets.lstat()
        if self.sockets.is_symlink() or status.st_uid != os.getuid() or status.st_mode & 0o077:
            raise UnsafeRuntimeDirectory(self.sockets)

    def write_addresses(self, addresses: Mapping[str, str]) -> None:
        """Say where the servers listen, in `addresses.json`: whoever reads it sees all of it or nothing."""
        draft = self.root / f".{_ADDRESSES}.{os.getpid()}"
        draft.write_text(json.dumps(dict(addresses)) + "\n")
        draft.replace(self.root / _ADDRESSES)

    def forget_addresses(self) -> None:
        """Remove `addresses.json`: nobody listens."""
        (self.root / _ADDRESSES).unlink(missing_ok=True)
