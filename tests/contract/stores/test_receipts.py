"""Receipts of deletions, one chain per project."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import orjson
import pytest

from service.domain.deletions import DeletedCounts, Deletion, DeletionAction, ForgetFilter
from service.domain.errors import ReceiptNotFound
from service.domain.ids import ProjectId, ReceiptId, SessionId, UserId
from service.domain.values import PageRequest
from service.storage.redis import RedisStores
from service.storage.redis.receipt_keys import ReceiptKeys
from service.usecases.deletions.verify_receipts import VerifyReceipts
from tests.contract.stores.conftest import Client
from tests.contract.stores.makers import ACME, FIRST_PAGE, GLOBEX, PAST, connect


def deletion(name: str, *, user_id: str = "ann", project_id: ProjectId = ACME) -> Deletion:
    """Return a deletion with something in every field."""
    wanted = ForgetFilter(
        thread="a: {b}",
        session_id=SessionId("s"),
        group="g",
        document_id="d",
        from_time=PAST,
        to_time=PAST + timedelta(days=1),
    )
    return Deletion(
        receipt_id=ReceiptId(name),
        project_id=project_id,
        action=DeletionAction.FORGET,
        user_id=UserId(user_id),
        wanted=wanted,
        requested_at=PAST,
        counts=DeletedCounts(messages_forgotten=1, points=7),
    )


async def test_a_receipt_is_kept_as_it_is(stores: RedisStores) -> None:
    """Found by its id, within its project alone."""
    receipt = await stores.receipts.append(deletion("r1"))
    assert deletion("r1") == receipt.deletion
    assert receipt == await stores.receipts.get(ACME, ReceiptId("r1"))
    with pytest.raises(ReceiptNotFound):
        await stores.receipts.get(GLOBEX, ReceiptId("r1"))


async def test_a_deletion_has_one_receipt(stores: RedisStores) -> None:
    """However often it is appended, and by how many at once."""
    await connect(stores)
    names = [f"r{number % 5}" for number in range(20)]
    receipts = await asyncio.gather(*(stores.receipts.append(deletion(name)) for name in names))
    assert 5 == len({receipt.hash for receipt in receipts})
    verdict = await VerifyReceipts(stores.receipts)(ACME)
    assert (5, None) == (verdict.length, verdict.broken)


async def test_receipts_are_listed_newest_first(stores: RedisStores) -> None:
    """All, or those about one user."""
    for number in range(5):
        await stores.receipts.append(deletion(f"r{number}", user_id="ann" if number % 2 else "ben"))
    await stores.receipts.append(deletion("x", project_id=GLOBEX))
    page = await stores.receipts.list(ACME, PageRequest(offset=1, limit=2))
    assert (["r3", "r2"], 5) == ([one.deletion.receipt_id for one in page.items], page.total)
    page = await stores.receipts.list(ACME, PageRequest(offset=1, limit=5), user_id=UserId("ben"))
    assert (["r2", "r0"], 3) == ([one.deletion.receipt_id for one in page.items], page.total)
    assert [] == (await stores.receipts.list(ACME, FIRST_PAGE, user_id=UserId("cid"))).items
    assert [] == (await stores.receipts.list(ACME, PageRequest(offset=9, limit=2))).items


@pytest.mark.parametrize(("how", "place"), [("alter", 2), ("remove", 2), ("truncate", 3), ("swap", 1)])
async def test_tampering_is_found_out(stores: RedisStores, client: Client, how: str, place: int) -> None:
    """At its place; also when the end was cut off."""
    for number in range(3):
        await stores.receipts.append(deletion(f"r{number}"))
    key = ReceiptKeys(ACME).receipts
    texts = [orjson.loads(text) for text in await client.lrange(key, 0, -1)]
    texts[1]["deleted_counts"]["points"] += int(how == "alter")
    changed = {"alter": texts, "remove": [texts[0], texts[2]], "truncate": texts[:2], "swap": texts[::-1]}[how]
    await client.delete(key)
    await client.rpush(key, *map(orjson.dumps, changed))
    broken = (await VerifyReceipts(stores.receipts)(ACME)).broken
    assert broken is not None
    assert place == broken.number


async def test_a_chain_that_was_built_anew_is_found_by_a_noted_head(stores: RedisStores, client: Client) -> None:
    """It is whole, but it is not the one that was noted."""
    noted = (await stores.receipts.append(deletion("r1"))).hash
    await stores.receipts.append(deletion("r2"))
    verify = VerifyReceipts(stores.receipts)
    assert None is (await verify(ACME, noted=noted)).broken
    await client.flushall()
    await stores.receipts.append(deletion("r2"))
    assert None is (await verify(ACME)).broken
    assert None is not (await verify(ACME, noted=noted)).broken
