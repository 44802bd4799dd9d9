"""The receipts of a project: a list that only grows, each receipt with the hash of the one before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from service.domain.deletions import FIRST, Deletion, DeletionReceipt, sealed
from service.domain.errors import ReceiptNotFound
from service.domain.ids import ProjectId, ReceiptId, UserId
from service.domain.values import Page, PageRequest
from service.storage.redis.codec import moment
from service.storage.redis.database import Database, span
from service.storage.redis.names import name_of
from service.storage.redis.receipt_codec import read_receipt, write_receipt
from service.storage.redis.receipt_keys import ReceiptKeys


@dataclass(frozen=True, slots=True)
class RedisReceipts:
    """
    Implements `ReceiptStore`.

    The hash of a receipt cannot be made by a script, which knows no SHA-256. So it is made here, and the script appends the
    receipt only to the chain that it was made for.
    """

    database: Database

    async def append(self, deletion: Deletion) -> DeletionReceipt:
        """Add the receipt of a deletion that is done everywhere, once however often it is called, and return it."""
        keys = ReceiptKeys(deletion.project_id)
        appended = False
        # each round that fails was lost to another receipt
        while not appended:
            length, head = await self.head(deletion.project_id)
            now = moment(await self.database.run("now", [keys.receipts]))
            receipt = sealed(deletion, number=length + 1, completed_at=now, previous_hash=head)
            member = f"{name_of(deletion.user_id)}:{receipt.number:012d}"
            appended = await self.database.run(
                "append_receipt",
                [keys.receipts, keys.numbers, keys.of_users, keys.head],
                [deletion.receipt_id, head, write_receipt(receipt), receipt.hash, member],
            )
        return await self.get(deletion.project_id, deletion.receipt_id)

    async def get(self, project_id: ProjectId, receipt_id: ReceiptId) -> DeletionReceipt:
        """Return the receipt. Raises ReceiptNotFound."""
        keys = ReceiptKeys(project_id)
        number = await self.database.get("HGET", keys.numbers, receipt_id)
        text = await self.database.get("LINDEX", keys.receipts, int(number) - 1) if number else None
        if not text:
            raise ReceiptNotFound(receipt_id=receipt_id)
        return read_receipt(text)

    async def list(self, project_id: ProjectId, page: PageRequest, *, user_id: UserId | None = None) -> Page[DeletionReceipt]:
        """Return one page of receipts, newest first; with *user_id* those about this user alone."""
        keys = ReceiptKeys(project_id)
        if user_id is not None:
            return await self._about(keys, page, user_id)
        total = await self.database.get("LLEN", keys.receipts)
        # the newest lies last
        last = total - page.offset
        first = max(0, last - page.limit)
        texts = await self.database.get("LRANGE", keys.receipts, *span(first, max(0, last - first)))
        return Page(items=[read_receipt(text) for text in reversed(texts)], offset=page.offset, total=total)

    async def oldest_first(self, project_id: ProjectId, page: PageRequest) -> Sequence[DeletionReceipt]:
        """Return a part of the chain as it is stored, unchecked."""
        texts = await self.database.get("LRANGE", ReceiptKeys(project_id).receipts, *span(page.offset, page.limit))
        return [read_receipt(text) for text in texts]

    async def head(self, project_id: ProjectId) -> tuple[int, str]:
        """Return how many receipts there should be and the hash of the last, kept apart from the receipts."""
        length, head = await self.database.get("HMGET", ReceiptKeys(project_id).head, "length", "hash")
        return int(length or 0), head or FIRST

    async def _about(self, keys: ReceiptKeys, page: PageRequest, user_id: UserId) -> Page[DeletionReceipt]:
        """Return one page of the receipts about a user, newest first."""
        name = name_of(user_id)
        low, high = f"[{name}:", f"({name};"
        total, members = await self.database.send(
            ("ZLEXCOUNT", keys.of_users, low, high),
            ("ZREVRANGEBYLEX", keys.of_users, high, low, "LIMIT", page.offset, page.limit),
        )
        numbers = [int(member.rpartition(":")[2]) for member in members]
        texts = await self.database.send(*(("LINDEX", keys.receipts, number - 1) for number in numbers))
        return Page(items=[read_receipt(text) for text in texts if text], offset=page.offset, total=total)
