"""What becomes of a statement beside one that is known."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import pytest

from service.domain.ids import ChainId, MemoryId
from service.domain.memories import Candidate, Decision, DecisionKind, MemoryChain, MemoryVersion, Neighbour, VersionReason
from service.extraction.embedded.decisions import decide

Read: TypeAlias = Callable[..., Sequence[Candidate]]

CASES = [
    ("I live in Porto.", "My home is in Porto.", DecisionKind.DUPLICATE),
    ("I live in Porto with my dog.", "I live in Porto.", DecisionKind.DUPLICATE),
    ("I have 2 kids.", "I have two kids.", DecisionKind.DUPLICATE),
    ("I play the cello.", "I play the cello in an orchestra.", DecisionKind.ADDITION),
    ("I live in Porto.", "I moved to Bergen.", DecisionKind.CHANGE),
    ("I play tennis every week.", "I no longer play tennis.", DecisionKind.CHANGE),
    ("My manager is Sue.", "My new manager is Bob.", DecisionKind.CHANGE),
    ("My birthday is on 4 May.", "My birthday is on 9 June.", DecisionKind.CONTRADICTION),
    ("My birthday is on 4 May.", "Actually, my birthday is on 9 June.", DecisionKind.CHANGE),
    ("I love mushrooms.", "I hate mushrooms.", DecisionKind.CONTRADICTION),
    ("I'm allergic to nuts.", "I'm not allergic to nuts.", DecisionKind.CONTRADICTION),
    ("I love hiking.", "I love swimming.", DecisionKind.NEW),
    ("My brother lives in Rome.", "My sister lives in Rome.", DecisionKind.NEW),
    ("I like jazz.", "My father hates jazz.", DecisionKind.NEW),
    ("I speak French.", "I speak Italian.", DecisionKind.NEW),
    ("I bought a bicycle.", "I bought a lamp.", DecisionKind.NEW),
    ("I work for a bakery.", "I work for a bakery as head of sales.", DecisionKind.ADDITION),
]


def _known(candidate: Candidate, chain_id: str = "known", similarity: float = 0.9) -> Neighbour:
    version = MemoryVersion(
        memory_id=MemoryId(chain_id),
        content=candidate.content,
        categories=(),
        entities=candidate.entities,
        event_start=candidate.event_start,
        event_end=candidate.event_end,
        created_at=candidate.event_start,
        reason=VersionReason.INITIAL_MEMORY,
        session_id=candidate.sources[0].session_id,
        sources=candidate.sources,
    )
    return Neighbour(chain=MemoryChain(chain_id=ChainId(chain_id), versions=(version,)), similarity=similarity)


def _decide(read: Read, first: str, then: str, *, similarity: float = 0.9) -> Decision:
    return decide(read(then, days=30)[0], [_known(read(first)[0], similarity=similarity)])


@pytest.mark.parametrize(("first", "then", "expected"), CASES)
def test_a_second_statement_is_judged_by_content(candidates: Read, first: str, then: str, expected: DecisionKind) -> None:
    """All are given the same high likeness: it decides nothing alone."""
    assert _decide(candidates, first, then).kind is expected


@pytest.mark.parametrize(("first", "then", "expected"), CASES)
def test_a_decision_names_its_chain_unless_it_is_new(candidates: Read, first: str, then: str, expected: DecisionKind) -> None:
    """NEW alone has no chain."""
    assert (_decide(candidates, first, then).chain_id is None) == (expected is DecisionKind.NEW)


def test_nothing_known_makes_everything_new(candidates: Read) -> None:
    """The text stays the candidate's."""
    decision = decide(candidates("I live in Porto.")[0], [])
    assert (decision.kind, decision.content) == (DecisionKind.NEW, "User lives in Porto.")


def test_a_memory_that_is_far_away_is_not_compared(candidates: Read) -> None:
    """Below the least likeness nothing is related."""
    assert _decide(candidates, "I live in Porto.", "I moved to Bergen.", similarity=0.1).kind is DecisionKind.NEW


def test_the_same_statement_wins_over_a_change_of_a_nearer_one(candidates: Read) -> None:
    """Said again, a thing changes nothing, whatever lies nearer."""
    near = _known(candidates("I live in Porto.")[0], "near", 0.95)
    same = _known(candidates("I moved to Bergen.")[0], "same", 0.8)
    decision = decide(candidates("I moved to Bergen.", days=3)[0], [near, same])
    assert (decision.kind, decision.chain_id) == (DecisionKind.DUPLICATE, "same")


def test_two_speakers_never_share_a_memory(candidates: Read) -> None:
    """The subject is part of the content."""
    first = candidates("Nadia: I live in Porto.", "a: Ben: I like Oslo.")[0]
    then = candidates("Nadia: I like tea.", "a: Ben: I live in Porto.")[-1]
    assert decide(then, [_known(first, similarity=0.97)]).kind is DecisionKind.NEW


def test_an_addition_keeps_both_statements(candidates: Read) -> None:
    """Nothing that was known is lost."""
    decision = _decide(candidates, "I have a dog.", "My dog is called Pixel.")
    assert (decision.kind, decision.content) == (DecisionKind.ADDITION, "User has a dog. User's dog is called Pixel.")


def test_a_change_keeps_what_still_holds(candidates: Read) -> None:
    """Of a memory of several sentences only the one that changed goes."""
    known = _known(candidates("My sister Carla is a vet. She lives in Rome.")[0])
    decision = decide(candidates("My sister Carla is a pilot now.")[0], [known])
    assert decision.kind is DecisionKind.CHANGE
    assert decision.content.endswith("User's sister Carla is a pilot now.")


def test_the_same_event_on_another_day_is_another_event(candidates: Read) -> None:
    """Dates are part of the content."""
    assert _decide(candidates, "I went to the dentist yesterday.", "I went to the dentist yesterday.").kind is DecisionKind.NEW


ASKED = [
    ("I'm allergic to shellfish.", "I love eating shellfish.", DecisionKind.CONTRADICTION),
    ("I'm allergic to nuts.", "I hate nuts.", DecisionKind.NEW),
    ("I'm an only child.", "I have a younger brother.", DecisionKind.CONTRADICTION),
    ("I have never smoked.", "I smoked for ten years.", DecisionKind.CONTRADICTION),
    ("I've never been to Italy.", "I went to Italy last week.", DecisionKind.CHANGE),
    ("I got married in 2015.", "I got married in 2017.", DecisionKind.CONTRADICTION),
    ("I'm from Germany.", "I'm from Munich.", DecisionKind.NEW),
    ("I'm from Ghana.", "I'm from Kenya.", DecisionKind.CONTRADICTION),
    ("I don't like tea.", "I like iced tea with lemon.", DecisionKind.NEW),
    ("My birthday is on 4 May.", "My birthday is May 4th.", DecisionKind.DUPLICATE),
]


@pytest.mark.parametrize(("first", "then", "expected"), ASKED)
def test_what_cannot_both_be_true_is_a_contradiction(candidates: Read, first: str, then: str, expected: DecisionKind) -> None:
    """Not what may have changed since, and not what may be true beside it."""
    assert _decide(candidates, first, then).kind is expected
