"""
The Lua scripts, each one atomic write in one slot; what a script expects and returns is said at its top.

Every script begins with `#!lua`, without which a cluster would let it touch keys of other slots, and declares all its keys. The
functions of `lib/` stand before each script.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

SHEBANG = "#!lua\n"


@dataclass(frozen=True, slots=True)
class Script:
    """A script and the SHA-1 that the server knows it by."""

    text: str
    sha: str


@cache
def script(name: str) -> Script:
    """Return the script of the file `<name>.lua`."""
    here = files(__package__)
    body = (here / f"{name}.lua").read_text(encoding="utf-8")
    if not body.startswith(SHEBANG):
        raise ValueError(f"{name}.lua does not begin with {SHEBANG!r}")
    libraries = sorted((here / "lib").iterdir(), key=lambda file: file.name)
    library = "".join(file.read_text(encoding="utf-8") for file in libraries if file.name.endswith(".lua"))
    text = SHEBANG + library + body.removeprefix(SHEBANG)
    return Script(text=text, sha=hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())
