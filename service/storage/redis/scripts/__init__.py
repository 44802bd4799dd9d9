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
from typing import Literal

SHEBANG = "#!lua\n"

ScriptName = Literal[
    "add_key",
    "add_member",
    "add_messages",
    "add_usage",
    "admit",
    "append_receipt",
    "begin_draft",
    "change_memories",
    "claim",
    "claim_entries",
    "claim_name",
    "commit_resolution",
    "commit_draft",
    "commit_session",
    "create_collection",
    "create_project",
    "create_user",
    "delete_collection",
    "delete_document",
    "delete_session",
    "delete_user",
    "discard_draft",
    "end_delivery",
    "enqueue",
    "enqueue_conflict",
    "expire_deliveries",
    "fail_job",
    "fail_resolution",
    "find_entries",
    "fire_timers",
    "lease_deliveries",
    "forget",
    "held_entries",
    "keep_recall",
    "list_key",
    "make_part",
    "now",
    "open_session",
    "overdue",
    "pass_claim",
    "postpone",
    "prepare_stream",
    "put_document",
    "purge_answers",
    "purge_documents",
    "purge_sessions",
    "put_webhook",
    "read_messages",
    "rate_recall",
    "release_hold",
    "remember_user",
    "remove_member",
    "renew_entry",
    "replay_delivery",
    "retire_entries",
    "revive_jobs",
    "revoke_key",
    "save_step",
    "start_processing",
    "update_project",
    "update_session",
    "update_user",
    "void_claim",
]


@dataclass(frozen=True, slots=True)
class Script:
    """A script and the SHA-1 that the server knows it by."""

    text: str
    sha: str


@cache
def script(name: ScriptName) -> Script:
    """Return the script of the file `<name>.lua`."""
    here = files(__package__)
    body = (here / f"{name}.lua").read_text(encoding="utf-8")
    if not body.startswith(SHEBANG):
        raise ValueError(f"{name}.lua does not begin with {SHEBANG!r}")
    libraries = sorted((here / "lib").iterdir(), key=lambda file: file.name)
    library = "".join(file.read_text(encoding="utf-8") for file in libraries if file.name.endswith(".lua"))
    text = SHEBANG + library + body.removeprefix(SHEBANG)
    return Script(text=text, sha=hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())
