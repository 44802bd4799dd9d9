"""Projects, their settings and their API keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from service.domain.ids import KeyId, ProjectId


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """A kind of memory; memories are compared with the *description*."""

    name: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectSettings:
    """The choices of a project. Empty *categories* mean the default set."""

    categories: tuple[Category, ...] = ()
    merge_conflict_enabled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A tenant."""

    project_id: ProjectId
    name: str
    created_at: datetime
    settings: ProjectSettings = field(default_factory=ProjectSettings)


class KeyScope(StrEnum):
    """What a key may do."""

    PROJECT = "project"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """What is kept of a key: never the key itself, only *digest*, its HMAC-SHA256 under the server's pepper, 32 bytes."""

    key_id: KeyId
    project_id: ProjectId
    digest: bytes
    scopes: frozenset[KeyScope]
    name: str
    created_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who is calling: the project of the credential and what the credential may do."""

    project_id: ProjectId
    scopes: frozenset[KeyScope]


DEFAULT_CATEGORIES = (
    Category(
        name="personal_details", description="Name, age, birthday, family, home, languages and other facts about the person."
    ),
    Category(
        name="relationships", description="Family, friends, partners, colleagues and pets, and how the person relates to them."
    ),
    Category(name="work_and_education", description="Job, employer, career, business, studies, school, skills and projects."),
    Category(
        name="health_and_wellbeing", description="Health, illness, allergies, medication, exercise, sleep, mood and therapy."
    ),
    Category(name="food_and_drink", description="Food preferences, diets, cooking, restaurants and drinks."),
    Category(name="hobbies_and_interests", description="Hobbies, sports, music, books, films, games, art and other interests."),
    Category(name="travel_and_places", description="Trips, holidays, places visited or lived in, and plans to travel."),
    Category(name="plans_and_goals", description="Plans, goals, appointments, deadlines, intentions and wishes for the future."),
    Category(
        name="events_and_experiences",
        description="Things that happened to the person: events, celebrations, achievements and setbacks.",
    ),
    Category(name="preferences", description="Likes, dislikes, favourites, opinions and ways of doing things."),
    Category(
        name="possessions_and_finances",
        description="Things owned or bought, homes, cars, devices, money, budgets and subscriptions.",
    ),
    Category(name="technology", description="Software, hardware, programming, tools, accounts and technical set-ups."),
)
"""The categories of a project that configures none."""
