"""
Which method answers a verb and a path: a trie over the segments of all templates, compiled once.

The raw path decides. Each segment is percent-decoded exactly once, so `%2F` is part of an id and a stray `%` stays as it is.
At every place a literal beats `*` and `*` beats `**`; the search goes back when the better branch has no such verb.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from gateway.transcode.methods import Binding, Method
from gateway.transcode.template import MANY, ONE

_ESCAPE = re.compile(rb"%[0-9A-Fa-f]{2}")
_RESERVED = frozenset(bytes([code]) for code in b":/?#[]@!$&'()*+,;=")


class DuplicateRoute(ValueError):
    """Two methods claim one verb and path, and no query parameter tells them apart."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Route:
    """A method under one of its bindings. Equal only to itself, so that it can be a key."""

    method: Method
    binding: Binding

    def variables(self, raw_segments: list[bytes]) -> dict[str, str]:
        """
        Return the text of each path variable by its field path; bytes that are no UTF-8 become lone surrogates.

        A variable of one segment is decoded in full. In one of several segments the reserved characters stay encoded, because
        a decoded `%2F` could not be told from a separator.
        """
        texts: dict[str, str] = {}
        for variable in self.binding.template.variables:
            taken = raw_segments[variable.start : variable.stop]
            if variable.stop is not None and variable.stop - variable.start == 1:
                texts[variable.field] = _decoded(taken[0])
            else:
                texts[variable.field] = _decoded_unreserved(b"/".join(taken))
        return texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """
    What a verb and a path lead to.

    *selectable* holds the routes that a boolean query parameter chooses, by its name; *default* is for everyone else.
    *raw_segments* are those of the path, without a custom verb.
    """

    default: Route | None
    selectable: Mapping[str, Route]
    raw_segments: list[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongVerb:
    """The path is known under other verbs: *allowed*, in alphabetical order."""

    allowed: tuple[str, ...]


@dataclass(slots=True)
class _Leaf:
    """The routes of one verb at one place."""

    default: Route | None = None
    selectable: dict[str, Route] = field(default_factory=dict)

    def add(self, route: Route) -> None:
        """Take in a *route*. DuplicateRoute when its place is taken."""
        name = route.method.selected_by
        taken = self.selectable.get(name) if name else self.default
        if taken is not None:
            raise DuplicateRoute(
                f"{route.binding.verb} {route.binding.template.text} is claimed by {taken.method.path} and {route.method.path}"
            )
        if name:
            self.selectable[name] = route
        else:
            self.default = route


@dataclass(slots=True)
class _Node:
    """One place of the trie. *leaves* is keyed by custom verb (empty for none), then by HTTP verb."""

    children: dict[str, _Node] = field(default_factory=dict)
    leaves: dict[str, dict[str, _Leaf]] = field(default_factory=dict)


class Router:
    """All routes of the contract. Built once; matching changes nothing."""

    def __init__(self, methods: Iterable[Method]) -> None:
        """Compile the bindings of *methods*. DuplicateRoute when two of them cannot be told apart."""
        self._root = _Node()
        self.routes = tuple(Route(method=method, binding=binding) for method in methods for binding in method.bindings)
        for route in self.routes:
            self._add(route)

    def _add(self, route: Route) -> None:
        """Put one *route* into the trie."""
        node = self._root
        for segment in route.binding.template.segments:
            node = node.children.setdefault(segment, _Node())
        verbs = node.leaves.setdefault(route.binding.template.verb, {})
        verbs.setdefault(route.binding.verb, _Leaf()).add(route)

    def match(self, verb: str, raw_path: bytes) -> Match | WrongVerb | None:
        """Return where *verb* and *raw_path* lead; None when no template has this path."""
        if not raw_path.startswith(b"/"):
            return None
        raw_segments = raw_path[1:].split(b"/")
        segments = [_decoded(segment) for segment in raw_segments]
        allowed: set[str] = set()
        head, _, custom = raw_segments[-1].rpartition(b":")
        if custom and len(custom) < len(raw_segments[-1]):
            # a template that names the verb is more literal than one that takes it for a part of an id
            cut = [*segments[:-1], _decoded(head)]
            leaf = _Search(verb=verb, custom=_decoded(custom), segments=cut, allowed=allowed).find(self._root)
            if leaf is not None:
                return Match(default=leaf.default, selectable=leaf.selectable, raw_segments=[*raw_segments[:-1], head])
        leaf = _Search(verb=verb, custom="", segments=segments, allowed=allowed).find(self._root)
        if leaf is not None:
            return Match(default=leaf.default, selectable=leaf.selectable, raw_segments=raw_segments)
        return WrongVerb(allowed=tuple(sorted(allowed))) if allowed else None


def _decoded(segment: bytes) -> str:
    """Percent-decode one raw *segment* exactly once."""
    if b"%" in segment:
        segment = unquote_to_bytes(segment)
    return segment.decode("utf-8", "surrogateescape")


def _decoded_unreserved(text: bytes) -> str:
    """Percent-decode *text* once, all but the reserved characters of RFC 6570."""
    decoded = _ESCAPE.sub(lambda match: match[0] if unquote_to_bytes(match[0]) in _RESERVED else unquote_to_bytes(match[0]), text)
    return decoded.decode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Search:
    """One walk through the trie. *allowed* collects the verbs of places that fit and have another verb."""

    verb: str
    custom: str
    segments: list[str]
    allowed: set[str]

    def find(self, node: _Node, at: int = 0) -> _Leaf | None:
        """Return the best leaf below *node* for the segments from *at*."""
        if at == len(self.segments):
            return self._leaf(node) or self._many(node)
        segment = self.segments[at]
        literal = node.children.get(segment) if segment not in (ONE, MANY) else None
        one = node.children.get(ONE) if segment else None
        for child in (literal, one):
            found = self.find(child, at + 1) if child is not None else None
            if found is not None:
                return found
        return self._many(node)

    def _many(self, node: _Node) -> _Leaf | None:
        """Return the leaf of the `**` below *node*, which takes whatever is left."""
        child = node.children.get(MANY)
        return self._leaf(child) if child is not None else None

    def _leaf(self, node: _Node) -> _Leaf | None:
        """Return the leaf of the verb at *node*."""
        verbs = node.leaves.get(self.custom, {})
        leaf = verbs.get(self.verb)
        if leaf is None:
            self.allowed.update(verbs)
        return leaf
