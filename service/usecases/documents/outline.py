"""
Finding the headings of a text: those of Markdown, and of plain text the lines that name a chapter or the like.

Only headings are read, line by line: what a text is made of below them is the splitter's matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

MAX_HEADINGS = 2_000
"""Of a text with more, those of the lowest levels count as text."""

TITLE_CHARACTERS = 200
"""The longest title of a heading."""

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|$)")
_FENCE = re.compile(r" {0,3}(?P<mark>`{3,}|~{3,})(?P<info>.*)")
_ATX = re.compile(r" {0,3}(?P<marks>#{1,6})(?:[ \t]+(?P<title>.*?))??(?:[ \t]+#+)?[ \t]*$")
_UNDERLINE = re.compile(r" {0,3}(?P<mark>=+|-{2,})[ \t]*$")
_NAMED = re.compile(r"(?P<kind>part|chapter|section|appendix)[ \t]+(?:\d+|[ivxlc]+|[a-z])\b[^\r\n]{0,100}$", re.IGNORECASE)
_NAMED_LEVELS = {"part": 1, "chapter": 1, "appendix": 1, "section": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A heading: where it begins and where the text *below* it does, in characters; its *level*, 1 the highest, and *title*."""

    start: int
    below: int
    level: int
    title: str


def headings_of(text: str) -> Sequence[Heading]:
    """Return the headings of *text*, in their order."""
    found = list(_headings(text))
    level = 6
    while len(found) > MAX_HEADINGS and level > 1:
        found = [heading for heading in found if heading.level < level]
        level -= 1
    return found[:MAX_HEADINGS]


def _headings(text: str) -> Iterator[Heading]:
    fence = ""
    above: tuple[int, str] | None = None
    for start, end, line in _lines(text):
        opened = _FENCE.match(line)
        if fence:
            if opened and opened["mark"].startswith(fence) and not opened["info"].strip():
                fence = ""
            continue
        if opened:
            fence, above = opened["mark"], None
            continue
        heading = _heading(start, end, line, above)
        if heading is not None:
            yield heading
        above = (start, line.strip()) if heading is None and _may_be_title(line, above) else None


def _heading(start: int, end: int, line: str, above: tuple[int, str] | None) -> Heading | None:
    if atx := _ATX.match(line):
        return _made(start, end, len(atx["marks"]), atx["title"] or "")
    if above is not None and (underline := _UNDERLINE.match(line)):
        return _made(above[0], end, 1 if underline["mark"].startswith("=") else 2, above[1])
    if named := _NAMED.match(line):
        return _made(start, end, _NAMED_LEVELS[named["kind"].lower()], line)
    return None


def _made(start: int, below: int, level: int, title: str) -> Heading | None:
    title = title.strip()
    # a line as long as that is text, whatever it begins with
    return Heading(start=start, below=below, level=level, title=title) if 0 < len(title) <= TITLE_CHARACTERS else None


def _may_be_title(line: str, above: tuple[int, str] | None) -> bool:
    """Return whether a line can be the title above an underline: it has text and begins a paragraph."""
    return above is None and bool(line.strip()) and not line.startswith(("    ", "\t", ">", "- ", "* ", "|"))


def _lines(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield each line without its break, after the characters at which it begins and at which the next one does."""
    for match in _LINE.finditer(text):
        if match.end() > match.start():
            yield match.start(), match.end(), match.group().rstrip("\r\n")
