"""Blocks as the first three generations of the Claiv API have them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mneme.compat.v1 import claiv_recall_service_pb2 as pb

from service.domain.events import message_id_of
from service.domain.ids import MessageId
from service.domain.memories import Source, source_of
from service.domain.sessions import Message
from service.usecases.briefing.blocks import Block, BlockKind, Blocks

_V1: Mapping[BlockKind, str] = {
    BlockKind.MEMORY: "fact",
    BlockKind.CHANGED_MEMORY: "fact",
    BlockKind.SUMMARY: "episode",
    BlockKind.MESSAGE: "chunk",
    BlockKind.CONFLICT: "contradiction",
}
_V2: Mapping[BlockKind, str] = {
    BlockKind.MEMORY: "assertion",
    BlockKind.CHANGED_MEMORY: "assertion",
    BlockKind.SUMMARY: "episode",
    # what was said is claimed by whoever said it, like what was made of it
    BlockKind.MESSAGE: "assertion",
    BlockKind.CONFLICT: "conflict",
}
_V3: Mapping[BlockKind, str] = {
    BlockKind.MEMORY: "fact",
    BlockKind.CHANGED_MEMORY: "change",
    BlockKind.SUMMARY: "episode",
    BlockKind.MESSAGE: "raw_message",
    BlockKind.CONFLICT: "conflict",
}


def event_ids(sources: Sequence[Source]) -> list[MessageId]:
    """Return the ids of the events that something comes from."""
    return [message_id_of(source) for source in sources]


def event_id(message: Message) -> MessageId:
    """Return the id of the event that a message is."""
    return message_id_of(source_of(message))


def citations(found: Blocks) -> list[MessageId]:
    """Return the ids of all events that the blocks come from, each once."""
    return list(dict.fromkeys(event for block in found.blocks for event in event_ids(block.sources)))


def ids_of_blocks(found: Blocks) -> list[str]:
    """Return the ids that feedback on the blocks may name: a block has none of its own."""
    return list(citations(found))


def to_block(block: Block) -> pb.ClaivBlock:
    """Return a block of RecallV1."""
    return pb.ClaivBlock(type=_V1[block.kind], content=block.content, score=block.score, source_ids=event_ids(block.sources))


def to_quoted_v2(block: Block) -> pb.ClaivQuotedBlock:
    """Return a block of RecallV2."""
    return _quoted(block, _V2[block.kind])


def to_quoted_v3(block: Block) -> pb.ClaivQuotedBlock:
    """Return a block of RecallV3."""
    return _quoted(block, _V3[block.kind])


def _quoted(block: Block, kind: str) -> pb.ClaivQuotedBlock:
    return pb.ClaivQuotedBlock(
        type=kind,
        content=block.content,
        score=block.score,
        source_ids=event_ids(block.sources),
        evidence=[pb.ClaivQuote(event_id=event_id(quote), quote=quote.content) for quote in block.quotes],
    )
