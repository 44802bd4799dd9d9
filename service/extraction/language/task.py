"""The question what is worth keeping of a part of a session."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from service.domain.projects import Category, Guidance
from service.domain.sessions import Transcript
from service.extraction.language.asking import Question
from service.extraction.language.kept import Kept
from service.extraction.language.reading import Reading, read_findings
from service.extraction.language.shapes import Findings, schema_of
from service.extraction.language.transcript import Chunk, stamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A session that is read in *parts*, and what its project wants of it."""

    transcript: Transcript
    categories: tuple[Category, ...]
    guidance: Guidance
    parts: int

    def question(self, part: int, chunk: Chunk) -> Question[Reading]:
        """Return the question what is worth keeping of *chunk*, which is *part* of the session, from 1."""
        return Question(
            step="extract",
            told="extract",
            asked="extract_part",
            values={
                "now": stamp(self.transcript.now),
                "part": str(part),
                "parts": str(self.parts),
                "categories": self._categories(),
                "guidance": "".join(f"\n{wish}\n" for wish in self._wishes()),
                "messages": "\n".join(piece.line() for piece in chunk),
            },
            schema=schema_of(Findings, self.categories),
            read=partial(read_findings, session_id=self.transcript.session_id, chunk=chunk, categories=self.categories),
        )

    def key(self, chunk: Chunk) -> bytes:
        """Return a key of everything that the answer about *chunk* depends on."""
        lines = (piece.line() for piece in chunk)
        return Kept.key(
            self.transcript.session_id, stamp(self.transcript.now), self._categories(), "\n".join(self._wishes()), *lines
        )

    def _categories(self) -> str:
        return "\n".join(json.dumps({one.name: one.description}, ensure_ascii=False) for one in self.categories)

    def _wishes(self) -> Iterator[str]:
        """Yield what the project wants kept and what not, each as one line."""
        guidance = self.guidance
        for title, wish in (
            ("Keep above all", guidance.include),
            ("Do not keep", guidance.exclude),
            ("Worth keeping, for example", guidance.positive_examples),
            ("Not worth keeping, for example", guidance.negative_examples),
            ("Categories that are excluded", guidance.excluded_categories),
            ("Words that are excluded", guidance.excluded_keywords),
        ):
            if wish:
                yield f"{title}: {json.dumps(wish, ensure_ascii=False)}"
