"""What must be true of an archive as a whole, checked record by record."""

from __future__ import annotations

from itertools import pairwise

from service.domain.archives import ArchivedConflict, ArchivedMemory, ArchivedSession, ArchivedUser, ArchiveRecord
from service.domain.conflicts import Choice, Conflict, ConflictStatus
from service.domain.errors import InvalidRequest
from service.domain.ids import MemoryId, SessionId
from service.domain.memories import Candidate, MemoryVersion
from service.domain.sessions import Message, SessionStatus
from service.usecases.archives.document_checks import DocumentChecks
from service.usecases.archives.problems import BadRecord, Wrong
from service.usecases.limits import check_metadata


class ArchiveChecks:
    """Remembers what came, as ids and numbers, and refuses what does not go with it."""

    def __init__(self) -> None:
        """Begin before the first record."""
        self._record = 0
        self._last: SessionId | None = None
        self._counts: dict[SessionId, int] = {}
        self._versions: set[MemoryId] = set()
        self._current: set[MemoryId] = set()
        self._conflicts: set[str] = set()
        self._named: dict[MemoryId, tuple[int, str]] = {}
        self._documents = DocumentChecks()

    def next(self, record: ArchiveRecord) -> None:
        """Take the next record. Raises BadRecord."""
        self._record += 1
        try:
            self._documents.between(record)
            self._check(record)
        except Wrong as wrong:
            raise BadRecord(self._record, str(wrong)) from None
        except InvalidRequest as error:
            raise BadRecord(self._record, error.message) from error

    def end(self) -> None:
        """Take the end. Raises BadRecord about the record that names what never came."""
        if not self._record:
            raise BadRecord(1, "the archive is empty")
        try:
            self._documents.between(None)
        except Wrong as wrong:
            raise BadRecord(self._record, str(wrong)) from None
        for memory_id, (record, field) in self._named.items():
            if memory_id not in self._current:
                raise BadRecord(record, f"{field}: no memory has {memory_id} as its newest version")

    def _check(self, record: ArchiveRecord) -> None:
        if (self._record == 1) != isinstance(record, ArchivedUser):
            raise Wrong("an archive holds one user, as its first record")
        match record:
            case ArchivedUser():
                check_metadata("metadata", record.metadata)
            case ArchivedSession():
                self._session(record)
            case Message():
                self._message(record)
            case ArchivedConflict():
                self._conflict(record)
            case ArchivedMemory():
                self._memory(record)

    def _session(self, session: ArchivedSession) -> None:
        if self._current or self._conflicts:
            raise Wrong("sessions come before conflicts and memories")
        if session.session_id in self._counts:
            raise Wrong(f"session_id: {session.session_id} came before")
        again = session.missing is not None
        if again and session.status in {SessionStatus.PENDING, SessionStatus.PROCESSED}:
            raise Wrong("missing: is there for no session that waits to be processed or has been")
        if (session.status is SessionStatus.PROCESSED or again) != (session.processed_at is not None):
            raise Wrong(
                "processed_at: is there for a session that was processed, if only to be processed again, and for no other"
            )
        check_metadata("metadata", session.metadata)
        self._counts[session.session_id] = 0
        self._last = session.session_id

    def _message(self, message: Message) -> None:
        if self._current or self._conflicts or message.session_id != self._last:
            raise Wrong("session_id: a message follows its own session")
        if message.index != self._counts[message.session_id]:
            raise Wrong(f"message_index: must be {self._counts[message.session_id]}, one more than that of the one before")
        if message.metadata is not None:
            check_metadata("metadata", message.metadata)
        self._counts[message.session_id] += 1

    def _conflict(self, archived: ArchivedConflict) -> None:
        conflict = archived.conflict
        if self._current:
            raise Wrong("conflicts come before memories")
        if conflict.conflict_id in self._conflicts:
            raise Wrong(f"conflict_id: {conflict.conflict_id} came before")
        if conflict.is_open and len(conflict.questions) != len(conflict.conflicting):
            raise Wrong("clarifying_questions: there is one for each conflicting memory")
        if any(len(question.options) != len(Choice) for question in conflict.questions):
            raise Wrong(f"clarifying_questions: each has {len(Choice)} options")
        self._settled(conflict)
        self._origin(conflict.session_id, conflict.candidate)
        for memory, newest in zip(conflict.conflicting, archived.newest, strict=True):
            if newest is None and conflict.is_open:
                raise Wrong(f"newest_memory_id: an open conflict needs the memory of {memory.memory_id}")
            if newest is not None:
                self._named.setdefault(newest, (self._record, "newest_memory_id"))
        self._conflicts.add(conflict.conflict_id)

    def _settled(self, conflict: Conflict) -> None:
        """Refuse what does not go with the status of a conflict, or answers that are none to its questions."""
        if (conflict.status is ConflictStatus.PENDING) != (conflict.answers is None):
            raise Wrong("resolution_data: is there for every conflict but a pending one")
        if conflict.is_open != (conflict.resolved_at is None):
            raise Wrong("resolved_at: is there for a conflict that was resolved or failed and for no other")
        if (conflict.status is ConflictStatus.RESOLVED) != (conflict.new_memories is not None):
            raise Wrong("new_memories: is there for a resolved conflict and for no other")
        if conflict.answers is None:
            return
        given = [(answer.question, answer.answer) for answer in conflict.answers]
        if len(given) != len(conflict.questions) or any(
            asked.question != question or answer not in asked.options
            for asked, (question, answer) in zip(conflict.questions, given, strict=True)
        ):
            raise Wrong("resolution_data: holds one of the options of each question, in their order")

    def _memory(self, memory: ArchivedMemory) -> None:
        if not memory.versions:
            raise Wrong("versions: must hold at least one")
        for place, version in enumerate(memory.versions):
            try:
                self._version(version, newest=version is memory.versions[-1])
            except Wrong as wrong:
                raise Wrong(f"versions[{place}].{wrong}") from None
        if any(later.created_at < earlier.created_at for earlier, later in pairwise(memory.versions)):
            raise Wrong("versions: must be oldest first")
        current = memory.versions[-1].memory_id
        if current in memory.connected:
            raise Wrong("connected_memory_ids: no memory is connected to itself")
        self._current.add(current)
        for other in memory.connected:
            self._named.setdefault(other, (self._record, "connected_memory_ids"))

    def _version(self, version: MemoryVersion, *, newest: bool) -> None:
        if version.memory_id in self._versions:
            raise Wrong(f"memory_id: {version.memory_id} came before")
        if newest != (version.expired_at is None):
            raise Wrong("expired_at: is there for every version but the newest")
        if version.merge_conflict_id is not None and version.merge_conflict_id not in self._conflicts:
            raise Wrong(f"merge_conflict_id: there is no conflict {version.merge_conflict_id}")
        self._origin(version.session_id, version)
        self._versions.add(version.memory_id)

    def _origin(self, session_id: SessionId, statement: MemoryVersion | Candidate) -> None:
        """Refuse a statement of a time, a session or messages that are none."""
        if statement.event_end < statement.event_start:
            raise Wrong("event_date_end: is before event_date_start")
        if session_id not in self._counts:
            raise Wrong(f"session_id: there is no session {session_id}")
        for source in statement.sources:
            if not 0 <= source.message_index < self._counts.get(source.session_id, 0):
                raise Wrong(f"sources: session {source.session_id} has no message {source.message_index}")
        if not statement.sources:
            raise Wrong("sources: must hold at least one")
