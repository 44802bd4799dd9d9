"""Verify the deletion receipts of a project."""

from __future__ import annotations

from dataclasses import dataclass

from service.domain.deletions import BrokenChain, ChainCheck
from service.domain.ids import ProjectId
from service.domain.ports.deletions import ReceiptStore
from service.domain.values import PageRequest

_PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How many receipts were found good, the hash of the last of them, and what broke the chain after it, if anything did."""

    length: int
    head: str
    broken: BrokenChain | None


class VerifyReceipts:
    """
    Follows the chain of a project's receipts from its first.

    Whoever can write the store could build the whole chain anew. So a head that was noted elsewhere before is looked for, too.
    """

    def __init__(self, receipts: ReceiptStore) -> None:
        """Keep the store."""
        self._receipts = receipts

    async def __call__(self, project_id: ProjectId, *, noted: str | None = None) -> Verdict:
        """Return whether the chain is whole and, with *noted*, whether one of its receipts has this hash."""
        # first: receipts that come meanwhile are found besides
        length, head = await self._receipts.head(project_id)
        check = ChainCheck()
        heads = {check.head: 0}
        while page := await self._receipts.oldest_first(project_id, PageRequest(offset=check.length, limit=_PAGE)):
            for receipt in page:
                if broken := check.next(receipt):
                    return Verdict(length=check.length, head=check.head, broken=broken)
                heads[check.head] = check.length
        problem = None
        if heads.get(head) != length:
            problem = "receipts are missing at the end"
        elif noted is not None and noted not in heads:
            problem = "no receipt has the hash that was noted"
        broken = BrokenChain(number=check.length + 1, problem=problem) if problem else None
        return Verdict(length=check.length, head=check.head, broken=broken)
