"""What the Claiv surface calls beside what every other does."""

from __future__ import annotations

from service.domain.ports.index import VectorIndex
from service.domain.ports.models import Clock, Embedder
from service.recall.documents import DocumentRecaller
from service.recall.recaller import Recaller
from service.rpc.claiv_recall import ClaivRecallCalls
from service.storage.redis import RedisStores
from service.usecases.briefing.blocks import RecallBlocks
from service.usecases.briefing.facts import RecallFacts
from service.usecases.briefing.feedback import KeepRecall, SendFeedback
from service.usecases.briefing.search import Search
from service.wiring.documents import document_passages


def claiv_recall_calls(
    stores: RedisStores, recaller: Recaller, found: DocumentRecaller, index: VectorIndex, *, embedder: Embedder, clock: Clock
) -> ClaivRecallCalls:
    """Return the use cases over these stores, with what recalls memories and what finds passages of documents."""
    search = Search(stores.users, stores.sessions, stores.conflicts, recaller)
    return ClaivRecallCalls(
        blocks=RecallBlocks(search, stores.sessions, embedder, clock),
        facts=RecallFacts(
            search,
            sessions=stores.sessions,
            index=index,
            embedder=embedder,
            clock=clock,
            passages=document_passages(stores, found),
        ),
        keep=KeepRecall(stores.recall_log),
        feedback=SendFeedback(stores.recall_log),
    )
