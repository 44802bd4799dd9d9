"""How the result of a step is kept between two attempts at one job: JSON, so that a newer version of the service can read it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from service.domain.ids import SessionId
from service.domain.memories import Candidate, Extraction, Source

EXTRACTION = "extraction"


def encode_extraction(extraction: Extraction) -> bytes:
    """Return the extraction as JSON."""
    document = {
        "summary": extraction.summary,
        "candidates": [
            {
                "content": candidate.content,
                "categories": candidate.categories,
                "entities": candidate.entities,
                "event_start": candidate.event_start.isoformat(),
                "event_end": candidate.event_end.isoformat(),
                "sources": [[source.session_id, source.message_index] for source in candidate.sources],
                "corrects": candidate.corrects,
            }
            for candidate in extraction.candidates
        ],
    }
    return json.dumps(document, separators=(",", ":")).encode()


def decode_extraction(kept: bytes) -> Extraction:
    """Return what `encode_extraction` was given."""
    document = json.loads(kept)
    return Extraction(
        candidates=tuple(_candidate(candidate) for candidate in document["candidates"]), summary=document["summary"]
    )


def _candidate(document: dict[str, Any]) -> Candidate:
    return Candidate(
        content=document["content"],
        categories=tuple(document["categories"]),
        entities=tuple(document["entities"]),
        event_start=datetime.fromisoformat(document["event_start"]),
        event_end=datetime.fromisoformat(document["event_end"]),
        sources=tuple(Source(session_id=SessionId(session), message_index=index) for session, index in document["sources"]),
        corrects=document.get("corrects", False),
    )
