"""What becomes of a candidate: by itself where that is plain, by the language model where it is not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial

from service.domain.memories import Candidate, Decision, DecisionKind, MemoryVersion, Neighbour
from service.extraction.language.asking import Question
from service.extraction.language.reading import MAX_CONTENT, clean
from service.extraction.language.shapes import Checked, Verdict, checked, schema_of

MAX_COMPARED = 6
"""The most memories that the model is shown with one candidate."""


def plain(candidate: Candidate, near: Sequence[Neighbour]) -> Decision | None:
    """Return the decision that needs no model: nothing is near, or a memory says just this of that time. Else None."""
    for neighbour in near:
        known = neighbour.chain.current
        if _same(candidate.content) == _same(known.content) and _at_one_time(candidate, known):
            return Decision(kind=DecisionKind.DUPLICATE, content=known.content, chain_id=neighbour.chain.chain_id)
    return None if near else Decision(kind=DecisionKind.NEW, content=candidate.content)


def question_about(candidate: Candidate, near: Sequence[Neighbour]) -> Question[Decision]:
    """Return the question what becomes of *candidate* beside the memories *near* it, which are numbered from 1."""
    return Question(
        step="decide",
        told="decide",
        asked="decide_one",
        values={
            "statement": _line({"statement": candidate.content}, candidate),
            "memories": "\n".join(
                _line({"memory": number, "text": neighbour.chain.current.content}, neighbour.chain.current)
                for number, neighbour in enumerate(near, start=1)
            ),
        },
        schema=schema_of(Verdict),
        read=partial(_read, candidate=candidate, near=near),
    )


def _read(text: str, *, candidate: Candidate, near: Sequence[Neighbour]) -> Checked[Decision]:
    shaped = checked(Verdict, text)
    verdict = shaped.value
    if verdict is None:
        return Checked(value=None, problems=shaped.problems)
    kind = DecisionKind(verdict.kind)
    if kind is DecisionKind.NEW:
        return Checked(value=Decision(kind=kind, content=candidate.content))
    if verdict.memory is None or not 1 <= verdict.memory <= len(near):
        return Checked(value=None, problems=(f"memory: must be a number from 1 to {len(near)}, or kind must be new",))
    chain = near[verdict.memory - 1].chain
    content = candidate.content
    if kind is DecisionKind.DUPLICATE:
        content = chain.current.content
    elif kind is DecisionKind.ADDITION:
        content = clean(verdict.content or "")
        if not 0 < len(content) <= MAX_CONTENT:
            return Checked(value=None, problems=(f"content: must say what both say, in 1 to {MAX_CONTENT} characters",))
    return Checked(value=Decision(kind=kind, content=content, chain_id=chain.chain_id))


def _line(shown: dict[str, object], statement: Candidate | MemoryVersion) -> str:
    dates = {"from": f"{statement.event_start:%Y-%m-%d}", "to": f"{statement.event_end:%Y-%m-%d}"}
    return json.dumps(shown | dates, ensure_ascii=False)


def _same(content: str) -> str:
    return " ".join(content.casefold().rstrip(".!").split())


def _at_one_time(candidate: Candidate, known: MemoryVersion) -> bool:
    return candidate.event_start <= known.event_end and known.event_start <= candidate.event_end
