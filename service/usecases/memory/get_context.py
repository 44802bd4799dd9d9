"""Get the context of a session."""

from __future__ import annotations

from dataclasses import dataclass

from service.domain.ids import ProjectId, Scope, SessionId, UserId, parse_session_id
from service.domain.ports.models import Clock
from service.domain.ports.stores import SessionStore, UserStore
from service.domain.recall import Context, ContextRequest, RecallQuery
from service.domain.sessions import Session, SessionStatus
from service.domain.values import PageRequest
from service.recall.context import ContextBuilder
from service.recall.evidence import StageListener
from service.recall.queries import context_query
from service.recall.recaller import Recaller
from service.usecases.limits import parse_timezone
from service.usecases.memory.recall import RecallLimits
from service.usecases.memory.visibility import seen_from

NEWEST_MESSAGES = 10
"""How many of a session's newest messages its query is read from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextWanted:
    """What a caller wants of a context. *timezone* is the name of an IANA zone, empty for UTC."""

    limits: RecallLimits
    timezone: str = ""
    last_n_messages: int | None = None
    last_n_summaries: int | None = None
    include_system_prompt: bool = True
    token_budget: int = 8000


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedContext:
    """A request whose user, session and zone were found to exist."""

    scope: Scope
    session: Session
    limits: RecallLimits
    request: ContextRequest


class GetContext:
    """Returns what the next prompt of a session needs."""

    def __init__(
        self, users: UserStore, sessions: SessionStore, recaller: Recaller, builder: ContextBuilder, clock: Clock
    ) -> None:
        """Keep the stores, the recaller, the builder of contexts and the clock."""
        self._users = users
        self._sessions = sessions
        self._recaller = recaller
        self._builder = builder
        self._clock = clock

    async def __call__(self, project_id: ProjectId, user_id: UserId, session_id: str, wanted: ContextWanted) -> Context:
        """Return the context. Raises UserNotFound, SessionNotFound, InvalidRequest."""
        return await self.run(await self.prepare(project_id, user_id, session_id, wanted))

    async def prepare(self, project_id: ProjectId, user_id: UserId, session_id: str, wanted: ContextWanted) -> PreparedContext:
        """Check everything that can be wrong with the request. Raises UserNotFound, SessionNotFound, InvalidRequest."""
        user = await self._users.get(project_id, user_id)
        session = await self._sessions.get(user.scope, parse_session_id(session_id))
        request = ContextRequest(
            timezone=parse_timezone("options.timezone", wanted.timezone),
            last_n_messages=wanted.last_n_messages,
            last_n_summaries=wanted.last_n_summaries,
            include_system_prompt=wanted.include_system_prompt,
            token_budget=wanted.token_budget,
            documents=user.has_documents,
        )
        return PreparedContext(scope=user.scope, session=session, limits=wanted.limits, request=request)

    async def run(self, prepared: PreparedContext, *, on_stage: StageListener | None = None) -> Context:
        """Recall and render."""
        query = await self._query(prepared)
        # where nothing was said nothing is relevant; what the caller asked for besides is still given
        recalling = self._recaller(query, on_stage=on_stage)
        return await self._builder(prepared.scope, prepared.session, query, recalling, prepared.request)

    async def _query(self, prepared: PreparedContext) -> RecallQuery:
        session, limits = prepared.session, prepared.limits
        newest = PageRequest(offset=max(0, session.remembered_count - NEWEST_MESSAGES), limit=NEWEST_MESSAGES)
        said = await self._sessions.messages(prepared.scope, session.session_id, newest)
        query = limits.query(
            prepared.scope,
            context_query(said.items),
            # an imported conversation asks from its own time
            now=session.created_at if session.custom_created_at else self._clock.now(),
            exclude_sessions=_ongoing(session),
        )
        return await seen_from(self._sessions, query, session.origin)


def _ongoing(session: Session) -> frozenset[SessionId]:
    """Return the session while it goes on: the caller's model has its messages already. Later it is a past one like others."""
    return frozenset() if session.status is SessionStatus.PROCESSED else frozenset({session.session_id})
