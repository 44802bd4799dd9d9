"""What becomes of a request before it goes to the provider: whose turn it is, what is recalled, and where that is put."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from mneme.v1 import turns_service_pb2 as pb

from gateway.client import Listener
from gateway.forward.conversation import Conversation, NewTurn, UnknownShape, new_turn, new_words
from gateway.forward.layout import JsonText, NotAnObject, Splice, spliced
from gateway.forward.options import MAX_USER_ID, TurnOptions, WrongHeader, read_options
from gateway.forward.problems import ProxyProblem, problem_of
from gateway.forward.turns import Credentials, TurnsClient
from gateway.forward.upstreams.base import Memory, Upstream
from gateway.status import CallFailed


class MemoryUse(StrEnum):
    """What memory did for a request, as a header says it."""

    USED = "used"
    """Something was recalled and went along."""
    EMPTY = "empty"
    """There was nothing to recall."""
    TIMED_OUT = "timed_out"
    FAILED = "failed"
    LIMITED = "limited"
    """The project makes more requests than it may."""
    UNSUPPORTED = "unsupported"
    """The body is none that memory can be put into."""
    OFF = "off"
    """The path has no memory."""


RATE_LIMITED = "RATE_LIMITED"
_ADMITTED = timedelta(seconds=1)
_MAX_ADMITTED = 10_000
_QUERY = 10_000
"""So many characters of what the user says now are what is recalled for, the last ones."""

FAILED_OPEN = frozenset({MemoryUse.TIMED_OUT, MemoryUse.FAILED, MemoryUse.LIMITED, MemoryUse.UNSUPPORTED})

_USES: Mapping[pb.RecallOutcome.ValueType, MemoryUse] = {
    pb.RECALL_OUTCOME_TIMED_OUT: MemoryUse.TIMED_OUT,
    pb.RECALL_OUTCOME_FAILED: MemoryUse.FAILED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """
    A request as it goes to the provider, and what is to be known when the answer comes.

    *turn* is None when nothing is to be stored. *session_id* is empty when the service gave none. *recall* is how long it took.
    """

    body: bytes
    use: MemoryUse
    options: TurnOptions
    user_id: str
    session_id: str
    turn: NewTurn | None
    recall: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A request that is planned. *user_id* is empty when none is given. *listen* is told of the quota of its project."""

    upstream: Upstream
    options: TurnOptions
    user_id: str
    credentials: Credentials
    listen: Listener


class Planner:
    """Makes plans."""

    def __init__(self, turns: TurnsClient) -> None:
        """Recall by *turns*."""
        self._turns = turns
        self._admitted: dict[tuple[str, str], float] = {}

    async def plan(
        self, upstream: Upstream, headers: Mapping[bytes, bytes], body: bytes, credentials: Credentials, listen: Listener
    ) -> Plan:
        """Return the plan for a request of *upstream*. ProxyProblem when the request is refused."""
        options = checked_options(headers)
        text = _readable(headers, body)
        user_id = options.user_id or (_user_in_body(text) if text else "")
        asked = _Asked(upstream=upstream, options=options, user_id=user_id, credentials=credentials, listen=listen)
        if text is None:
            return await self._unsupported(asked, body)
        if not user_id and upstream.stores:
            raise ProxyProblem(422, "X-Recallr-User-Id or `user` in the body is required")
        removed = [text.remove_member("user")] if "user" in text.value and not upstream.knows_user else []
        if user_id:
            with suppress(UnknownShape):
                return await self._with_memory(asked, text, removed)
        return await self._unsupported(asked, spliced(body, removed))

    async def admit(self, credentials: Credentials) -> None:
        """
        Return when the caller may use the proxy, or when nobody can tell. ProxyProblem.

        Good credentials are not asked about again for a second: nothing of a project is read or written here.
        """
        if self._admitted.get((credentials.api_key, credentials.project_id), 0) > time.monotonic():
            return
        try:
            await self._turns.check(credentials)
        except CallFailed as error:
            problem = problem_of(error.failure)
            if problem is not None:
                raise problem from error
            return
        self._admit(credentials)

    def has_met(self, credentials: Credentials) -> bool:
        """Tell whether the caller's credentials were good when they came last."""
        return (credentials.api_key, credentials.project_id) in self._admitted

    def _admit(self, credentials: Credentials) -> None:
        """Remember good credentials."""
        if len(self._admitted) >= _MAX_ADMITTED:
            self._admitted.clear()
        self._admitted[credentials.api_key, credentials.project_id] = time.monotonic() + _ADMITTED.total_seconds()

    async def _with_memory(self, asked: _Asked, text: JsonText, removed: list[Splice]) -> Plan:
        """Recall, and put it in. UnknownShape, ProxyProblem."""
        conversation = asked.upstream.read(text.value)
        words = new_words(conversation)
        # a long conversation takes as long to read as the service to recall
        reading = asyncio.create_task(_read_on(text, conversation, words))
        opened, limited = await self._opened(asked, words[-1][-_QUERY:] if words else "")
        turn = await reading
        splices = removed
        if opened.context or opened.system_prompt:
            memory = Memory(prompt=opened.system_prompt, context=opened.context)
            splices = [*removed, *asked.upstream.inject(text, conversation, memory)]
        return Plan(
            body=spliced(text.text, splices),
            use=MemoryUse.LIMITED if limited else _use(opened),
            options=asked.options,
            user_id=asked.user_id,
            session_id=opened.session_id,
            turn=turn if asked.upstream.stores else None,
            recall=timedelta(microseconds=opened.recall_microseconds),
        )

    async def _opened(self, asked: _Asked, query: str) -> tuple[pb.OpenTurnResponse, bool]:
        """
        Open the turn; without an answer of the service it is one whose recall failed. ProxyProblem when it is refused.

        The second value says whether the project makes more requests than it may.
        """
        try:
            opened = await self._turns.open(asked.options, asked.user_id, query, asked.credentials, asked.listen)
        except CallFailed as error:
            problem = problem_of(error.failure)
            if problem is not None:
                raise problem from error
            limited = error.failure.reason == RATE_LIMITED
            return pb.OpenTurnResponse(recall_outcome=pb.RECALL_OUTCOME_FAILED), limited
        self._admit(asked.credentials)
        return opened, False

    async def _unsupported(self, asked: _Asked, body: bytes) -> Plan:
        """Return the plan of a request that goes on as it is. ProxyProblem."""
        await self.admit(asked.credentials)
        return Plan(
            body=body,
            use=MemoryUse.UNSUPPORTED,
            options=asked.options,
            user_id=asked.user_id,
            session_id="",
            turn=None,
        )


async def _read_on(text: JsonText, conversation: Conversation, words: tuple[str, ...]) -> NewTurn:
    """Find out where everything stands in *text*, and return what is new in it."""
    text.members  # noqa: B018 - the first look takes its time, and the next ones none
    return new_turn(conversation, words)


def _use(opened: pb.OpenTurnResponse) -> MemoryUse:
    """Return what memory did for a turn."""
    return _USES.get(opened.recall_outcome) or (MemoryUse.USED if opened.context else MemoryUse.EMPTY)


def _readable(headers: Mapping[bytes, bytes], body: bytes) -> JsonText | None:
    """Return the body as JSON; None when it is compressed or something else."""
    if headers.get(b"content-encoding", b"identity") != b"identity":
        return None
    try:
        return JsonText(body)
    except NotAnObject:
        return None


def checked_options(headers: Mapping[bytes, bytes]) -> TurnOptions:
    """Return what the *headers* ask for. ProxyProblem when one is wrong."""
    try:
        return read_options(headers)
    except WrongHeader as error:
        raise ProxyProblem(422, str(error)) from error


def _user_in_body(text: JsonText) -> str:
    """Return the user id in the body, empty without one. ProxyProblem when it is too long."""
    user = text.value.get("user")
    if not isinstance(user, str):
        return ""
    if len(user) > MAX_USER_ID:
        raise ProxyProblem(422, f"`user` in the body must be at most {MAX_USER_ID} characters long")
    return user
