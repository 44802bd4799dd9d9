"""Who is calling: set by the authentication interceptor for the length of a call."""

from __future__ import annotations

from contextvars import ContextVar

from service.domain.ids import ProjectId
from service.domain.projects import Principal

PRINCIPAL: ContextVar[Principal] = ContextVar("principal")


def current_project() -> ProjectId:
    """Return the project of the credential. A call that was not authenticated raises LookupError."""
    return PRINCIPAL.get().project_id
