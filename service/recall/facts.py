"""
A memory taken apart: whom it is about, what is said of them, and the rest.

By rules on English words; a statement that they do not understand has a predicate of its own, `states`, and itself as the object.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

USER = "user"
"""The subject of what is about the user."""
STATES = "states"
"""The predicate of a statement without a verb that is understood."""

_SUBJECT = re.compile(
    r"(?P<subject>(?:[Tt]he )?[Uu]ser|[A-ZÀ-Þ][\w'\u2019-]*(?: [A-ZÀ-Þ][\w'\u2019-]*){0,2}?)(?P<of>['\u2019]s(?: [\w-]+){1,3}?)? "
    r"(?P<verb>(?:(?:also|always|never|often|usually|really|still|now|just|recently) )?"
    r"(?:(?:is|are|was|were|has been|had been|will be|'s)(?: not)?(?: (?:allergic|interested|afraid|fond|married|based|born"
    r"|called|named|good|bad|tired|proud|engaged|\w+ing|\w+ed))?"
    r"|(?:does|do|did|will|would|can|could|should)(?: not)? \w+|(?:has|have|had)(?: not)?(?: (?:been|gone|seen|made|\w+ed))?"
    r"|\w+s|\w+ed"
    r"|went|got|made|took|found|saw|bought|met|gave|said|came|felt|left|won|began|thought|grew|ran|ate|drove|told|taught)"
    r"(?: (?:to|in|at|on|for|with|from|of|about|as|by|into))?) (?P<object>.+)",
    re.DOTALL,
)
_ADVERB = re.compile(r"^(?:also|always|never|often|usually|really|still|now|just|recently) ", re.IGNORECASE)
_NO_WORD = re.compile(r"[^a-z0-9]+")

_KINDS: Mapping[str, str] = {
    "preference": r"prefer|like|love|hate|enjoy|dislike|want|favou?r|avoid|fond|interested|care",
    "location": r"live|move|reside|based|stay|grew|relocat",
    "identity": r"(?:is|are|was|were)(?:_|$)|named|called|born|work|study|studies|married|engaged|allergic|speak",
    "possession": r"(?:has|have|had)(?:_|$)|own|keep|adopt|bought|drive",
}
_KIND_OF = [(kind, re.compile(rf"(?:^|_)(?:{stems})")) for kind, stems in _KINDS.items()]
_PAST = re.compile(r"(?:ed|went|got|made|took|found|saw|met|gave|said|came|felt|left|won|began)(?:_|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """
    A statement in parts. *phrase* is the verb as it was written, empty when none was understood, and *predicate* the same in
    snake_case; *kind* is a word for what sort of thing is said.
    """

    subject: str
    phrase: str
    predicate: str
    object_text: str
    kind: str


@lru_cache(maxsize=4_096)
def taken_apart(content: str) -> Statement:
    """Return a memory's *content* in parts."""
    text = content.strip()
    match = _SUBJECT.match(text)
    if match is None:
        return Statement(subject=USER, phrase="", predicate=STATES, object_text=text, kind="fact")
    whose = USER if match["subject"].casefold().removeprefix("the ") == USER else match["subject"]
    phrase = match["verb"]
    predicate = _NO_WORD.sub("_", _ADVERB.sub("", phrase).lower()).strip("_")
    return Statement(
        subject=whose + (match["of"] or ""),
        phrase=phrase,
        predicate=predicate,
        object_text=match["object"].rstrip(". "),
        kind=_kind(predicate),
    )


def _kind(predicate: str) -> str:
    for kind, stems in _KIND_OF:
        if stems.search(predicate):
            return kind
    return "event" if _PAST.search(predicate) else "fact"
