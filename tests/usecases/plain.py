"""
What processing must come to, in plain Python: facts about topics, each with one value at a time. Another value of a
lasting topic waits for an answer.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from service.domain.conflicts import Choice, Conflict
from service.domain.ids import SessionId
from service.domain.memories import Candidate, Decision, DecisionKind, Extraction, MemoryChain, Neighbour, Source
from service.domain.projects import Category, Guidance
from service.domain.sessions import SessionStatus, Transcript

TOPICS = ("cat", "city", "job", "car", "song")
VALUES = ("red", "old", "far")
LASTING = frozenset({"cat", "city", "job"})
"""The topics whose values contradict each other in a `PlainExtractor` that is made so."""

_FACT = re.compile(r"The (\w+) is (\w+)\.")


def fact(topic: str, value: str) -> str:
    """Return a message that says something."""
    return f"The {topic} is {value}."


def topic_of(content: str) -> str:
    """Return what a message or memory is about."""
    return read(content)[0]


def read(content: str) -> tuple[str, str]:
    """Return topic and value."""
    match = _FACT.fullmatch(content)
    assert match is not None, content
    return match[1], match[2]


@dataclass(frozen=True, slots=True)
class PlainExtractor:
    """
    An extractor whose decisions can be foretold: a candidate for each message, and one value for each topic, of which another one
    is a change or, of the topics *contradicting*, a contradiction.
    """

    contradicting: Collection[str] = ()

    async def extract(self, transcript: Transcript, _categories: Sequence[Category], _guidance: Guidance) -> Extraction:
        """Keep every message."""
        candidates = tuple(
            Candidate(
                content=message.content,
                categories=(topic_of(message.content),),
                entities=(topic_of(message.content),),
                event_start=message.timestamp,
                event_end=message.timestamp,
                sources=(Source(session_id=message.session_id, message_index=message.index),),
            )
            for message in transcript.messages
        )
        return Extraction(candidates=candidates, summary=" ".join(message.content for message in transcript.messages))

    async def decide_ahead(self, _pairs: Sequence[tuple[Candidate, Sequence[Neighbour]]]) -> None:
        """Do nothing."""

    async def decide(self, candidate: Candidate, neighbours: Sequence[Neighbour]) -> Decision:
        """Compare with what is known of the topic, which must be among the neighbours: there are fewer topics than neighbours."""
        topic = topic_of(candidate.content)
        known = next((one.chain for one in neighbours if topic_of(one.chain.current.content) == topic), None)
        if known is None:
            return Decision(kind=DecisionKind.NEW, content=candidate.content)
        same = known.current.content == candidate.content
        other = DecisionKind.CONTRADICTION if topic in self.contradicting else DecisionKind.CHANGE
        kind = DecisionKind.DUPLICATE if same else other
        return Decision(kind=kind, content=candidate.content, chain_id=known.chain_id)


@dataclass(frozen=True, slots=True)
class PlainVersion:
    """
    A value, the session that said it first, and every message that says it. *said* orders what was said, and *number* tells
    versions apart; neither can be seen in a memory.
    """

    value: str
    session_id: SessionId
    sources: frozenset[Source]
    said: int = field(default=0, compare=False)
    number: int = field(default=0, compare=False)


@dataclass(slots=True)
class PlainConflict:
    """
    A value that contradicts a version of a topic, the session that said it first, every message that says it, in order, and the
    *choice* that was made. *found* is the conflict as it was first seen.
    """

    topic: str
    value: str
    session_id: SessionId
    sources: tuple[Source, ...]
    said: int
    known: int
    choice: Choice | None = None
    found: Conflict | None = None

    @property
    def age(self) -> tuple[datetime, str]:
        """What orders conflicts."""
        assert self.found is not None
        return self.found.created_at, self.found.conflict_id


@dataclass(slots=True)
class PlainSession:
    """What was said, by which call, counted from the first one of all, and where the session stands."""

    said: list[tuple[str, str]] = field(default_factory=list)
    calls: list[int] = field(default_factory=list)
    status: SessionStatus = SessionStatus.PENDING
    timed: bool = False


@dataclass(slots=True)
class PlainUser:
    """Everything of one user; *conflicts* are those that are not settled."""

    sessions: dict[SessionId, PlainSession] = field(default_factory=dict)
    memories: dict[str, list[PlainVersion]] = field(default_factory=dict)
    conflicts: list[PlainConflict] = field(default_factory=list)
    calls: int = 0
    numbers: int = 0

    def say(self, session_id: SessionId, said: Sequence[tuple[str, str]]) -> None:
        """Add what one call says."""
        session = self.sessions[session_id]
        self.calls += 1
        session.said += said
        session.calls += [self.calls] * len(said)

    def commit(self, session_id: SessionId) -> None:
        """Make memories of a session."""
        session = self.sessions[session_id]
        session.status = SessionStatus.PROCESSED
        for index, ((topic, value), said) in enumerate(zip(session.said, session.calls, strict=True)):
            source = Source(session_id=session_id, message_index=index)
            known = self.memories.get(topic, [])
            if topic in LASTING and known and known[-1].value != value:
                self._dispute(PlainConflict(topic, value, session_id, (source,), said, known[-1].number))
            else:
                self._learn(topic, PlainVersion(value, session_id, frozenset({source}), said))

    def settle(self, conflict: PlainConflict) -> None:
        """Do what the answer to a conflict says."""
        self.conflicts.remove(conflict)
        versions = self.memories[conflict.topic]
        version = self._numbered(_version(conflict))
        if conflict.choice is Choice.BOTH and version.said < versions[-1].said:
            versions.insert(-1, version)
        elif conflict.choice in {Choice.PROPOSED, Choice.BOTH}:
            self._learn(conflict.topic, version)
        elif conflict.choice is Choice.NEITHER:
            del self.memories[conflict.topic]
            self._release()

    def forget_session(self, session_id: SessionId) -> None:
        """Remove a session, the versions and disputed values that it said alone, and it as a source."""
        del self.sessions[session_id]
        for topic, versions in list(self.memories.items()):
            left = [
                replace(version, sources=sources)
                for version in versions
                if version.session_id != session_id
                and (sources := frozenset(source for source in version.sources if source.session_id != session_id))
            ]
            self._put(topic, left)
        for conflict in self.conflicts:
            conflict.sources = tuple(source for source in conflict.sources if source.session_id != session_id)
            if conflict.sources and conflict.session_id == session_id:
                conflict.session_id = conflict.sources[0].session_id
        self.conflicts = [conflict for conflict in self.conflicts if conflict.sources]
        self._release()

    def forget_version(self, topic: str, place: int, *, with_older: bool) -> None:
        """Remove a version, or it and all older ones."""
        versions = self.memories[topic]
        self._put(topic, [*([] if with_older else versions[:place]), *versions[place + 1 :]])
        self._release()

    def lasting(self) -> list[str]:
        """Return the topics of which another value would be asked about."""
        return sorted(LASTING & self.memories.keys())

    def answered(self) -> list[PlainConflict]:
        """Return the conflicts that a worker is to settle."""
        return [conflict for conflict in self.conflicts if conflict.choice is not None]

    def unanswered(self) -> list[PlainConflict]:
        """Return the conflicts that wait for an answer."""
        return [conflict for conflict in self.conflicts if conflict.choice is None]

    def turns(self) -> frozenset[str]:
        """Return the ids of all messages as the index names them."""
        return frozenset(f"{id_}:{index}" for id_, session in self.sessions.items() for index in range(len(session.said)))

    def summarised(self) -> frozenset[str]:
        """Return the sessions that have a summary."""
        return frozenset(
            id_ for id_, session in self.sessions.items() if session.status is SessionStatus.PROCESSED and session.said
        )

    def _learn(self, topic: str, version: PlainVersion) -> None:
        """Make a version the newest of a topic, unless the newest says the same: then it has the sources of both."""
        versions = self.memories.setdefault(topic, [])
        if versions and versions[-1].value == version.value:
            last = versions.pop()
            versions.append(replace(last, sources=last.sources | version.sources))
        else:
            versions.append(self._numbered(version))

    def _dispute(self, new: PlainConflict) -> None:
        """Ask about a value, unless that is being asked already."""
        for conflict in self.conflicts:
            if (conflict.topic, conflict.value) == (new.topic, new.value):
                conflict.sources += new.sources
                return
        self.conflicts.append(new)

    def _release(self) -> None:
        """Make versions of the values that contradict what is not there any more."""
        there = {version.number for versions in self.memories.values() for version in versions}
        released = [conflict for conflict in self.conflicts if conflict.known not in there]
        self.conflicts = [conflict for conflict in self.conflicts if conflict.known in there]
        for conflict in sorted(released, key=lambda conflict: conflict.age):
            self._learn(conflict.topic, _version(conflict))

    def _numbered(self, version: PlainVersion) -> PlainVersion:
        self.numbers += 1
        return replace(version, number=self.numbers)

    def _put(self, topic: str, versions: list[PlainVersion]) -> None:
        if versions:
            self.memories[topic] = versions
        else:
            del self.memories[topic]


def _version(conflict: PlainConflict) -> PlainVersion:
    return PlainVersion(conflict.value, conflict.session_id, frozenset(conflict.sources), conflict.said)


def plain(chain: MemoryChain) -> tuple[str, list[PlainVersion]]:
    """Return a memory as the model has it."""
    versions = [
        PlainVersion(read(version.content)[1], version.session_id, frozenset(version.sources)) for version in chain.versions
    ]
    assert all(len(set(version.sources)) == len(version.sources) for version in chain.versions)
    return topic_of(chain.current.content), versions
