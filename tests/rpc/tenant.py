"""A project with a key, and calls that carry them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast
from uuid import uuid4

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from grpc_status import rpc_status
from mneme.v1 import session_pb2

from service.rpc.interceptors.access import FILES

USER = session_pb2.MESSAGE_ROLE_USER
ASSISTANT = session_pb2.MESSAGE_ROLE_ASSISTANT

METHODS: Mapping[str, MethodDescriptor] = {
    method.name: method for file in FILES for service in file.DESCRIPTOR.services_by_name.values() for method in service.methods
}
"""Every method of the contract, by its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """What one caller holds. Calls are made by the method's name, with the fields of its request."""

    channel: grpc.aio.Channel
    api_key: str
    project_id: str

    @property
    def credentials(self) -> tuple[tuple[str, str], ...]:
        """The metadata of a call."""
        return (("x-recallr-api-key", self.api_key), ("x-recallr-project-id", self.project_id))

    async def call(self, name: str, /, **fields: Any) -> Any:
        """Call a unary method and return its response."""
        return await self.start(name, **fields)

    def start(self, name: str, /, **fields: Any) -> Any:
        """Start a unary call and return it, to be awaited or cancelled."""
        return self._method(name, self.channel.unary_unary)(self._request(name, fields), metadata=self.credentials)

    def stream(self, name: str, /, **fields: Any) -> AsyncIterator[Any]:
        """Call a server-streaming method and return its call, which is its responses and can be cancelled."""
        call: AsyncIterator[Any] = self._method(name, self.channel.unary_stream)(
            self._request(name, fields), metadata=self.credentials
        )
        return call

    async def user(self) -> str:
        """Create a user and return its id."""
        response = await self.call("CreateUser", user_id=f"user-{uuid4()}")
        user_id: str = response.user.user_id
        return user_id

    async def session(self, user_id: str, *said: str) -> str:
        """Open a session in which the user *said* this, and return its id."""
        session_id: str = (await self.call("CreateSession", user_id=user_id)).session_id
        if said:
            messages = [{"content": text, "role": USER} for text in said]
            await self.call("AddMessages", user_id=user_id, session_id=session_id, messages=messages)
        return session_id

    def _method(self, name: str, kind: Callable[..., Any]) -> Callable[..., Any]:
        method = METHODS[name]
        multicallable: Callable[..., Any] = kind(
            f"/{method.containing_service.full_name}/{name}",
            request_serializer=lambda request: request.SerializeToString(),
            response_deserializer=GetMessageClass(method.output_type).FromString,
        )
        return multicallable

    def _request(self, name: str, fields: Mapping[str, Any]) -> Any:
        return GetMessageClass(METHODS[name].input_type)(**fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An error as a program reads it."""

    code: grpc.StatusCode
    message: str
    reason: str
    metadata: Mapping[str, str]
    violations: Mapping[str, str]


async def refused(call: Awaitable[Any]) -> Refusal:
    """Return the error that *call* ends with; a call that succeeds fails the test."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return refusal(caught.value)


def refusal(error: grpc.aio.AioRpcError) -> Refusal:
    """Return what is in an error."""
    info, bad = ErrorInfo(), BadRequest()
    status = rpc_status.from_call(cast(grpc.Call, error))
    for detail in status.details if status is not None else ():
        # unpacks only what is of the type
        detail.Unpack(info)
        detail.Unpack(bad)
    return Refusal(
        code=error.code(),
        message=error.details() or "",
        reason=info.reason,
        metadata=dict(info.metadata),
        violations={violation.field: violation.description for violation in bad.field_violations},
    )
