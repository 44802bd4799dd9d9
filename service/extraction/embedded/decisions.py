"""
What becomes of a candidate beside what is known already.

Two statements are the same by content and subject, never by likeness alone: "User's brother lives in Rome" and "User's sister
lives in Rome" have nearly one embedding. Only slots, and the flat denial of a statement, may change or contradict.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta

from service.domain.memories import Candidate, Decision, DecisionKind, Neighbour
from service.extraction.embedded.apart import Apart, taken_apart
from service.extraction.embedded.kinds import holds, is_of
from service.extraction.embedded.languages import Language
from service.extraction.embedded.likeness import covered, covers, stems
from service.extraction.embedded.slots import NONE, Fact, SlotMode, find_facts

RELATED = 0.15
"""Below this cosine a memory is not compared at all."""
FAR = 0.3
"""Below this cosine nothing ends, whatever the words in common."""
CLOSE = 0.7
"""From this cosine on, fewer words in common are enough to know what has ended."""
SAME_THING = 0.5
"""From this cosine on, two statements about one named thing belong together."""
HISTORY = timedelta(days=365)
"""A value whose time ended so long before what is known is history, no change."""
MAX_JOINED = 300
ATTITUDE = "attitude"
"""The slot of likes and dislikes: two statements that like one thing may still be about different things."""
ALIVE = "alive"
"""The slot of claims that somebody lives; that somebody died is news and contradicts nothing."""
DATED = frozenset({"birthday", "anniversary", "once", "occasion", "departure"})
"""The slots whose values are days or times."""
GENDERED = frozenset({"called", "siblings"})
"""The slots whose keys are people: "hermano" and "hermana" are two words."""
PLACES = frozenset({"birthplace", "origin", "grew_up", "hometown"})
"""The slots whose values are places."""

_DIGITS = re.compile(r"[\d./-]*[./-][\d./-]*")
_HOUR = re.compile(r"\s*\bat \d.*")
_DIGIT = re.compile(r"\d")
_WORDS = re.compile(r"[^\W\d_]{3,}")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-ZÀ-Þ])")


def decide(candidate: Candidate, neighbours: Sequence[Neighbour]) -> Decision:
    """
    Return the decision about *candidate*: the same statement wins over a change, a change over an addition, and among those the
    most similar memory.
    """
    new = taken_apart(candidate)
    pairs = [(neighbour, taken_apart(neighbour.chain.current)) for neighbour in neighbours if neighbour.similarity >= RELATED]
    for judge in (_duplicate, _superseding, _addition):
        for neighbour, old in pairs:
            found = judge(new, old, neighbour.similarity)
            if found is not None:
                kind, content = found
                return Decision(kind=kind, content=content, chain_id=neighbour.chain.chain_id)
    return Decision(kind=DecisionKind.NEW, content=candidate.content)


def _duplicate(new: Apart, old: Apart, _similarity: float) -> tuple[DecisionKind, str] | None:
    if new.content == old.content and _at_one_time(new, old):
        return DecisionKind.DUPLICATE, old.content
    if (new.subject, new.negative, new.ended) != (old.subject, old.negative, old.ended):
        return None
    same_facts = _same_facts(new, old) and not _rest(new) - _rest(old)
    # a birthday is told in many years
    lasting = same_facts and all(fact.mode is SlotMode.FIXED for fact in new.facts)
    if not (lasting or (_at_one_time(new, old) and (old.dated or not new.dated))):
        return None
    if _turned_round(new, old) or any(_differing(new, old)) or _more_exact(new, old):
        return None
    repeated = (len(new.stems) > 1 and covers(old.stems, new.stems)) or new.stems == old.stems or same_facts
    return (DecisionKind.DUPLICATE, old.content) if repeated and new.stems else None


def _superseding(new: Apart, old: Apart, similarity: float) -> tuple[DecisionKind, str] | None:
    is_history = new.dated and old.start - new.end > HISTORY
    for fact, known in _differing(new, old):
        cue = _says_that_it_changed(new, fact)
        if (is_history and fact.mode is not SlotMode.FIXED) or (not cue and fact.mode is SlotMode.CUED):
            continue
        kind = DecisionKind.CHANGE if cue or fact.mode is SlotMode.CHANGING else DecisionKind.CONTRADICTION
        return kind, _replacing(known, new, old)
    cue = _says_that_it_changed(new)
    claims = list(_claims_that_differ(new, old))
    if claims or (new.subject == old.subject and _happened_after_all(new, old)):
        alive = [claim for claim in claims if claim.slot == ALIVE]
        since = any(claim.value == NONE for claim in alive) if alive else new.dated and new.start > old.end
        return (DecisionKind.CHANGE if cue or since else DecisionKind.CONTRADICTION), new.content
    if new.subject != old.subject or (new.dated and old.dated and not new.ended):
        return None
    if _ends(new, old, similarity) or (similarity >= SAME_THING and _names_the_old(new, old)):
        return DecisionKind.CHANGE, new.content
    if _denies(new, old) or _turned_round(new, old):
        # what happened on a day has come to pass since
        return (DecisionKind.CHANGE if cue or new.dated else DecisionKind.CONTRADICTION), new.content
    return None


def _addition(new: Apart, old: Apart, similarity: float) -> tuple[DecisionKind, str] | None:
    if new.negative != old.negative or new.ended != old.ended or not _at_one_time(new, old) or any(_differing(new, old)):
        return None
    joined = f"{old.content} {new.content}"
    if new.subject == old.subject:
        if len(old.stems) > 1 and covers(new.stems, old.stems):
            return DecisionKind.ADDITION, new.content
        same_thing = bool(new.things & old.things) and similarity >= SAME_THING
        same_slot = _same_facts(new, old) and all(fact.slot != ATTITUDE for fact in new.facts)
        if not (same_thing or same_slot) or new.dated or old.dated:
            return None
    elif not (new.subject in old.names and not new.dated and not old.dated and "user" in (old.subject, new.subject)):
        return None
    return (DecisionKind.ADDITION, joined) if len(joined) <= MAX_JOINED else None


def _differing(new: Apart, old: Apart) -> Iterator[tuple[Fact, Fact]]:
    """Yield the facts of *new* that give another value to a slot than *old* does, with the old fact."""
    for fact in new.facts:
        for known in old.facts:
            if _one_slot(fact, known) and not _one_value(fact, known) and not _may_hold_the_other(fact, known, new.language):
                yield fact, known


def _same_facts(new: Apart, old: Apart) -> bool:
    """Return whether every fact of *new* is one of *old*, and there is one."""
    return bool(new.facts) and all(
        any(_one_slot(fact, known) and _one_value(fact, known) for known in old.facts) for fact in new.facts
    )


def _more_exact(new: Apart, old: Apart) -> bool:
    """Return whether *new* says all that *old* does, and more of the value of a fact: a company "as head of procurement"."""
    if not covers(new.stems, old.stems) or covers(old.stems, new.stems):
        return False
    # values are put in words of their own ("from Italy" of an Italian): only what is said counts
    more = [stem for stem in new.stems if not covered(stem, old.stems)]
    exact = [fact for fact in new.facts if fact.slot not in DATED and any(fact.slot == known.slot for known in old.facts)]
    return any(covered(stem, stems(fact.value)) for fact in exact for stem in more)


def _one_slot(fact: Fact, known: Fact) -> bool:
    """Return whether two facts give a value to the same; who eats no meat and who loves steak speak of the same."""
    if (fact.subject, fact.slot) != (known.subject, known.slot):
        return False
    if fact.slot in GENDERED:
        return fact.key.removesuffix("s") == known.key.removesuffix("s")
    one, other = stems(fact.key), stems(known.key)
    if covers(one, other) and covers(other, one):
        return True
    if fact.mode is SlotMode.CUED:
        # "the meeting" that was moved is the one with the notary
        return covers(one, other) or covers(other, one)
    return fact.slot == ATTITUDE and (_rules_out(fact, known) or _rules_out(known, fact))


def _rules_out(general: Fact, particular: Fact) -> bool:
    """Return whether what somebody keeps away from is the kind of what they are said to like or eat."""
    if not general.value.startswith("against") or particular.value.startswith("against"):
        return False
    named = "allergic" in general.value and covers(stems(particular.key), stems(general.key))
    return named or is_of(particular.key, general.key)


def _one_value(fact: Fact, known: Fact) -> bool:
    """Return whether the values are one, or one says the other more exactly ("Berlin" and "Berlin Mitte")."""
    days = [_HOUR.sub("", value) for value in (fact.value, known.value)]
    if fact.slot in DATED and all(days) and len({bool(_DIGIT.search(day)) for day in days}) > 1:
        # "on Saturday" and "on June 14": who knows
        return True
    if any(map(_DIGITS.fullmatch, (fact.value, known.value))) and not all(map(_DIGITS.fullmatch, (fact.value, known.value))):
        # "4/5/1990" and "4 may": who knows
        return bool(_DIGIT.search(fact.value) and _DIGIT.search(known.value) and _WORDS.search(fact.value + known.value))
    one, other = stems(fact.value), stems(known.value)
    return covers(one, other) or covers(other, one)


def _may_hold_the_other(fact: Fact, known: Fact, language: Language) -> bool:
    """Return whether the values are places one of which may lie in the other: a country and a town of whatever country."""
    if fact.slot not in PLACES:
        return False
    return language.says("region", fact.value) != language.says("region", known.value)


def _rest(statement: Apart) -> frozenset[str]:
    """Return the stems of a statement that none of its facts accounts for."""
    told = stems(" ".join(fact.told for fact in statement.facts))
    return frozenset(stem for stem in statement.stems if not covered(stem, told))


def _at_one_time(new: Apart, old: Apart) -> bool:
    return (new.start <= old.end and old.start <= new.end) or not (new.dated and old.dated)


def _ends(new: Apart, old: Apart, similarity: float) -> bool:
    """Return whether *new* says that what *old* says is over."""
    if not new.ended or old.ended:
        return False
    if similarity >= SAME_THING and _share_a_name(new, old):
        return True
    least = 1.0 if similarity < SAME_THING else 0.75 if similarity < CLOSE else 0.6
    return similarity >= FAR and _shared(new, old) >= least


def _share_a_name(new: Apart, old: Apart) -> bool:
    """Return whether a name stands in both, in full or in short: "the Civic" is the Honda Civic."""
    names = [(set(one.split()), set(other.split())) for one in new.names for other in old.names]
    return any(one <= other or other <= one for one, other in names)


def _denies(new: Apart, old: Apart) -> bool:
    """
    Return whether one says what the other denies: in hardly any other words, or "eats pork on Sundays" where the other "doesn't
    eat pork". Many words in common are not yet one claim.
    """
    if new.negative == old.negative or new.ended or old.ended:
        return False
    denied, said = (new, old) if new.negative else (old, new)
    if all(any(fact.slot == ATTITUDE for fact in one.facts) for one in (new, old)):
        # the slots tell whether it is one thing that is liked and disliked
        return False
    if not (holds(said.claim, denied.denied) or covers(denied.denied, said.claim)):
        return False
    common = sum(covered(stem, said.claim) for stem in denied.denied)
    if common >= 0.6 * max(len(denied.denied), len(said.claim), 1):
        return True
    if new.dated or old.dated or not (denied.denial and said.order) or not holds(said.claim, denied.denied):
        return False
    same_verb = stems(denied.denial[0]) == stems(said.order[0])
    # "has a twin sister", "doesn't have a sister"
    had = bool(denied.things and said.things) and len(said.claim) - len(denied.denied) <= 1
    return same_verb or (had and stems(denied.denial[-1]) == stems(said.order[-1]))


def _happened_after_all(new: Apart, old: Apart) -> bool:
    """Return whether one tells of what the other says never happened."""
    never, said = (new, old) if new.language.says("never", new.words) else (old, new)
    phrase = never.language.patterns["never"].search(never.words)
    if phrase is None or said.negative or not never.claim or not said.language.says("past", said.words):
        return False
    # of "has never been to Japan" only the place is left, and that may stand in any statement
    verb = stems(" ".join(never.words[phrase.start() :].replace("never", "").split()[:2]))
    return bool(verb & never.claim) and covers(said.claim, never.claim)


def _claims_that_differ(new: Apart, old: Apart) -> Iterator[Fact]:
    """Yield what *new* says there is of a kind, where *old* says there is nothing, or the other way round."""
    for claim in new.claims:
        if any(_one_slot(claim, known) and claim.value != known.value for known in old.claims):
            yield claim


def _says_that_it_changed(new: Apart, fact: Fact | None = None) -> bool:
    """
    Return whether *new* says that something is not what it was, beside the *fact* itself: "got married in 2017" changes no year,
    "left-handed" leaves nothing. A liking says it by itself: "no longer likes".
    """
    lasting = fact is not None and fact.mode is SlotMode.FIXED and fact.slot != ATTITUDE
    words = new.words.replace(fact.told, " ") if fact is not None and lasting else new.words
    told = any(new.language.says(cue, words) for cue in ("ended", "change"))
    return new.corrects or told or any(new.language.says(cue, new.words) for cue in ("correction", "replaced"))


def _shared(new: Apart, old: Apart) -> float:
    """Return the share of the words of the shorter statement that are in the longer one, cues of change aside."""
    fewer, more = sorted((new.core, old.core), key=len)
    return sum(covered(stem, more) for stem in fewer) / len(fewer) if fewer else 0.0


def _turned_round(new: Apart, old: Apart) -> bool:
    """Return whether both compare the same things the other way round: "tea over coffee", "coffee over tea"."""
    return new.stems == old.stems and new.order != old.order and new.language.says("comparison", new.words)


def _names_the_old(new: Apart, old: Apart) -> bool:
    """Return whether *new* says what it replaces ("switched from tea to coffee", "not Monday") and that is in *old*."""
    match = new.language.patterns["replaced"].search(new.words.rstrip(".!"))
    replaced = stems(next((words for words in match.groups() if words), "")) if match else frozenset()
    return bool(replaced) and covers(old.stems, replaced)


def _replacing(known: Fact, new: Apart, old: Apart) -> str:
    """Return the text of the new version: of a memory of several sentences, those that still hold, then the new one."""
    sentences = _SENTENCE_END.split(old.content)
    holding = [s for s in sentences if known not in find_facts(old.language.plain(s), old.language.slots)]
    if len(sentences) == 1 or len(holding) == len(sentences) or old.content.startswith(f"{old.content.split()[0]} said:"):
        return new.content
    return " ".join([*holding, new.content])
