"""
Deletions and their receipts: what was asked to be forgotten, what went, and the proof.

The receipts of a project are a chain. Each holds the hash of the one before it, so a receipt that is altered, taken out or moved
breaks the chain at its place. A receipt holds ids, names, times and numbers, and nothing of what was deleted.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from service.domain.errors import InvalidRequest
from service.domain.ids import ProjectId, ReceiptId, SessionId, UploadId, UserId
from service.domain.memories import MemoryChange
from service.domain.sessions import Message, SessionStatus

FIRST = "0" * 64
"""What the first receipt of a project has for the hash of the one before it."""


class DeletionAction(StrEnum):
    """What was done; the values are the wire spellings."""

    FORGET = "forget"
    """All that was made of some messages is gone; the messages are kept, and nothing is made of them any more."""
    DELETE_USER = "delete_user"
    """The user is gone with everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetFilter:
    """
    Which messages of a user are to be forgotten: those that meet every condition there is. None is no condition.

    *thread* and *group* are those of the message's session, *document_id* is the message's own, and *from_time* (inclusive) and
    *to_time* (exclusive) bound its time.
    """

    thread: str | None = None
    session_id: SessionId | None = None
    group: str | None = None
    document_id: str | None = None
    from_time: datetime | None = None
    to_time: datetime | None = None

    def check(self) -> None:
        """Raise InvalidRequest when no time lies within its bounds."""
        if self.from_time is not None and self.to_time is not None and self.from_time > self.to_time:
            raise InvalidRequest.of("from_time", "must not be after to_time")

    def covers(self, message: Message) -> bool:
        """Return whether a message of a session that meets the conditions on sessions meets those on messages."""
        if self.document_id is not None and message.document_id != self.document_id:
            return False
        if self.from_time is not None and message.timestamp < self.from_time:
            return False
        return self.to_time is None or message.timestamp < self.to_time


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletedCounts:
    """
    What went: *messages_forgotten* are kept and nothing is made of them any more, *messages_deleted* are gone. *points* are those
    of the index that stood for something that went; a point that stands for something else now counts, too.
    """

    messages_forgotten: int = 0
    messages_deleted: int = 0
    summaries: int = 0
    memory_versions: int = 0
    conflicts: int = 0
    chunks: int = 0
    points: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """A deletion that is done in the truth. Times are UTC."""

    receipt_id: ReceiptId
    project_id: ProjectId
    action: DeletionAction
    user_id: UserId
    wanted: ForgetFilter
    requested_at: datetime
    counts: DeletedCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionReceipt:
    """
    Number *number* of a project's receipts, from 1. *completed_at* is when the deletion was done everywhere, the index included.
    *hash* is that of `digest`, 64 hexadecimal digits.
    """

    number: int
    deletion: Deletion
    completed_at: datetime
    previous_hash: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgottenSession:
    """
    What a forgetting does to one session, worked out when it had *status*, *missing*, *held* and *message_count*.

    The messages at *indexes* become forgotten, the newest of the others is of *newest_left* (None when there is none), its
    summary goes if it *had_summary*, and with *again* it is queued to be processed. Its `missing` becomes *still_missing*.
    *held* are those of its messages that are held for legal reasons, none of them at *indexes*.
    """

    session_id: SessionId
    status: SessionStatus
    missing: frozenset[int] | None
    message_count: int
    indexes: tuple[int, ...]
    had_summary: bool
    newest_left: datetime | None
    again: bool
    still_missing: frozenset[int] | None
    held: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgetting:
    """
    All that a forgetting does, as a whole, and the *deletion* that its receipt will tell of. *erased* are the uploads of
    documents that went for it before and that the deletion counts.
    """

    deletion: Deletion
    memories: MemoryChange
    sessions: tuple[ForgottenSession, ...]
    erased: tuple[UploadId, ...] = ()


def sealed(deletion: Deletion, *, number: int, completed_at: datetime, previous_hash: str) -> DeletionReceipt:
    """Return the receipt of a deletion."""
    bare = DeletionReceipt(number=number, deletion=deletion, completed_at=completed_at, previous_hash=previous_hash, hash="")
    return DeletionReceipt(
        number=number, deletion=deletion, completed_at=completed_at, previous_hash=previous_hash, hash=digest(bare)
    )


def digest(receipt: DeletionReceipt) -> str:
    """Return the SHA-256 of `canonical`, as hexadecimal digits."""
    return hashlib.sha256(canonical(receipt)).hexdigest()


def canonical(receipt: DeletionReceipt) -> bytes:
    """
    Return all of a receipt but its hash as bytes that anybody can build again: one JSON object in UTF-8, no white space, keys in
    the order of the alphabet, only characters that JSON must escape escaped, times like `2026-01-31T08:05:09.000120Z`, null for a
    condition that is not there.
    """
    deletion = receipt.deletion
    wanted, counts = deletion.wanted, deletion.counts
    document = {
        "receipt_id": deletion.receipt_id,
        "project_id": deletion.project_id,
        "number": receipt.number,
        "action": deletion.action.value,
        "scope": {
            "user_id": deletion.user_id,
            "thread_id": wanted.thread,
            "session_id": wanted.session_id,
            "group_id": wanted.group,
            "document_id": wanted.document_id,
            "from_time": _time(wanted.from_time),
            "to_time": _time(wanted.to_time),
        },
        "requested_at": _time(deletion.requested_at),
        "completed_at": _time(receipt.completed_at),
        "deleted_counts": {
            "messages_forgotten": counts.messages_forgotten,
            "messages_deleted": counts.messages_deleted,
            "summaries": counts.summaries,
            "memory_versions": counts.memory_versions,
            "conflicts": counts.conflicts,
            "chunks": counts.chunks,
            "points": counts.points,
        },
        "previous_hash": receipt.previous_hash,
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _time(time: datetime | None) -> str | None:
    return None if time is None else time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenChain:
    """Where a chain of receipts breaks: at the place *number*, from 1, and why."""

    number: int
    problem: str


@dataclass(slots=True, kw_only=True)
class ChainCheck:
    """Follows a chain of receipts from its first on. *length* and *head* are those of the receipts that came."""

    length: int = 0
    head: str = FIRST

    def next(self, receipt: DeletionReceipt) -> BrokenChain | None:
        """Take the next receipt, and return what is wrong with it if anything is."""
        place = self.length + 1
        if receipt.hash != digest(receipt):
            return BrokenChain(number=place, problem="its content is not what its hash was made of")
        if receipt.number != place:
            return BrokenChain(number=place, problem=f"it is number {receipt.number}")
        if receipt.previous_hash != self.head:
            return BrokenChain(number=place, problem="it does not follow the receipt before it")
        self.length, self.head = place, receipt.hash
        return None
