"""What processing must come to, in plain Python: facts about topics, each with one value at a time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from service.domain.ids import SessionId
from service.domain.memories import Candidate, Decision, DecisionKind, Extraction, MemoryChain, Neighbour, Source
from service.domain.projects import Category, Guidance
from service.domain.sessions import SessionStatus, Transcript

TOPICS = ("cat", "city", "job", "car", "song")
VALUES = ("red", "old", "far")

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
    is a change or, if it *contradicts*, a contradiction.
    """

    contradicts: bool = False

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
        other = DecisionKind.CONTRADICTION if self.contradicts else DecisionKind.CHANGE
        kind = DecisionKind.DUPLICATE if same else other
        return Decision(kind=kind, content=candidate.content, chain_id=known.chain_id)


@dataclass(frozen=True, slots=True)
class PlainVersion:
    """A value, the session that said it first, and every message that says it."""

    value: str
    session_id: SessionId
    sources: frozenset[Source]


@dataclass(slots=True)
class PlainSession:
    """What was said, and where the session stands."""

    said: list[tuple[str, str]] = field(default_factory=list)
    status: SessionStatus = SessionStatus.PENDING
    timed: bool = False


@dataclass(slots=True)
class PlainUser:
    """Everything of one user."""

    sessions: dict[SessionId, PlainSession] = field(default_factory=dict)
    memories: dict[str, list[PlainVersion]] = field(default_factory=dict)

    def commit(self, session_id: SessionId) -> None:
        """Make memories of a session."""
        session = self.sessions[session_id]
        session.status = SessionStatus.PROCESSED
        for index, (topic, value) in enumerate(session.said):
            source = frozenset({Source(session_id=session_id, message_index=index)})
            versions = self.memories.setdefault(topic, [])
            if versions and versions[-1].value == value:
                last = versions.pop()
                versions.append(PlainVersion(value, last.session_id, last.sources | source))
            else:
                versions.append(PlainVersion(value, session_id, source))

    def forget_session(self, session_id: SessionId) -> None:
        """Remove a session, the versions that it made, and it as a source."""
        del self.sessions[session_id]
        for topic, versions in list(self.memories.items()):
            left = [
                PlainVersion(version.value, version.session_id, sources)
                for version in versions
                if version.session_id != session_id
                and (sources := frozenset(source for source in version.sources if source.session_id != session_id))
            ]
            self._put(topic, left)

    def forget_version(self, topic: str, place: int, *, with_older: bool) -> None:
        """Remove a version, or it and all older ones."""
        versions = self.memories[topic]
        self._put(topic, [*([] if with_older else versions[:place]), *versions[place + 1 :]])

    def turns(self) -> frozenset[str]:
        """Return the ids of all messages as the index names them."""
        return frozenset(f"{id_}:{index}" for id_, session in self.sessions.items() for index in range(len(session.said)))

    def summarised(self) -> frozenset[str]:
        """Return the sessions that have a summary."""
        return frozenset(
            id_ for id_, session in self.sessions.items() if session.status is SessionStatus.PROCESSED and session.said
        )

    def _put(self, topic: str, versions: list[PlainVersion]) -> None:
        if versions:
            self.memories[topic] = versions
        else:
            del self.memories[topic]


def plain(chain: MemoryChain) -> tuple[str, list[PlainVersion]]:
    """Return a memory as the model has it."""
    versions = [
        PlainVersion(read(version.content)[1], version.session_id, frozenset(version.sources)) for version in chain.versions
    ]
    assert all(len(set(version.sources)) == len(version.sources) for version in chain.versions)
    return topic_of(chain.current.content), versions
