"""Projects and keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

from mneme.v1 import project_pb2

from service.domain.projects import ApiKey, Category, Guidance, KeyScope, Project, ProjectSettings
from service.domain.usage import ProjectLimits
from service.rpc.mapping.values import to_timestamp

SCOPES: Mapping[KeyScope, project_pb2.ApiKeyScope.ValueType] = {
    KeyScope.PROJECT: project_pb2.API_KEY_SCOPE_PROJECT,
    KeyScope.ADMIN: project_pb2.API_KEY_SCOPE_ADMIN,
}
_DAY = timedelta(days=1)
_FROM_SCOPE = {wire: noun for noun, wire in SCOPES.items()}


def to_project(project: Project) -> project_pb2.Project:
    """Return a project."""
    settings = project_pb2.ProjectSettings(
        categories=[
            project_pb2.Category(name=category.name, description=category.description) for category in project.settings.categories
        ],
        merge_conflict_enabled=project.settings.merge_conflict_enabled,
        guidance=_to_guidance(project.settings.guidance),
        retention_days=project.settings.retention // _DAY if project.settings.retention is not None else 0,
        limits=_to_limits(project.settings.limits),
    )
    return project_pb2.Project(
        project_id=project.project_id, name=project.name, created_at=to_timestamp(project.created_at), settings=settings
    )


def from_settings(settings: project_pb2.ProjectSettings) -> ProjectSettings:
    """Return the choices of a project."""
    return ProjectSettings(
        categories=tuple(Category(name=category.name, description=category.description) for category in settings.categories),
        merge_conflict_enabled=settings.merge_conflict_enabled,
        guidance=_from_guidance(settings.guidance),
        retention=settings.retention_days * _DAY if settings.retention_days else None,
        limits=ProjectLimits(
            requests_per_minute=settings.limits.requests_per_minute or None,
            ingests_per_month=settings.limits.ingests_per_month or None,
        ),
    )


def to_api_key(key: ApiKey) -> project_pb2.ApiKey:
    """Return what is kept of a key."""
    return project_pb2.ApiKey(
        key_id=key.key_id,
        project_id=key.project_id,
        scopes=sorted(SCOPES[scope] for scope in key.scopes),
        name=key.name,
        created_at=to_timestamp(key.created_at),
        revoked_at=to_timestamp(key.revoked_at) if key.revoked_at is not None else None,
    )


def from_scopes(scopes: Iterable[project_pb2.ApiKeyScope.ValueType]) -> frozenset[KeyScope]:
    """Return what a key may do."""
    return frozenset(_FROM_SCOPE[scope] for scope in scopes)


def _to_limits(limits: ProjectLimits) -> project_pb2.ProjectLimits:
    return project_pb2.ProjectLimits(
        requests_per_minute=limits.requests_per_minute or 0, ingests_per_month=limits.ingests_per_month or 0
    )


def _to_guidance(guidance: Guidance) -> project_pb2.ExtractionGuidance:
    return project_pb2.ExtractionGuidance(
        inclusion_instructions=guidance.include,
        exclusion_instructions=guidance.exclude,
        positive_examples=guidance.positive_examples,
        negative_examples=guidance.negative_examples,
        excluded_categories=guidance.excluded_categories,
        excluded_keywords=guidance.excluded_keywords,
    )


def _from_guidance(guidance: project_pb2.ExtractionGuidance) -> Guidance:
    return Guidance(
        include=guidance.inclusion_instructions,
        exclude=guidance.exclusion_instructions,
        positive_examples=tuple(guidance.positive_examples),
        negative_examples=tuple(guidance.negative_examples),
        excluded_categories=tuple(guidance.excluded_categories),
        excluded_keywords=tuple(guidance.excluded_keywords),
    )
