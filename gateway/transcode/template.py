"""
Path templates of `google.api.http`.

    Template = "/" Segments [ ":" LITERAL ]      Segments = Segment { "/" Segment }
    Segment  = "*" | "**" | LITERAL | "{" FieldPath [ "=" Segments ] "}"
"""

from __future__ import annotations

import re
from dataclasses import dataclass

ONE = "*"
MANY = "**"

_TOKEN = re.compile(r"\{(?P<field>[A-Za-z_][\w.]*)(?:=(?P<inner>[^{}]+))?\}|(?P<plain>[^/{}]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A field path and the segments `start` to `stop` (excluded) that fill it. *stop* is None after a `**`."""

    field: str
    start: int
    stop: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A parsed template. *segments* are literals, `*` and at most one `**` at the end; *verb* is the text after the colon."""

    text: str
    segments: tuple[str, ...]
    variables: tuple[Variable, ...]
    verb: str


def parse_template(text: str) -> Template:
    """Parse the template *text*. ValueError when it breaks the grammar."""
    if not text.startswith("/"):
        raise ValueError(f"{text!r} does not begin with a slash")
    segments: list[str] = []
    variables: list[Variable] = []
    verb = ""
    position = 1
    while position <= len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ValueError(f"{text!r} has no segment at character {position}")
        position = match.end()
        rest = text[position:]
        if match["field"]:
            verb = _add_variable(match, rest, segments, variables)
        else:
            literal, _, verb = match["plain"].partition(":")
            segments.append(literal)
        if verb or not rest or rest.startswith(":"):
            break
        if not rest.startswith("/"):
            raise ValueError(f"{text!r}: a segment is followed by {rest!r}")
        position += 1
    if MANY in segments[:-1]:
        raise ValueError(f"{text!r}: `**` is the last segment")
    return Template(text=text, segments=tuple(segments), variables=tuple(variables), verb=verb)


def _add_variable(match: re.Match[str], rest: str, segments: list[str], variables: list[Variable]) -> str:
    """Append the segments of the variable in *match*; return the verb that stands behind it, or nothing."""
    inner = (match["inner"] or ONE).split("/")
    stop = None if inner[-1] == MANY else len(segments) + len(inner)
    variables.append(Variable(field=match["field"], start=len(segments), stop=stop))
    segments.extend(inner)
    return rest[1:] if rest.startswith(":") else ""
