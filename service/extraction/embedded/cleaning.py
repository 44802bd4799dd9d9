"""Chat text without its dress: fences of recalled text, code, quotations of others, Markdown and HTML."""

from __future__ import annotations

import re
import unicodedata

from service.extraction.fences import without_fenced

MAX_CHARACTERS = 20_000
"""What is read of one message at most, after fences are out. Whatever is longer is a pasted document."""

MAX_ITEM = 60
"""Characters of an item that may be part of a line; longer ones are sentences."""
MAX_LIST = 400
"""Characters of a line with its items."""

_CODE = re.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)", re.DOTALL)
_IMAGE = re.compile(r"!\[([^\]\n]{0,200})\]\([^)\n]{0,500}\)")
_LINK = re.compile(r"\[([^\]\n]{1,200})\]\([^)\n]{1,500}\)")
_HTML = re.compile(r"</?[a-zA-Z][^<>\n]{0,200}>")
_EMPHASIS = re.compile(r"(\*\*|__|\*|~~|`)(?=\S)([^\n*_~`]{1,300}?)(?<=\S)\1")
_BULLET = r"[-*+•]\s+|\d{1,3}[.)]\s+(?=\S)"
_LINE_DRESS = re.compile(rf"^\s{{0,8}}(?:#{{1,6}}\s+|{_BULLET})")
_ITEM = re.compile(rf"^\s{{0,8}}(?:{_BULLET})")
_QUOTES = str.maketrans(
    {
        "\u2019": "'",
        "\u2018": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u201e": '"',
        "\u00ab": '"',
        "\u00bb": '"',
        "\u00a0": " ",
        "\u200b": None,
    }
)


def cleaned_lines(content: str) -> list[str]:
    """
    Return the lines of *content* that are somebody's own words, as plain text with straight quotes, none empty.

    Quoted lines (`> …`), tables and code are nobody's words here. Bullets lose their signs; a list of short ones becomes part of
    the line that announces it with a colon.
    """
    text = without_fenced(content)[:MAX_CHARACTERS]
    text = unicodedata.normalize("NFC", text).translate(_QUOTES)
    text = _HTML.sub(" ", _LINK.sub(r"\1", _IMAGE.sub(" ", _CODE.sub("\n", text))))
    lines: list[str] = []
    announced = False
    for line in text.splitlines():
        if line.lstrip().startswith((">", "|")):
            continue
        plain = " ".join(_EMPHASIS.sub(r"\2", _LINE_DRESS.sub("", line)).split())
        if not plain:
            continue
        item = announced and _ITEM.match(line) is not None and len(plain) <= MAX_ITEM and len(lines[-1]) <= MAX_LIST
        if item:
            lines[-1] += f" {plain}" if lines[-1].endswith(":") else f", {plain}"
        else:
            lines.append(plain)
        announced = item or plain.endswith(":")
    return lines
