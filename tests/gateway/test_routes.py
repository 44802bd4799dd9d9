"""The trie against a matcher that tries every template, and the order in which templates win."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.transcode.methods import Binding, Method, methods_of
from gateway.transcode.routes import DuplicateRoute, Match, Router, WrongVerb
from gateway.transcode.template import MANY, ONE, Template, parse_template
from gateway.wiring import CONTRACT
from service.rpc.interceptors.access import FILES as SERVED

ANY_METHOD = methods_of(CONTRACT)[0]

LITERALS = ["a", "b", "c"]


def method(verb: str, path: str, *, selected_by: str = "") -> Method:
    """Return a method that is bound to *verb* and *path*."""
    binding = Binding(verb=verb, template=parse_template(path), body="", response_body="")
    return dataclasses.replace(ANY_METHOD, path=f"{verb} {path}", bindings=(binding,), selected_by=selected_by)


def router(*bindings: str) -> Router:
    """Return a router of bindings such as `GET /a/{b}`."""
    return Router(method(*binding.split(" ")) for binding in bindings)


def winner(found: Match | WrongVerb | None) -> str | None:
    """Return the binding that was found; None when there is none."""
    return found.default.method.path if isinstance(found, Match) and found.default is not None else None


def fits(template: Template, segments: list[str]) -> bool:
    """Tell whether *template* has the path of *segments*, by its definition."""
    if template.segments[-1] == MANY:
        head = template.segments[:-1]
        return len(segments) >= len(head) and all(_same(w, s) for w, s in zip(head, segments, strict=False))
    return len(segments) == len(template.segments) and all(_same(w, s) for w, s in zip(template.segments, segments, strict=True))


def _same(wanted: str, segment: str) -> bool:
    return wanted == segment or (wanted == ONE and segment != "")


def naive(templates: Iterable[Template], segments: list[str]) -> str | None:
    """Return the text of the template that wins: at the first place where two differ, the more literal one."""
    rank = {ONE: 1, MANY: 2}
    fitting = [template for template in templates if fits(template, segments)]
    # a template that ended before a `**` is more literal than the `**`
    return (
        min(fitting, key=lambda t: [rank.get(s, 0) for s in t.segments], default=parse_template("/none")).text
        if fitting
        else None
    )


paths = st.lists(st.sampled_from([*LITERALS, "{x}"]), min_size=1, max_size=4).flatmap(
    lambda segments: st.sampled_from(["/".join(segments), "/".join([*segments, "{rest=**}"])])
)


def unnamed(path: str) -> str:
    """Return *path* with a different name for each variable, since one name may stand only once."""
    names = iter("pqrstuvw")
    return "/" + re.sub(r"\{x\}", lambda _: f"{{{next(names)}}}", path)


@given(
    templates=st.sets(paths, min_size=1, max_size=12).map(lambda paths: sorted({unnamed(path) for path in paths})),
    segments=st.lists(st.sampled_from([*LITERALS, "d", ""]), min_size=1, max_size=5),
)
def test_trie_agrees_with_trying_every_template(templates: list[str], segments: list[str]) -> None:
    """For any set of templates the trie finds what a search over all of them finds."""
    found = router(*(f"GET {template}" for template in templates)).match("GET", b"/" + "/".join(segments).encode())

    expected = naive(map(parse_template, templates), segments)
    assert winner(found) == (None if expected is None else f"GET {expected}")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/a/b", "GET /a/b"),
        ("/a/z", "GET /a/{x}"),
        ("/a/b/c", "GET /a/{rest=**}"),
        ("/z/b", None),
        ("/a", "GET /a/{rest=**}"),
        ("/a/%62", "GET /a/b"),
    ],
)
def test_literal_beats_star_beats_many(path: str, expected: str | None) -> None:
    """The more literal template wins, and a literal is compared after decoding."""
    assert expected == winner(router("GET /a/b", "GET /a/{x}", "GET /a/{rest=**}").match("GET", path.encode()))


def test_search_goes_back_for_another_verb() -> None:
    """A literal that has no such verb gives way to a variable that has it."""
    routes = router("POST /s/resume", "GET /s/{id}")

    assert "GET /s/{id}" == winner(routes.match("GET", b"/s/resume"))


def test_wrong_verb_lists_the_others() -> None:
    """A path without the verb names the verbs of every template that fits."""
    assert WrongVerb(allowed=("GET", "POST")) == router("POST /s/resume", "GET /s/{id}").match("PUT", b"/s/resume")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/a/x:archive", "POST /a/{id}:archive"),
        ("/a/x", "POST /a/{id}"),
        ("/a/x:y", "POST /a/{id}"),
        ("/a/x%3Aarchive", "POST /a/{id}"),
    ],
)
def test_custom_verbs(path: str, expected: str) -> None:
    """A custom verb is a suffix of the raw path; any other colon, and an encoded one, is a part of the id."""
    assert expected == winner(router("POST /a/{id}:archive", "POST /a/{id}").match("POST", path.encode()))


def test_variable_of_several_segments() -> None:
    """A variable of several segments keeps its separators, and reserved characters stay encoded in it."""
    found = router("GET /v1/{name=projects/*/things/**}").match("GET", b"/v1/projects/p%2Fq/things/a%20b/c")

    assert isinstance(found, Match)
    assert found.default is not None
    assert {"name": "projects/p%2Fq/things/a b/c"} == found.default.variables(found.raw_segments)


@pytest.mark.parametrize(
    "bindings", [("GET /a/{x}", "GET /a/{y}"), ("GET /a", "GET /a"), ("GET /a/{x=*}", "GET /a/{y}"), ("GET /a:b", "GET /a:b")]
)
def test_duplicates_are_found_at_start(bindings: tuple[str, str]) -> None:
    """Two methods on one verb and path are an error, whatever their variables are called."""
    with pytest.raises(DuplicateRoute, match="is claimed by"):
        router(*bindings)


def test_parameter_tells_duplicates_apart() -> None:
    """Two methods on one verb and path are fine when a query parameter selects one of them."""
    found = Router([method("GET", "/a"), method("GET", "/a", selected_by="stream")]).match("GET", b"/a")

    assert isinstance(found, Match)
    assert (True, ["stream"]) == (found.default is not None, list(found.selectable))


@pytest.mark.parametrize("path", ["a", "", "/a//", "/{", "/{x", "/{x}y", "/{x=**}/a", "/{=a}", "/{x={y}}"])
def test_templates_that_break_the_grammar(path: str) -> None:
    """A template that breaks the grammar is an error at start."""
    with pytest.raises(ValueError, match=re.escape(repr(path))):
        parse_template(path)


@given(path=st.binary(max_size=40))
def test_no_path_breaks_the_trie(path: bytes) -> None:
    """Whatever bytes a path has, matching gives an answer."""
    found = Router(methods_of(CONTRACT)).match("GET", b"/api/v1/users/" + path)

    assert found is None or isinstance(found, Match | WrongVerb)


def test_every_service_that_can_be_called_has_its_routes() -> None:
    """What the service serves, the gateway serves: a file of the contract stands in both tables or in neither."""
    assert {file.DESCRIPTOR.name for file in SERVED} == {file.name for file in CONTRACT}


def test_what_is_cancelled() -> None:
    """Everything that is fetched, and what looks for something by a body; nothing that changes anything."""
    cancelled = {method.descriptor.name: method.bindings[0].verb for method in methods_of(CONTRACT) if method.cancellable}
    fetched = {method.descriptor.name for method in methods_of(CONTRACT) if method.bindings[0].verb == "GET"}

    posted = {"Recall", "SearchDocuments", "RecallV1", "RecallV2", "RecallV3", "RecallV5", "RecallV6"}
    assert {**dict.fromkeys(fetched, "GET"), **dict.fromkeys(posted, "POST")} == cancelled
