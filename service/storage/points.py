"""How a record lies in a vector index: its point id, its tenant key and the names of its payload fields."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID, uuid5

from service.domain.ids import Scope
from service.domain.ports.index import NO_TRAITS, TRAIT_COUNT, IndexFilter
from service.domain.ports.work import IndexedKind

TENANT = "tenant"
RECORD = "record"
SESSION = "session"
ORDER = "order"
CREATED_AT = "created_at"
EVENT_START = "event_start"
EVENT_END = "event_end"
CATEGORIES = "categories"
TRAITS = "traits"

KEYWORD_FIELDS = (SESSION, CATEGORIES)
"""Indexed by exact value, beside the tenant."""
DATETIME_FIELDS = (CREATED_AT, EVENT_START, EVENT_END)
"""Indexed as times."""

_NAMESPACE = UUID("3f0b5c7e-6a38-5b5e-9a0c-0d1c0c6f2e11")


def tenant_key(scope: Scope) -> str:
    """Return the key of a user among those of all projects. As a list in JSON no two scopes share it, whatever their ids hold."""
    return json.dumps([scope.project_id, scope.user_key])


def point_id(kind: IndexedKind, scope: Scope, record_id: str) -> str:
    """Return the UUID of a record's point, always the same for the same record."""
    return str(uuid5(_NAMESPACE, json.dumps([scope.project_id, scope.user_key, kind.value, record_id])))


def known_traits(numbers: Sequence[float]) -> Sequence[float]:
    """Return the traits of a point as they are, or that there are none: what another release wrote is not known here."""
    return numbers if len(numbers) == TRAIT_COUNT else NO_TRAITS


def traits_in(payload: Mapping[str, Any]) -> Sequence[float]:
    """Return the traits in a point's *payload*."""
    return known_traits(payload.get(TRAITS, ()))


def selects_nothing(where: IndexFilter) -> bool:
    """Return whether a filter asks for one of no values, which no point has and engines read as no condition."""
    return any(values is not None and not values for values in (where.sessions, where.categories, where.record_ids))
