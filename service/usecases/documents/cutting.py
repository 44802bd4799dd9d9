"""Cutting a document into sections and chunks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from service.domain.documents import Chunk, ChunkRules, Section
from service.domain.ids import UploadId
from service.domain.ports.models import Splitter
from service.usecases.documents.outline import Heading, headings_of

BLOCK = 32_000
"""How many characters are given to the splitter at once: over a text without any place to cut it takes time by the square."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """The sections and the chunks of a document, each in their order."""

    sections: Sequence[Section]
    chunks: Sequence[Chunk]


def cut(text: str, rules: ChunkRules, upload_id: UploadId, splitter: Splitter) -> Cut:
    """
    Return *text* in sections and chunks. All of it but headings and white space is in chunks, of which none reaches across two
    sections; a section without text of its own has none. A text that is nothing but headings is cut like any other.

    Takes processor time: call it in a thread.
    """
    pieces = _cut(text, headings_of(text), rules, upload_id, splitter)
    return pieces if pieces.chunks else _cut(text, (), rules, upload_id, splitter)


def _cut(text: str, headings: Sequence[Heading], rules: ChunkRules, upload_id: UploadId, splitter: Splitter) -> Cut:
    sections: list[Section] = []
    chunks: list[Chunk] = []
    for title, level, start, end in _parts(text, headings):
        first = len(chunks)
        for begin, piece in _pieces(text, start, end, rules, splitter):
            chunks.append(Chunk(upload_id=upload_id, place=len(chunks), start=begin, title=title, text=piece))
        if title is not None or len(chunks) > first:
            sections.append(Section(title=title, level=level, first=first, chunks=len(chunks) - first))
    return Cut(sections=sections, chunks=chunks)


def _parts(text: str, headings: Sequence[Heading]) -> Iterator[tuple[str | None, int, int, int]]:
    """Yield the title and the level of each section, and where the text below its heading begins and ends."""
    title, level, start = None, 0, 0
    for heading in headings:
        yield title, level, start, heading.start
        title, level, start = heading.title, heading.level, heading.below
    yield title, level, start, len(text)


def _pieces(text: str, start: int, end: int, rules: ChunkRules, splitter: Splitter) -> Iterator[tuple[int, str]]:
    overlap = min(rules.overlap, rules.size // 2)
    while start < end:
        stop = _block_end(text, start, end)
        for begin, piece in splitter.split(text[start:stop], size=rules.size, overlap=overlap):
            yield start + begin, piece
        start = stop


def _block_end(text: str, start: int, end: int) -> int:
    """Return where a block that begins at *start* ends: after a paragraph, else a line, else a word, in its second half."""
    if end - start <= BLOCK:
        return end
    stop = start + BLOCK
    for separator in ("\n\n", "\n", " "):
        place = text.rfind(separator, start + BLOCK // 2, stop)
        if place >= 0:
            return place + len(separator)
    return stop
