"""How records are written: times as whole microseconds since 1970, JSON by orjson, absence as the empty string."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import orjson

from service.domain.ids import ChainId, KeyId, MemoryId, ProjectId, Scope, SessionId, UserId
from service.domain.memories import MemoryChain, MemoryVersion, Source, VersionReason
from service.domain.projects import ApiKey, Category, Guidance, KeyScope, Project, ProjectSettings
from service.domain.sessions import (
    NOWHERE,
    Message,
    MessageRole,
    NewMessage,
    Session,
    SessionOrigin,
    SessionStatus,
    Summary,
    Visibility,
)
from service.domain.usage import ProjectLimits
from service.domain.users import User
from service.domain.values import JsonObject

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

Hash = Mapping[str, str]

KEPT = 16_384
KEPT_CHARS = 2_000
"""
So many records are kept as they were read, those whose text is no longer than so many characters: some 30 MB. Recalls of one user
come back to the same records. A record is always looked up by its whole text, so none that is kept can be out of date.
"""


def micros(time: datetime) -> int:
    """Return microseconds since 1970; exact, and a double holds them exactly until the year 2255."""
    return (time - EPOCH) // MICROSECOND


def moment(text: str | int) -> datetime:
    """Return the time of some microseconds since 1970, in UTC."""
    return EPOCH + timedelta(microseconds=int(text))


def optional_moment(text: str) -> datetime | None:
    """Return the time, or None for the empty string."""
    return moment(text) if text else None


def dump(value: Any) -> str:
    """Return *value* as JSON, keys sorted."""
    return orjson.dumps(value, default=_plain, option=orjson.OPT_SORT_KEYS).decode()


def dump_object(value: JsonObject) -> str:
    """Return a caller's object as JSON, its keys in the caller's order."""
    return orjson.dumps(value, default=_plain).decode()


def digest(*request: Any) -> str:
    """Return a hash of everything that makes two requests the same."""
    return hashlib.sha256(dump(request).encode()).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence):
        return list(value)
    raise TypeError(f"{type(value).__name__} is no JSON")


def hash_of(flat: Sequence[str]) -> Hash:
    """Return the hash that a script gives as its fields and their values in turn."""
    return dict(zip(flat[::2], flat[1::2], strict=True))


def read_user(scope: Scope, record: Hash) -> User:
    """Return the user of a hash."""
    return User(
        project_id=scope.project_id,
        user_key=scope.user_key,
        user_id=UserId(record["user_id"]),
        metadata=orjson.loads(record["metadata"]),
        merge_conflict_enabled=read_flag(record["merge_conflict"]),
        created_at=moment(record["created_at"]),
        last_active_at=moment(record["last_active_at"]),
        has_documents=record.get("documents", "0") != "0",
    )


def flag(*, value: bool | None) -> str:
    """Return a flag as text."""
    return "" if value is None else str(int(value))


def read_flag(text: str) -> bool | None:
    """Return the flag of a text."""
    return None if text == "" else text == "1"


def read_session(session_id: SessionId, record: Hash) -> Session:
    """Return the session of a hash."""
    return Session(
        session_id=session_id,
        status=SessionStatus(record["status"]),
        created_at=moment(record["created_at"]),
        custom_created_at=record["custom"] == "1",
        metadata=orjson.loads(record["metadata"]),
        auto_process_after=read_span(record["auto_process_after"]),
        processed_at=optional_moment(record["processed_at"]),
        last_active_at=moment(record["last_active_at"]),
        message_count=int(record["message_count"]),
        generation=int(record["generation"]),
        # what a session of an older version has not
        origin=read_origin(record.get("origin", "")),
        process_within=read_span(record.get("process_within", "")),
        forgotten_count=int(record.get("forgotten_count", 0)),
        missing=read_places(record.get("missing", "")),
        remembered_at=optional_moment(record.get("remembered_at", "")),
    )


def read_span(text: str) -> timedelta | None:
    """Return a span of time, None for the empty string."""
    return timedelta(microseconds=int(text)) if text else None


def write_origin(origin: SessionOrigin) -> str:
    """Return where a session belongs as JSON, the empty string for nowhere."""
    return "" if origin == NOWHERE else dump([origin.thread, origin.group, origin.visibility])


def read_origin(text: str) -> SessionOrigin:
    """Return where a session belongs."""
    if not text:
        return NOWHERE
    thread, group, visibility = orjson.loads(text)
    return SessionOrigin(thread=thread, group=group, visibility=Visibility(visibility))


def write_places(places: frozenset[int] | None) -> str:
    """Return places in a session as JSON, the empty string for None."""
    return "" if places is None else dump(sorted(places))


def read_places(text: str) -> frozenset[int] | None:
    """Return places in a session, None for the empty string."""
    return frozenset(orjson.loads(text)) if text else None


def write_message(message: NewMessage | Message) -> str:
    """Return a message as JSON; the script puts its time and a space before it."""
    body = {
        "role": message.role,
        "content": message.content,
        "kind": message.kind,
        "document": message.document_id,
        "metadata": message.metadata,
    }
    return dump({name: value for name, value in body.items() if value or name == "content"})


def read_message(session_id: SessionId, index: int, text: str) -> Message:
    """Return the message at *index* of a session."""
    return (_known_message if len(text) <= KEPT_CHARS else _message)(session_id, index, text)


def _message(session_id: SessionId, index: int, text: str) -> Message:
    time, _, body = text.partition(" ")
    fields = orjson.loads(body)
    return Message(
        session_id=session_id,
        index=index,
        role=_ROLES[fields["role"]],
        content=fields["content"],
        timestamp=moment(time),
        kind=fields.get("kind", ""),
        document_id=fields.get("document", ""),
        metadata=fields.get("metadata"),
    )


_ROLES = {role.value: role for role in MessageRole}
_known_message = lru_cache(KEPT)(_message)


def write_summary(summary: Summary) -> str:
    """Return a summary as JSON."""
    return dump({"content": summary.content, "created_at": micros(summary.created_at), "message_count": summary.message_count})


def read_summary(session_id: SessionId, text: str) -> Summary:
    """Return the summary of a session."""
    fields = orjson.loads(text)
    return Summary(
        session_id=session_id,
        content=fields["content"],
        created_at=moment(fields["created_at"]),
        message_count=fields["message_count"],
    )


def write_chain(chain: MemoryChain) -> str:
    """Return a chain as JSON."""
    return dump({"versions": [_version(version) for version in chain.versions], "connections": chain.connections})


def _version(version: MemoryVersion) -> dict[str, Any]:
    return {
        "memory_id": version.memory_id,
        "content": version.content,
        "categories": version.categories,
        "entities": version.entities,
        "event": [micros(version.event_start), micros(version.event_end)],
        "created_at": micros(version.created_at),
        "reason": version.reason,
        "session": version.session_id,
        "sources": [[source.session_id, source.message_index] for source in version.sources],
        "expired_at": None if version.expired_at is None else micros(version.expired_at),
        "merge_conflict_id": version.merge_conflict_id,
    }


def read_chain(chain_id: ChainId, text: str) -> MemoryChain:
    """Return the chain of a JSON text."""
    return (_known_chain if len(text) <= KEPT_CHARS else _chain)(chain_id, text)


def _chain(chain_id: ChainId, text: str) -> MemoryChain:
    fields = orjson.loads(text)
    return MemoryChain(
        chain_id=chain_id,
        versions=tuple(_read_version(version) for version in fields["versions"]),
        connections=tuple(ChainId(other) for other in fields["connections"]),
    )


_known_chain = lru_cache(KEPT)(_chain)


def _read_version(fields: dict[str, Any]) -> MemoryVersion:
    start, end = fields["event"]
    expired_at = fields["expired_at"]
    return MemoryVersion(
        memory_id=MemoryId(fields["memory_id"]),
        content=fields["content"],
        categories=tuple(fields["categories"]),
        entities=tuple(fields["entities"]),
        event_start=moment(start),
        event_end=moment(end),
        created_at=moment(fields["created_at"]),
        reason=VersionReason(fields["reason"]),
        session_id=SessionId(fields["session"]),
        sources=tuple(Source(session_id=SessionId(session), message_index=index) for session, index in fields["sources"]),
        expired_at=None if expired_at is None else moment(expired_at),
        merge_conflict_id=fields["merge_conflict_id"],
    )


def write_settings(settings: ProjectSettings) -> str:
    """Return the settings of a project as JSON."""
    return dump(
        {
            "categories": [[category.name, category.description] for category in settings.categories],
            "merge_conflict_enabled": settings.merge_conflict_enabled,
            "guidance": asdict(settings.guidance),
            "retention": None if settings.retention is None else settings.retention // MICROSECOND,
            "limits": asdict(settings.limits),
        }
    )


def read_project(project_id: ProjectId, record: Hash) -> Project:
    """Return the project of a hash."""
    return Project(
        project_id=project_id,
        name=record["name"],
        created_at=moment(record["created_at"]),
        settings=_read_settings(orjson.loads(record["settings"])),
    )


def _read_settings(fields: dict[str, Any]) -> ProjectSettings:
    # a project of an older version has no guidance, no retention and no limits
    retention = fields.get("retention")
    return ProjectSettings(
        categories=tuple(Category(name=name, description=description) for name, description in fields["categories"]),
        merge_conflict_enabled=fields["merge_conflict_enabled"],
        guidance=_read_guidance(fields),
        retention=None if retention is None else retention * MICROSECOND,
        limits=ProjectLimits(**fields.get("limits", {})),
    )


def _read_guidance(fields: dict[str, Any]) -> Guidance:
    read: dict[str, Any] = {
        name: value if isinstance(value, str) else tuple(value) for name, value in fields.get("guidance", {}).items()
    }
    return Guidance(**read)


def write_key(key: ApiKey) -> dict[str, str]:
    """Return an API key as a hash."""
    return {
        "project_id": key.project_id,
        "digest": key.digest.hex(),
        "scopes": " ".join(sorted(key.scopes)),
        "name": key.name,
        "created_at": str(micros(key.created_at)),
        "revoked_at": "" if key.revoked_at is None else str(micros(key.revoked_at)),
    }


def read_key(key_id: KeyId, record: Hash) -> ApiKey:
    """Return the API key of a hash."""
    return ApiKey(
        key_id=key_id,
        project_id=ProjectId(record["project_id"]),
        digest=bytes.fromhex(record["digest"]),
        scopes=frozenset(KeyScope(scope) for scope in record["scopes"].split()),
        name=record["name"],
        created_at=moment(record["created_at"]),
        revoked_at=optional_moment(record["revoked_at"]),
    )
