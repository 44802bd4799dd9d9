"""What must be true of an archive as a whole, checked record by record."""

from __future__ import annotations

from itertools import pairwise

from service.domain.archives import ArchivedMemory, ArchivedSession, ArchivedUser, ArchiveRecord
from service.domain.errors import InvalidRequest, Violation
from service.domain.ids import MemoryId, SessionId
from service.domain.memories import MemoryVersion
from service.domain.sessions import Message, SessionStatus
from service.usecases.limits import check_metadata


class BadRecord(InvalidRequest):
    """A record of an archive that cannot be imported. *record* is its place, from 1, which in a file is its line."""

    def __init__(self, record: int, problem: str) -> None:
        """Say which record it is and what is wrong with it."""
        violation = Violation(field=f"record {record}", description=problem)
        super().__init__(f"record {record}: {problem}", [violation], record=str(record))


class _Wrong(Exception):
    """What is wrong with a record, said to a person."""


class ArchiveChecks:
    """Remembers what came, as ids and numbers, and refuses what does not go with it."""

    def __init__(self) -> None:
        """Begin before the first record."""
        self._record = 0
        self._last: SessionId | None = None
        self._counts: dict[SessionId, int] = {}
        self._versions: set[MemoryId] = set()
        self._current: set[MemoryId] = set()
        self._connections: dict[MemoryId, int] = {}

    def next(self, record: ArchiveRecord) -> None:
        """Take the next record. Raises BadRecord."""
        self._record += 1
        try:
            self._check(record)
        except _Wrong as wrong:
            raise BadRecord(self._record, str(wrong)) from None
        except InvalidRequest as error:
            raise BadRecord(self._record, error.message) from error

    def end(self) -> None:
        """Take the end. Raises BadRecord about the record that names what never came."""
        if not self._record:
            raise BadRecord(1, "the archive is empty")
        for memory_id, record in self._connections.items():
            if memory_id not in self._current:
                raise BadRecord(record, f"connected_memory_ids: no memory has {memory_id} as its newest version")

    def _check(self, record: ArchiveRecord) -> None:
        if (self._record == 1) != isinstance(record, ArchivedUser):
            raise _Wrong("an archive holds one user, as its first record")
        match record:
            case ArchivedUser():
                check_metadata("metadata", record.metadata)
            case ArchivedSession():
                self._session(record)
            case Message():
                self._message(record)
            case ArchivedMemory():
                self._memory(record)

    def _session(self, session: ArchivedSession) -> None:
        if self._current:
            raise _Wrong("sessions come before memories")
        if session.session_id in self._counts:
            raise _Wrong(f"session_id: {session.session_id} came before")
        if (session.status is SessionStatus.PROCESSED) != (session.processed_at is not None):
            raise _Wrong("processed_at: is there for a processed session and for no other")
        check_metadata("metadata", session.metadata)
        self._counts[session.session_id] = 0
        self._last = session.session_id

    def _message(self, message: Message) -> None:
        if self._current or message.session_id != self._last:
            raise _Wrong("session_id: a message follows its own session")
        if message.index != self._counts[message.session_id]:
            raise _Wrong(f"message_index: must be {self._counts[message.session_id]}, one more than that of the one before")
        self._counts[message.session_id] += 1

    def _memory(self, memory: ArchivedMemory) -> None:
        if not memory.versions:
            raise _Wrong("versions: must hold at least one")
        for place, version in enumerate(memory.versions):
            try:
                self._version(version, newest=version is memory.versions[-1])
            except _Wrong as wrong:
                raise _Wrong(f"versions[{place}].{wrong}") from None
        if any(later.created_at < earlier.created_at for earlier, later in pairwise(memory.versions)):
            raise _Wrong("versions: must be oldest first")
        current = memory.versions[-1].memory_id
        if current in memory.connected:
            raise _Wrong("connected_memory_ids: no memory is connected to itself")
        self._current.add(current)
        for other in memory.connected:
            self._connections.setdefault(other, self._record)

    def _version(self, version: MemoryVersion, *, newest: bool) -> None:
        if version.memory_id in self._versions:
            raise _Wrong(f"memory_id: {version.memory_id} came before")
        if version.event_end < version.event_start:
            raise _Wrong("event_date_end: is before event_date_start")
        if newest != (version.expired_at is None):
            raise _Wrong("expired_at: is there for every version but the newest")
        if version.session_id not in self._counts:
            raise _Wrong(f"session_id: there is no session {version.session_id}")
        for source in version.sources:
            if not 0 <= source.message_index < self._counts.get(source.session_id, 0):
                raise _Wrong(f"sources: session {source.session_id} has no message {source.message_index}")
        if not version.sources:
            raise _Wrong("sources: must hold at least one")
        self._versions.add(version.memory_id)
