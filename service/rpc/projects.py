"""ProjectsService."""

from __future__ import annotations

from dataclasses import dataclass

from mneme.v1 import projects_service_pb2 as pb
from mneme.v1.projects_service_pb2_grpc import ProjectsServiceServicer

from service.domain.ids import KeyId, ProjectId
from service.rpc.mapping.projects import from_scopes, from_settings, to_api_key, to_project
from service.rpc.mapping.values import from_page, masked
from service.rpc.principal import current_project
from service.usecases.projects.create import CreateProject
from service.usecases.projects.create_key import CreateKey
from service.usecases.projects.get import GetProject
from service.usecases.projects.list import ListProjects
from service.usecases.projects.list_keys import ListKeys
from service.usecases.projects.revoke_key import RevokeKey
from service.usecases.projects.update import UpdateProject

_PAGE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectCalls:
    """The use cases behind ProjectsService."""

    create: CreateProject
    list: ListProjects
    get: GetProject
    update: UpdateProject
    create_key: CreateKey
    list_keys: ListKeys
    revoke_key: RevokeKey


class ProjectsServicer(ProjectsServiceServicer):
    """Decodes, calls, encodes."""

    def __init__(self, calls: ProjectCalls) -> None:
        """Keep the use cases."""
        self._calls = calls

    async def CreateProject(self, request: pb.CreateProjectRequest, _context: object) -> pb.CreateProjectResponse:
        """Add a project."""
        project_id = ProjectId(request.project_id) if request.project_id else None
        project = await self._calls.create(project_id, name=request.name, settings=from_settings(request.settings))
        return pb.CreateProjectResponse(project=to_project(project))

    async def ListProjects(self, request: pb.ListProjectsRequest, _context: object) -> pb.ListProjectsResponse:
        """Return one page of projects."""
        page = await self._calls.list(from_page(request, default=_PAGE))
        return pb.ListProjectsResponse(projects=map(to_project, page.items), total=page.total, has_more=page.has_more)

    async def GetCurrentProject(self, _request: pb.GetCurrentProjectRequest, _context: object) -> pb.GetCurrentProjectResponse:
        """Return the project of the credential."""
        return pb.GetCurrentProjectResponse(project=to_project(await self._calls.get(current_project())))

    async def GetProject(self, request: pb.GetProjectRequest, _context: object) -> pb.GetProjectResponse:
        """Return one project."""
        return pb.GetProjectResponse(project=to_project(await self._calls.get(ProjectId(request.project_id))))

    async def UpdateProject(self, request: pb.UpdateProjectRequest, _context: object) -> pb.UpdateProjectResponse:
        """Change a project."""
        renamed = masked(request, "name") and request.HasField("name")
        project = await self._calls.update(
            ProjectId(request.project_id),
            name=request.name if renamed else None,
            # settings that the mask names and the request leaves out are the defaults
            settings=from_settings(request.settings) if masked(request, "settings") else None,
        )
        return pb.UpdateProjectResponse(project=to_project(project))

    async def CreateApiKey(self, request: pb.CreateApiKeyRequest, _context: object) -> pb.CreateApiKeyResponse:
        """Add a key, whose text is shown here alone."""
        key, text = await self._calls.create_key(
            ProjectId(request.project_id), name=request.name, scopes=from_scopes(request.scopes)
        )
        return pb.CreateApiKeyResponse(api_key=to_api_key(key), secret=text)

    async def ListApiKeys(self, request: pb.ListApiKeysRequest, _context: object) -> pb.ListApiKeysResponse:
        """Return every key of a project."""
        keys = await self._calls.list_keys(ProjectId(request.project_id))
        return pb.ListApiKeysResponse(api_keys=map(to_api_key, keys))

    async def RevokeApiKey(self, request: pb.RevokeApiKeyRequest, _context: object) -> pb.RevokeApiKeyResponse:
        """Make a key useless."""
        await self._calls.revoke_key(ProjectId(request.project_id), KeyId(request.key_id))
        return pb.RevokeApiKeyResponse()
