"""
The names of all keys, and in which bucket they lie. README.md says what each holds.

A user's uuid decides its bucket, and the bucket's tag `{b<n>}` keeps all that a script needs in one slot. The project is part of
every name, so that a scope with another project reaches nothing.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass
from datetime import date

from service.domain.ids import DocumentId, KeyId, ProjectId, RecallId, Scope, SessionId, UploadId, UserId, UserKey
from service.storage.redis.bucket_keys import BucketKeys
from service.storage.redis.names import name_of, project_of, quoted

META = "mneme:meta"
PROJECTS = "mneme:projects"


def api_key(key_id: KeyId) -> str:
    """Return the key of an API key, which lies alone: it is looked up before its project is known."""
    return f"mneme:key:{name_of(key_id)}"


@dataclass(frozen=True, slots=True)
class ProjectKeys:
    """What is kept under a project's own tag, and the claims and kept answers that are spread by their hash."""

    project_id: ProjectId

    @property
    def _prefix(self) -> str:
        return f"mneme:{{p:{quoted(self.project_id)}}}"

    @property
    def record(self) -> str:
        """Hash of the project."""
        return f"{self._prefix}:project"

    @property
    def keys(self) -> str:
        """Sorted set of its API keys' ids, by creation."""
        return f"{self._prefix}:keys"

    @property
    def users(self) -> str:
        """Sorted set of its users' uuids, by creation."""
        return f"{self._prefix}:users"

    @property
    def categories(self) -> str:
        """Set of the names of categories that any memory has had."""
        return f"{self._prefix}:categories"

    @property
    def rate(self) -> str:
        """String: when its bucket of calls is full again."""
        return f"{self._prefix}:rate"

    def usage(self, day: date) -> str:
        """Return the hash of what it did on a day."""
        return f"{self._prefix}:usage:{day:%Y-%m-%d}"

    def ingested(self, month: date) -> str:
        """Return the counter of what it brought in during a month."""
        return f"{self._prefix}:ingested:{month:%Y-%m}"

    @property
    def webhook(self) -> str:
        """Hash of its webhook."""
        return f"{self._prefix}:webhook"

    def claim(self, user_id: UserId) -> str:
        """Return the string that says who holds a user id."""
        return f"mneme:claim:{quoted(self.project_id)}:{name_of(user_id)}"

    def document_claim(self, document_id: DocumentId) -> str:
        """Return the string that says who holds the id of a document."""
        return f"mneme:document:{quoted(self.project_id)}:{name_of(document_id)}"

    def answer(self, idempotency_key: str) -> str:
        """Return the string that says what came of a request to create a user."""
        return f"mneme:answer:{quoted(self.project_id)}:{name_of(idempotency_key)}"

    def event_name(self, name: str) -> str:
        """Return the string that says whose event has a name."""
        return f"mneme:event:{quoted(self.project_id)}:{name_of(name)}"

    def recall(self, recall_id: RecallId) -> str:
        """Return the hash that says what a recall returned, and what was said of it."""
        return f"mneme:recall:{quoted(self.project_id)}:{name_of(recall_id)}"


@dataclass(frozen=True, slots=True)
class UserKeys:
    """What is kept of one user. No two users share a name: each begins with the user's uuid."""

    scope: Scope
    bucket: BucketKeys

    @property
    def _prefix(self) -> str:
        return f"mneme:{{b{self.bucket.number}}}:{self.scope.user_key}:{quoted(self.scope.project_id)}"

    @property
    def record(self) -> str:
        """Hash of the user."""
        return f"{self._prefix}:record"

    @property
    def sessions(self) -> str:
        """Sorted set of session ids, by creation."""
        return f"{self._prefix}:sessions"

    @property
    def origins(self) -> str:
        """Hash of session id to where the session belongs, of those that belong somewhere."""
        return f"{self._prefix}:origins"

    @property
    def places(self) -> str:
        """Sorted set of `<thread, group or what it is seen from>:<session id>`, all of one score: read by prefix."""
        return f"{self._prefix}:places"

    @property
    def forgotten(self) -> str:
        """Hash of session id to its forgotten messages."""
        return f"{self._prefix}:forgotten"

    @property
    def holds(self) -> str:
        """Which messages are held for legal reasons."""
        return f"{self._prefix}:holds"

    @property
    def pending(self) -> str:
        """Sorted set of the ids of pending sessions, by last activity."""
        return f"{self._prefix}:pending"

    @property
    def spoken(self) -> str:
        """Sorted set of the ids of sessions with messages, by the time of the newest message."""
        return f"{self._prefix}:spoken"

    @property
    def summaries(self) -> str:
        """Hash of session id to summary."""
        return f"{self._prefix}:summaries"

    @property
    def summary_times(self) -> str:
        """Sorted set of the ids of summarised sessions, by the session's own time."""
        return f"{self._prefix}:summary_times"

    @property
    def revision(self) -> str:
        """Counter of changes of the memories."""
        return f"{self._prefix}:revision"

    @property
    def parts(self) -> str:
        """List of the parts of a change that are still to be made, each behind the names of its keys."""
        return f"{self._prefix}:parts"

    @property
    def chains(self) -> str:
        """Hash of chain id to chain."""
        return f"{self._prefix}:chains"

    @property
    def heads(self) -> str:
        """Sorted set of chain ids, by creation of the current version."""
        return f"{self._prefix}:heads"

    @property
    def versions(self) -> str:
        """Hash of memory id to the id of the chain that holds it."""
        return f"{self._prefix}:versions"

    @property
    def by_session(self) -> str:
        """Sorted set of `<session id>:<chain id>`, all of one score: read by prefix."""
        return f"{self._prefix}:by_session"

    @property
    def by_category(self) -> str:
        """Sorted set of `<category>:<chain id>` of current versions, all of one score: read by prefix."""
        return f"{self._prefix}:by_category"

    @property
    def categories(self) -> str:
        """Set of the names of categories that any memory of the user has had."""
        return f"{self._prefix}:categories"

    @property
    def conflicts(self) -> str:
        """Hash of conflict id to conflict."""
        return f"{self._prefix}:conflicts"

    @property
    def open_conflicts(self) -> str:
        """Set of the ids of conflicts that are not settled yet."""
        return f"{self._prefix}:open_conflicts"

    @property
    def events(self) -> str:
        """Hash of event id to event, and of `<event id>:tries` to what was tried to deliver it."""
        return f"{self._prefix}:events"

    @property
    def undelivered(self) -> str:
        """List of the ids of events that are to be delivered, in order."""
        return f"{self._prefix}:undelivered"

    @property
    def documents(self) -> str:
        """Sorted set of document ids, by creation."""
        return f"{self._prefix}:documents"

    @property
    def erased(self) -> str:
        """Chunks of documents that went for a forgetting whose step has not come yet."""
        return f"{self._prefix}:erased"

    @property
    def collections(self) -> str:
        """Hash of the name of a collection to the collection."""
        return f"{self._prefix}:collections"

    @property
    def members(self) -> str:
        """Hash of `<name of collection>:<name of document>` to the position and the time of adding."""
        return f"{self._prefix}:members"

    @property
    def holders(self) -> str:
        """Sorted set of `<name of document>:<name of collection>`, all of one score: read by prefix."""
        return f"{self._prefix}:holders"

    @property
    def held(self) -> str:
        """Sorted set of `<name of collection>:<name of document>`, all of one score: read by prefix."""
        return f"{self._prefix}:held"

    @property
    def answers(self) -> str:
        """Sorted set of the keys of kept answers, by expiry."""
        return f"{self._prefix}:answers"

    @property
    def grave(self) -> str:
        """Sorted set of the sessions of a deleted user that are still to be removed."""
        return f"{self._prefix}:grave"

    def staged(self, token: str) -> str:
        """Return the list of the parts of a change that is not decided for, as in `parts`."""
        return f"{self._prefix}:staged:{token}"

    def session(self, session_id: SessionId) -> str:
        """Return the hash of a session."""
        return f"{self._prefix}:session:{session_id}"

    def messages(self, session_id: SessionId) -> str:
        """Return the list of a session's messages."""
        return f"{self._prefix}:messages:{session_id}"

    def steps(self, session_id: SessionId) -> str:
        """Return the hash of kept results of processing a session."""
        return f"{self._prefix}:steps:{session_id}"

    def document(self, document_id: DocumentId) -> str:
        """Return the hash of a document."""
        return self.document_named(name_of(document_id))

    def document_named(self, name: str) -> str:
        """Return the hash of the document whose short name is *name*."""
        return f"{self._prefix}:document:{name}"

    def upload(self, upload_id: UploadId) -> str:
        """Return the hash of an upload's chunks."""
        return f"{self._prefix}:upload:{upload_id}"

    def answer(self, idempotency_key: str) -> str:
        """Return the string that holds the first answer to a request."""
        return f"{self._prefix}:answer:{name_of(idempotency_key)}"

    def timer(self, session_id: SessionId) -> str:
        """Return the member of the timers that stands for a session."""
        return f"{quoted(self.scope.project_id)} {self.scope.user_key} {session_id}"

    def removed_whole(self) -> tuple[str, ...]:
        """Return every key that goes at once with the user: all but record, sessions, documents, answers and grave."""
        return (
            self.origins,
            self.places,
            self.forgotten,
            self.holds,
            self.pending,
            self.spoken,
            self.summaries,
            self.summary_times,
            self.revision,
            self.parts,
            self.chains,
            self.heads,
            self.versions,
            self.by_session,
            self.by_category,
            self.categories,
            self.conflicts,
            self.open_conflicts,
            self.events,
            self.undelivered,
            self.erased,
            self.collections,
            self.members,
            self.holders,
            self.held,
        )


@dataclass(frozen=True, slots=True)
class Keyspace:
    """The names of a store with a fixed number of *buckets*."""

    buckets: int

    def all_buckets(self) -> tuple[BucketKeys, ...]:
        """Return every bucket, in order."""
        return tuple(BucketKeys(number) for number in range(self.buckets))

    def user(self, scope: Scope) -> UserKeys:
        """Return the keys of a user; the uuid's CRC16 decides the bucket."""
        return UserKeys(scope, BucketKeys(binascii.crc_hqx(scope.user_key.encode(), 0) % self.buckets))

    def member(self, project: str, user_key: str) -> UserKeys:
        """Return the keys of the user that a member or an entry names."""
        return self.user(Scope(project_id=project_of(project), user_key=UserKey(user_key)))
