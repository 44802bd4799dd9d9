"""The chain of deletion receipts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from service.domain.deletions import (
    FIRST,
    ChainCheck,
    DeletedCounts,
    Deletion,
    DeletionAction,
    DeletionReceipt,
    ForgetFilter,
    canonical,
    digest,
    sealed,
)
from service.domain.ids import ProjectId, ReceiptId, UserId

NOON = datetime(2026, 1, 31, 12, 0, 0, 120, tzinfo=UTC)


def deletion(number: int) -> Deletion:
    """Return a deletion."""
    return Deletion(
        receipt_id=ReceiptId(f"r{number}"),
        project_id=ProjectId("acme"),
        action=DeletionAction.FORGET,
        user_id=UserId("zoë"),
        wanted=ForgetFilter(thread="a", from_time=NOON),
        requested_at=NOON,
        counts=DeletedCounts(messages_forgotten=number),
    )


def chain(length: int) -> list[DeletionReceipt]:
    """Return a chain of receipts."""
    receipts: list[DeletionReceipt] = []
    for number in range(1, length + 1):
        head = receipts[-1].hash if receipts else FIRST
        receipts.append(sealed(deletion(number), number=number, completed_at=NOON, previous_hash=head))
    return receipts


def broken_at(receipts: Sequence[DeletionReceipt]) -> int | None:
    """Return where a chain breaks."""
    check = ChainCheck()
    found = (check.next(receipt) for receipt in receipts)
    return next((broken.number for broken in found if broken is not None), None)


TAMPERINGS: dict[str, tuple[Callable[[list[DeletionReceipt]], list[DeletionReceipt]], int]] = {
    "altered": (lambda r: [r[0], replace(r[1], deletion=replace(r[1].deletion, counts=DeletedCounts())), r[2]], 2),
    "altered and sealed anew": (
        lambda r: [r[0], sealed(deletion(9), number=2, completed_at=NOON, previous_hash=r[0].hash), r[2]],
        3,
    ),
    "taken out": (lambda r: [r[0], r[2]], 2),
    "the first taken out": (lambda r: r[1:], 1),
    "moved": (lambda r: [r[0], r[2], r[1]], 2),
    "added": (lambda r: [r[0], r[0], *r[1:]], 2),
}


def test_a_chain_is_whole() -> None:
    """As it is built."""
    assert None is broken_at(chain(3))


@pytest.mark.parametrize("how", TAMPERINGS)
def test_a_tampered_chain_is_found_out(how: str) -> None:
    """At its place."""
    tamper, place = TAMPERINGS[how]
    assert place == broken_at(tamper(chain(3)))


def test_the_canonical_form_is_what_the_manual_says() -> None:
    """Byte by byte, so that anybody can check a receipt with a tool of their own."""
    (receipt,) = chain(1)
    expected = (
        '{"action":"forget","completed_at":"2026-01-31T12:00:00.000120Z","deleted_counts":{"chunks":0,"conflicts":0,'
        '"memory_versions":0,"messages_deleted":0,"messages_forgotten":1,"points":0,"summaries":0},"number":1,"previous_hash":"'
        + "0"
        * 64
        + '","project_id":"acme","receipt_id":"r1","requested_at":"2026-01-31T12:00:00.000120Z","scope":{"document_id":null,'
        '"from_time":"2026-01-31T12:00:00.000120Z","group_id":null,"session_id":null,"thread_id":"a","to_time":null,'
        '"user_id":"zoë"}}'
    )
    assert expected.encode() == canonical(receipt)


def test_a_hash_does_not_depend_on_how_a_time_is_written() -> None:
    """The same moment in another zone is the same receipt."""
    (receipt,) = chain(1)
    there = timezone(timedelta(hours=3))
    assert receipt.hash == digest(replace(receipt, completed_at=receipt.completed_at.astimezone(there)))
