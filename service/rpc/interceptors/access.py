"""Who may call what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from google.protobuf.descriptor import MethodDescriptor
from mneme.compat.v1 import (
    claiv_deletions_service_pb2,
    claiv_documents_service_pb2,
    claiv_events_service_pb2,
    claiv_recall_service_pb2,
    claiv_usage_service_pb2,
    reconify_service_pb2,
)
from mneme.v1 import (
    archives_service_pb2,
    conflicts_service_pb2,
    deletions_service_pb2,
    documents_service_pb2,
    http_pb2,
    memory_service_pb2,
    projects_service_pb2,
    sessions_service_pb2,
    turns_service_pb2,
    usage_service_pb2,
    users_service_pb2,
    webhooks_service_pb2,
)

from service.domain.errors import ScopeMissing
from service.domain.projects import KeyScope
from service.rpc.interceptors.layers import Call, Inner
from service.rpc.principal import PRINCIPAL
from service.usecases.projects.authenticate import Authenticate

API_KEY = "x-recallr-api-key"
PROJECT_ID = "x-recallr-project-id"
AUTHORIZATION = "authorization"
_BEARER = "bearer"

FILES = (
    users_service_pb2,
    sessions_service_pb2,
    memory_service_pb2,
    conflicts_service_pb2,
    projects_service_pb2,
    turns_service_pb2,
    archives_service_pb2,
    deletions_service_pb2,
    documents_service_pb2,
    usage_service_pb2,
    claiv_documents_service_pb2,
    claiv_usage_service_pb2,
    webhooks_service_pb2,
    reconify_service_pb2,
    claiv_deletions_service_pb2,
    claiv_events_service_pb2,
    claiv_recall_service_pb2,
)
"""The modules that hold the services of the contract."""

_SCOPES = {
    http_pb2.ACCESS_UNSPECIFIED: KeyScope.PROJECT,
    http_pb2.ACCESS_PROJECT: KeyScope.PROJECT,
    http_pb2.ACCESS_ADMIN: KeyScope.ADMIN,
}


def access_table() -> Mapping[str, KeyScope]:
    """Return the scope that each method asks for, by its path, as the contract says."""
    return {
        f"/{service.full_name}/{method.name}": _scope(method)
        for file in FILES
        for service in file.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }


def unlimited_methods() -> frozenset[str]:
    """Return the paths of the methods whose calls last as long as their streams, as the contract says."""
    return frozenset(
        f"/{service.full_name}/{method.name}"
        for file in FILES
        for service in file.DESCRIPTOR.services_by_name.values()
        for method in service.methods
        if method.GetOptions().Extensions[http_pb2.http_method].unlimited_duration
    )


class Authentication:
    """Finds out who is calling, and refuses those who may not."""

    def __init__(self, authenticate: Authenticate, scopes: Mapping[str, KeyScope]) -> None:
        """Keep the use case and the scope of each method."""
        self._authenticate = authenticate
        self._scopes = scopes

    async def __call__(self, call: Call, inner: Inner) -> bytes:
        """Set the principal. Raises CredentialsMissing, CredentialsInvalid, ScopeMissing."""
        principal = await self._authenticate(**_credentials(call.metadata))
        call.project_id = principal.project_id
        scope = self._scopes[call.method]
        if scope not in principal.scopes:
            raise ScopeMissing(scope=scope.value)
        # not reset: a call has a context of its own
        PRINCIPAL.set(principal)
        return await inner(call)


class _Credentials(TypedDict):
    """What a caller shows; *project_id* None means the project of the key."""

    api_key: str
    project_id: str | None


def _credentials(metadata: Mapping[str, str]) -> _Credentials:
    """Return the key and the project of a call, empty where one is missing. A bearer counts when neither is named."""
    if API_KEY in metadata or PROJECT_ID in metadata:
        return {"api_key": metadata.get(API_KEY, ""), "project_id": metadata.get(PROJECT_ID, "")}
    scheme, _, token = metadata.get(AUTHORIZATION, "").strip().partition(" ")
    return {"api_key": token.strip() if scheme.lower() == _BEARER else "", "project_id": None}


def _scope(method: MethodDescriptor) -> KeyScope:
    return _SCOPES[method.GetOptions().Extensions[http_pb2.http_method].access]
