"""Archives over gRPC."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import grpc
import pytest
from mneme.v1 import archive_pb2, archives_service_pb2
from mneme.v1.archives_service_pb2_grpc import ArchivesServiceStub

from tests.rpc.tenant import Tenant, refused

Record = archive_pb2.ArchiveRecord


async def exported(tenant: Tenant, user_id: str) -> list[Record]:
    """Return the archive of a user."""
    return [response.record async for response in tenant.stream("ExportUser", user_id=user_id)]


def importing(tenant: Tenant, records: Sequence[Record]) -> Awaitable[Any]:
    """Start an import."""
    requests = (archives_service_pb2.ImportMemoriesRequest(record=record) for record in records)
    return ArchivesServiceStub(tenant.channel).ImportMemories(requests, metadata=tenant.credentials)


async def test_an_archive_comes_in_and_goes_out_the_same(tenant: Tenant, make_tenant: Callable[..., Awaitable[Tenant]]) -> None:
    """Into another project, under the same id, and the answer counts what came in."""
    user_id = await tenant.user()
    await tenant.session(user_id, "My parrot is called Figaro.", "He is green.")
    records, other = await exported(tenant, user_id), await make_tenant()
    answer = await importing(other, records)
    assert (user_id, 1, 2, 0) == (answer.user_id, answer.sessions, answer.messages, answer.memories)
    assert records == await exported(other, user_id)


async def test_a_broken_rule_names_its_record(tenant: Tenant) -> None:
    """And the user is not there."""
    user_id = await tenant.user()
    session_id = await tenant.session(user_id, "My parrot is called Figaro.")
    records = await exported(tenant, user_id)
    records[0].user.user_id = f"{user_id}-2"
    records[2].message.ClearField("timestamp")
    refusal = await refused(importing(tenant, records))
    assert (grpc.StatusCode.INVALID_ARGUMENT, "record 3: record.message.timestamp: is required") == (
        refusal.code,
        refusal.message,
    )
    records[2].message.session_id = session_id
    assert grpc.StatusCode.NOT_FOUND == (await refused(tenant.call("GetUser", user_id=f"{user_id}-2"))).code


async def test_an_id_that_is_taken_is_refused(tenant: Tenant) -> None:
    """As when a user is created."""
    user_id = await tenant.user()
    refusal = await refused(importing(tenant, await exported(tenant, user_id)))
    assert "USER_ALREADY_EXISTS" == refusal.reason


async def test_an_import_that_breaks_off_leaves_nothing(tenant: Tenant) -> None:
    """The user is not there, and the same archive can be imported after."""
    user_id = await tenant.user()
    await tenant.session(user_id, "My parrot is called Figaro.")
    records = await exported(tenant, user_id)
    await tenant.call("DeleteUser", user_id=user_id)
    call = ArchivesServiceStub(tenant.channel).ImportMemories(metadata=tenant.credentials)
    for record in records:
        await call.write(archives_service_pb2.ImportMemoriesRequest(record=record))
    call.cancel()
    with pytest.raises(grpc.aio.AioRpcError, match="NOT_FOUND"):
        await tenant.call("GetUser", user_id=user_id)
    assert 1 == (await importing(tenant, records)).sessions
