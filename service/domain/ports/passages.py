"""The seam between recalls and documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from service.domain.ids import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class PassagesWanted:
    """
    Which passages of a user's documents are wanted: at most *limit* that bear on *query*, of one document or of one collection
    unless the id is empty. *thread* and *group* are where the recall is made, which is what a document's audience is measured by.
    """

    query: str
    limit: int
    document_id: str = ""
    collection_id: str = ""
    thread: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPassage:
    """A passage of a document: its *text*, the *title* of its section (empty for none), and its *score*, 0 to 1."""

    document_id: str
    document_name: str
    title: str
    text: str
    score: float


class PassageFinder(Protocol):
    """Finds passages of documents."""

    async def find(self, scope: Scope, wanted: PassagesWanted) -> Sequence[FoundPassage]:
        """Return passages in the order in which they are to be read, most telling first unless the query asks for a part."""
        ...

    async def names(self, scope: Scope, document_ids: Sequence[str]) -> Mapping[str, str]:
        """Return the names of those of these documents that exist."""
        ...
