"""Choosing a project."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import TYPE_CHECKING

from service.cli.command import CommandFailed
from service.domain.ids import ProjectId
from service.domain.values import PageRequest

if TYPE_CHECKING:
    from service.wiring import Application


def project_argument(parser: ArgumentParser) -> None:
    """Take the id of a project."""
    parser.add_argument("--project", help="id of the project; may be left out where there is one only")


async def chosen_project(application: Application, wanted: str | None) -> ProjectId:
    """Return the project that was named, or the only one. Raises CommandFailed, ProjectNotFound."""
    if wanted:
        return (await application.projects.get(ProjectId(wanted))).project_id
    projects = await application.projects.list(PageRequest(offset=0, limit=2))
    if projects.total != 1:
        raise CommandFailed(f"there are {projects.total} projects: say which with --project, see `mneme projects list`")
    return projects.items[0].project_id
