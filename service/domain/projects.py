"""Projects, their settings and their API keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from service.domain.ids import KeyId, ProjectId
from service.domain.usage import ProjectLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """A kind of memory; memories are compared with the *description*."""

    name: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Guidance:
    """
    What a project wants kept of its sessions, and what not.

    *include* and *exclude* are instructions and the examples are statements, all for an extractor that understands language; one
    that does not passes over them. *excluded_categories* and *excluded_keywords* are rules that hold for every extractor: no
    memory has one of the categories as its first, or holds one of the keywords as words of its own, in any case.
    """

    include: str = ""
    exclude: str = ""
    positive_examples: tuple[str, ...] = ()
    negative_examples: tuple[str, ...] = ()
    excluded_categories: tuple[str, ...] = ()
    excluded_keywords: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectSettings:
    """
    The choices of a project. Empty *categories* mean the default set. *retention* is the time after which a session that nothing
    was added to is removed with all that came of it; None means never.
    """

    categories: tuple[Category, ...] = ()
    merge_conflict_enabled: bool = False
    guidance: Guidance = field(default_factory=Guidance)
    retention: timedelta | None = None
    limits: ProjectLimits = field(default_factory=ProjectLimits)


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


DEFAULT_CATEGORIES = tuple(
    Category(name=name, description=description)
    for name, description in (
        (
            "personal_details",
            "Name, age, birthday, nationality, gender, address, phone number, passport, identity and character.",
        ),
        (
            "relationships",
            "Family, parents, sister, brother, children, friends, partner, marriage, colleagues and pets such as a dog.",
        ),
        (
            "work_and_education",
            "Job, profession, employer, colleagues, quitting, a new position, business, studies, school, university and skills.",
        ),
        ("health_and_wellbeing", "Exercise, running, fitness, sleep, mood, stress, therapy and how one feels."),
        ("medical_history", "Illness, diagnosis, operation, medication, taking pills, doctors and treatments."),
        ("allergies", "Allergies and intolerances to food, medicine, animals or materials."),
        ("food_preferences", "Food and drink that one likes or avoids, diets, cooking, recipes and restaurants."),
        ("hobbies_and_interests", "Hobbies, sports, playing music, books, films, games, art and other interests."),
        ("travel_and_places", "Trips, flights, holidays, hotels, places visited, moving to a city and plans to travel."),
        (
            "plans_and_goals",
            "Plans, goals, learning something new, appointments, deadlines, intentions and wishes for the future.",
        ),
        (
            "events_and_experiences",
            "Things that happened: events, parties, celebrations, achievements, winning, losing and setbacks.",
        ),
        ("preferences", "Likes, dislikes, favourites, opinions and ways of doing things."),
        ("possessions_and_finances", "Things owned or bought, cars, devices, money, salary, budgets and subscriptions."),
        ("technology", "Software, hardware, programming, code and its errors, databases, tools, accounts and technical set-ups."),
    )
)
"""The categories of a project that configures none."""
