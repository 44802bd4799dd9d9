"""
Everything that Mneme itself raises.

    DomainError
    ├── InvalidRequest
    │   ├── CategoriesUnknown · IdempotencyKeyReused
    │   └── ConflictQuestionsUnknown · ConflictAnswersMissing · ConflictWrongAnswer
    ├── NotAuthenticated
    │   └── CredentialsMissing · CredentialsInvalid
    ├── ScopeMissing
    ├── NotFound
    │   ├── UserNotFound · SessionNotFound · MemoryNotFound · ConflictNotFound · ProjectNotFound · ApiKeyNotFound
    │   └── ReceiptNotFound · WebhookNotFound · WebhookEventNotFound
    ├── AlreadyExists
    │   ├── UserAlreadyExists · ProjectAlreadyExists
    ├── WrongState
    │   ├── SessionNotWritable · SessionNotProcessable · ConflictAlreadyResolved · IndexModelMismatch
    ├── RateLimited
    ├── QuotaExceeded
    ├── StorageUnavailable
    └── ConcurrentChange

Those about documents are in `document_errors.py`, those about events and recalls in `event_errors.py`.

An error is a reason and the data that the reason is about. One interceptor turns it into a gRPC status; nothing here knows
about transports. The reasons are those of `proto/mneme/v1/error_reason.proto`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

SHOWN_CHARACTERS = 200
"""How much of a text that a caller sent is repeated in an error about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """
    One broken rule: the path of the field in the request, such as `messages[2].role`, and what is wrong with it; *missing* says
    that the field had to be there and is not.
    """

    field: str
    description: str
    missing: bool = False


class DomainError(Exception):
    """An answer of Mneme that is not a result. Carries a *reason*, a *message* for a person and *metadata* for a program."""

    reason: ClassVar[str] = "INTERNAL"

    def __init__(self, message: str, **metadata: str) -> None:
        """Keep what is said to the caller; both the message and the metadata reach it."""
        super().__init__(message)
        self.message = message
        self.metadata: Mapping[str, str] = metadata


class InvalidRequest(DomainError):
    """The request breaks a rule that its shape alone cannot show."""

    reason = "VALIDATION_FAILED"

    def __init__(self, message: str, violations: Sequence[Violation] = (), **metadata: str) -> None:
        """Keep the *violations*, one for each broken rule."""
        super().__init__(message, **metadata)
        self.violations = tuple(violations)

    @classmethod
    def of(cls, field: str, description: str) -> InvalidRequest:
        """Return the error for one broken rule of one *field*."""
        return cls(f"{field}: {description}", [Violation(field=field, description=description)])


class CategoriesUnknown(InvalidRequest):
    """A filter names categories that the project neither configures nor uses."""

    reason = "CATEGORIES_UNKNOWN"

    def __init__(self, categories: Sequence[str]) -> None:
        """Name the unknown *categories* and no others."""
        names = ", ".join(repr(name) for name in categories)
        super().__init__(f"Unknown categories: {names}", categories=json.dumps(list(categories)))


class IdempotencyKeyReused(InvalidRequest):
    """The key came with another body before."""

    reason = "IDEMPOTENCY_KEY_REUSED"

    def __init__(self, *, idempotency_key: str) -> None:
        """Name the key."""
        super().__init__(f"Idempotency key {idempotency_key!r} was used for a different request", idempotency_key=idempotency_key)


class ConflictQuestionsUnknown(InvalidRequest):
    """Answers are to questions that the conflict does not ask."""

    reason = "MERGE_CONFLICT_INVALID_QUESTIONS"

    def __init__(self, questions: Sequence[str], *, conflict_id: str) -> None:
        """Use the words that client libraries match on."""
        super().__init__(
            "Invalid questions provided. The following questions do not match the original questions: "
            f"{[_shown(question) for question in questions]}",
            conflict_id=conflict_id,
        )


class ConflictAnswersMissing(InvalidRequest):
    """Questions of the conflict have no answer."""

    reason = "MERGE_CONFLICT_MISSING_ANSWERS"

    def __init__(self, questions: Sequence[str], *, conflict_id: str) -> None:
        """Use the words that client libraries match on."""
        super().__init__(f"Missing answers for the following questions: {list(questions)}", conflict_id=conflict_id)


class ConflictWrongAnswer(InvalidRequest):
    """An answer is none of the options of its question."""

    reason = "MERGE_CONFLICT_INVALID_ANSWER"

    def __init__(self, answer: str, question: str, options: Sequence[str], *, conflict_id: str) -> None:
        """Use the words that client libraries match on."""
        super().__init__(
            f"Invalid answer '{_shown(answer)}' for question '{question}'. Valid options are: {list(options)}",
            conflict_id=conflict_id,
        )


def _shown(text: str) -> str:
    """Return what a caller sent, cut short: the words of the error around it must not be lost to its length."""
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"


class NotAuthenticated(DomainError):
    """The caller is nobody that Mneme knows."""


class CredentialsMissing(NotAuthenticated):
    """The call carries no key or no project."""

    reason = "CREDENTIALS_MISSING"

    def __init__(self) -> None:
        """Say which headers are needed."""
        super().__init__("API key and project id are required: send X-Recallr-Api-Key and X-Recallr-Project-Id, or a bearer")


class CredentialsInvalid(NotAuthenticated):
    """The key is unknown, revoked or another project's. One text for all, so that it tells nothing."""

    reason = "CREDENTIALS_INVALID"

    def __init__(self) -> None:
        """Say that it is wrong and not what is wrong."""
        super().__init__("Invalid API key or project id")


class ScopeMissing(DomainError):
    """The key is good and may not do this."""

    reason = "SCOPE_MISSING"

    def __init__(self, *, scope: str) -> None:
        """Name the *scope* that is asked for."""
        super().__init__(f"This API key lacks the {scope!r} scope", scope=scope)


class NotFound(DomainError):
    """A thing that does not exist, or that the caller may not know of: both give the same answer."""


class UserNotFound(NotFound):
    """The project has no such user."""

    reason = "USER_NOT_FOUND"

    def __init__(self, *, user_id: str) -> None:
        """Use the words that client libraries match on."""
        super().__init__(f"User {user_id} not found", user_id=user_id)


class SessionNotFound(NotFound):
    """The user has no such session."""

    reason = "SESSION_NOT_FOUND"

    def __init__(self, *, session_id: str) -> None:
        """Never mention the user: client libraries would take the error for a missing user."""
        super().__init__(f"Session {session_id} not found", session_id=session_id)


class MemoryNotFound(NotFound):
    """The user has no such memory version."""

    reason = "MEMORY_NOT_FOUND"

    def __init__(self, *, memory_id: str) -> None:
        """Name the version."""
        super().__init__(f"Memory {memory_id} not found", memory_id=memory_id)


class ConflictNotFound(NotFound):
    """The user has no such merge conflict."""

    reason = "MERGE_CONFLICT_NOT_FOUND"

    def __init__(self, *, conflict_id: str) -> None:
        """Never mention the user: client libraries would take the error for a missing user."""
        super().__init__(f"Merge conflict {conflict_id} not found", conflict_id=conflict_id)


class ProjectNotFound(NotFound):
    """There is no such project."""

    reason = "PROJECT_NOT_FOUND"

    def __init__(self, *, project_id: str) -> None:
        """Name the project."""
        super().__init__(f"Project {project_id} not found", project_id=project_id)


class ApiKeyNotFound(NotFound):
    """The project has no such key."""

    reason = "API_KEY_NOT_FOUND"

    def __init__(self, *, key_id: str) -> None:
        """Name the key by its public id."""
        super().__init__(f"API key {key_id} not found", key_id=key_id)


class ReceiptNotFound(NotFound):
    """The project has no such deletion receipt."""

    reason = "DELETION_RECEIPT_NOT_FOUND"

    def __init__(self, *, receipt_id: str) -> None:
        """Name the receipt."""
        super().__init__(f"Deletion receipt {receipt_id} not found", receipt_id=receipt_id)


class WebhookNotFound(NotFound):
    """The project has no webhook."""

    reason = "WEBHOOK_NOT_FOUND"

    def __init__(self, *, project_id: str) -> None:
        """Name the project."""
        super().__init__(f"Project {project_id} has no webhook", project_id=project_id)


class WebhookEventNotFound(NotFound):
    """The project has no such event, or not any more."""

    reason = "WEBHOOK_EVENT_NOT_FOUND"

    def __init__(self, *, event_id: str) -> None:
        """Name the event."""
        super().__init__(f"Webhook event {event_id} not found", event_id=event_id)


class AlreadyExists(DomainError):
    """The id is taken."""


class UserAlreadyExists(AlreadyExists):
    """Another user of the project has the id."""

    reason = "USER_ALREADY_EXISTS"

    def __init__(self, *, user_id: str) -> None:
        """Name the id that is taken."""
        super().__init__(f"User with ID {user_id} already exists", user_id=user_id)


class ProjectAlreadyExists(AlreadyExists):
    """Another project has the id."""

    reason = "PROJECT_ALREADY_EXISTS"

    def __init__(self, *, project_id: str) -> None:
        """Name the id that is taken."""
        super().__init__(f"Project with ID {project_id} already exists", project_id=project_id)


class WrongState(DomainError):
    """The thing exists and is in no state for this."""


class SessionNotWritable(WrongState):
    """Messages can be added only while the session is pending."""

    reason = "SESSION_NOT_WRITABLE"

    def __init__(self, *, session_id: str, status: str) -> None:
        """Name the *status* as it is spelled on the wire."""
        super().__init__(f"Cannot add message to session with status {status}", session_id=session_id, status=status)


class SessionNotProcessable(WrongState):
    """The session is being processed or has been."""

    reason = "SESSION_NOT_PROCESSABLE"

    def __init__(self, *, session_id: str, status: str) -> None:
        """Name the *status* as it is spelled on the wire."""
        super().__init__(f"Cannot process session with status {status}", session_id=session_id, status=status)


class ConflictAlreadyResolved(WrongState):
    """The conflict has its answers, or was given up."""

    reason = "MERGE_CONFLICT_ALREADY_RESOLVED"

    def __init__(self, *, conflict_id: str, status: str) -> None:
        """Use the words that client libraries match on, and name the *status* as it is spelled on the wire."""
        super().__init__(
            f"Merge conflict {conflict_id} is already resolved (status: {status})", conflict_id=conflict_id, status=status
        )


class IndexModelMismatch(WrongState):
    """The vector index was built by another embedding model."""

    reason = "INDEX_MODEL_MISMATCH"

    def __init__(self, *, indexed: str, configured: str) -> None:
        """Name both models, each as `<model>/<dimension>`, and the way out."""
        super().__init__(
            f"The vector index was built with {indexed}, the configured embedder is {configured}: run `mneme reindex`",
            indexed=indexed,
            configured=configured,
        )


class RateLimited(DomainError):
    """The project used up its rate."""

    reason = "RATE_LIMITED"

    def __init__(self, *, retry_after: timedelta) -> None:
        """Say after which time a call can succeed."""
        super().__init__("Rate limit exceeded", retry_after_seconds=str(max(1, round(retry_after.total_seconds()))))
        self.retry_after = retry_after


class QuotaExceeded(DomainError):
    """The project brought in as much as it may in this month. To try again soon is useless."""

    reason = "QUOTA_EXCEEDED"

    def __init__(self, *, plan: str, resets_at: datetime, ingested: int, limit: int) -> None:
        """Say how much was used of how much, and when counting begins anew."""
        super().__init__(
            "Monthly ingest quota exceeded",
            plan=plan,
            reset_date=f"{resets_at:%Y-%m-%dT%H:%M:%SZ}",
            ingest_events=str(ingested),
            limit=str(limit),
        )


class StorageUnavailable(DomainError):
    """A store cannot be reached; nothing was changed."""

    reason = "STORAGE_UNAVAILABLE"

    def __init__(self, *, store: str) -> None:
        """Name the *store*, `redis` or `qdrant`, and no address."""
        super().__init__(f"The {store} store is unavailable, try again", store=store)


class ConcurrentChange(DomainError):
    """Another writer changed the same record first; nothing was changed."""

    reason = "CONCURRENT_CHANGE"

    def __init__(self) -> None:
        """Say that a repeat is safe."""
        super().__init__("The record was changed at the same time, try again")
