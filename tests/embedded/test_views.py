"""The engine answers from memory what the library would: the same records with the same scores, whatever was changed before."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TypeAlias

import numpy as np
import pytest
from mneme.internal.v1 import vector_index_pb2 as pb
from qdrant_edge import UpdateOperation

from service.domain.ids import SessionId
from service.domain.ports.index import (
    DENSE,
    DENSE_CONTEXT,
    SPARSE,
    SPARSE_CONTEXT,
    TRAIT_COUNT,
    Hits,
    IndexFilter,
    IndexPoint,
    IndexQuery,
)
from service.domain.ports.work import IndexedKind
from service.storage.bm25 import WordEncoder
from service.storage.embedded.encode import decode_hits, encode_point, encode_query
from service.storage.embedded.engine.answers import Answer, from_library, from_view
from service.storage.embedded.engine.collections import Collections
from service.storage.embedded.engine.model_file import IndexModel
from service.storage.embedded.engine.translate import to_point
from service.storage.embedded.engine.views import PAGE, Views
from service.storage.points import point_id, tenant_key
from tests.contract.index.builders import DAY, NOW, scope
from tests.contract.index.conftest import fast_directory

DIMENSION = 8
KIND = IndexedKind.TURN
ENCODER = WordEncoder()
Found: TypeAlias = tuple[str, str, int]
Scored: TypeAlias = dict[Found, float]
VOCABULARY = [f"word{number}" for number in range(40)]


class Engine:
    """Collections and views of them, changed together as the engine changes them; *user* is whose points are compared."""

    def __init__(self, collections: Collections, user: str, *, max_bytes: int = 2**30) -> None:
        """Begin with what is in the collections and no view."""
        self.collections = collections
        self.views = Views(self.collections, max_bytes=max_bytes)
        self.user = user
        self.chance = random.Random(5)  # noqa: S311 - the same points each time

    def point(self, number: int, user: str = "") -> IndexPoint:
        """Return a point with vectors and words of chance; some lack a vector or have no words."""
        vectors = {name: [self.chance.gauss(0, 1) for _ in range(DIMENSION)] for name in (DENSE, DENSE_CONTEXT)}
        if number % 7 == 0:
            del vectors[DENSE_CONTEXT]
        words = " ".join(self.chance.choices(VOCABULARY, k=self.chance.randint(0, 12)))
        day = NOW + number % 50 * DAY
        return IndexPoint(
            kind=KIND,
            scope=scope(user or self.user),
            record_id=f"r{number}",
            dense=vectors,
            texts={SPARSE: words, SPARSE_CONTEXT: f"{words} {self.chance.choice(VOCABULARY)}"},
            session_id=SessionId(f"s{number % 9}"),
            order=number,
            created_at=day,
            event_start=day - timedelta(days=number % 3),
            event_end=day,
            categories=tuple(self.chance.sample(["food", "work", "travel"], k=number % 3)),
            # some have none, as those that an older release wrote
            traits=tuple(self.chance.gauss(0, 1) for _ in range(TRAIT_COUNT)) if number % 5 else (),
        )

    def write(self, *points: IndexPoint) -> None:
        """Write points to both."""
        messages = [encode_point(point, ENCODER) for point in points]
        written = [to_point(KIND, message, DIMENSION) for message in messages]
        self.collections.update(KIND, UpdateOperation.upsert_points(written))
        self.views.put(KIND, messages)

    def remove(self, *numbers: int) -> None:
        """Remove points from both."""
        ids = [point_id(KIND, scope(self.user), f"r{number}") for number in numbers]
        self.collections.update(KIND, UpdateOperation.delete_points([*ids]))
        self.views.remove(KIND, ids)

    def queries(self, where: IndexFilter) -> list[pb.Query]:
        """Return queries for each vector, several of meaning."""
        vectors = [[self.chance.gauss(0, 1) for _ in range(DIMENSION)] for _ in range(2)]
        text = " ".join(self.chance.choices(VOCABULARY, k=4))
        wanted = [
            IndexQuery(kind=KIND, name=name, vector=vector, limit=limit, where=where)
            for name in (DENSE, DENSE_CONTEXT)
            for vector, limit in zip(vectors, (20, 7), strict=True)
        ]
        wanted += [IndexQuery(kind=KIND, name=name, text=text, limit=20, where=where) for name in (SPARSE, SPARSE_CONTEXT)]
        return [message for query in wanted if (message := encode_query(scope(self.user), query, ENCODER))]

    def assert_alike(self, where: IndexFilter) -> None:
        """Compare both answers to one recall."""
        tenant = tenant_key(scope(self.user))
        view = self.views.get(KIND, tenant)
        assert view is not None
        queries = self.queries(where)
        library, own = from_library(self.collections, KIND, tenant, queries), from_view(view, queries)
        for one, other in zip(_scores(library), _scores(own), strict=True):
            np.testing.assert_allclose(list(one.values()), list(other.values()), rtol=1e-5)
            assert _surely(one) == _surely(other)
        told, kept = _traits(library), _traits(own)
        shared = sorted(told.keys() & kept.keys())
        # the library keeps text, whose last digit it may read otherwise; none is NaN, and equal to NaN here
        np.testing.assert_allclose([told[record] for record in shared], [kept[record] for record in shared], rtol=1e-14)


def _scores(answer: Answer) -> list[Scored]:
    """Return for each query the score of each record that it found, best first."""
    return [{(hit.record_id, hit.session_id, hit.order): hit.score for hit in hits} for hits in _hits(answer)]


def _traits(answer: Answer) -> dict[str, Sequence[float]]:
    """Return the traits of each record that was found."""
    records = _hits(answer)[0].records
    return dict(zip(records.record_ids, records.traits, strict=True))


def _hits(answer: Answer) -> Sequence[Hits]:
    found, hits = answer
    return decode_hits(pb.SearchResponse(found=[found], results=hits))


def _surely(scores: Scored) -> dict[Found, float]:
    """Return what is above the last score: among equals, which are found and in which order is a matter of chance."""
    last = min(scores.values(), default=0.0)
    return {record: round(score, 3) for record, score in scores.items() if score > last + 1e-3}


@pytest.fixture(scope="module")
def collections() -> Iterator[Collections]:
    """Return collections for all tests, each of which has users of its own: to make some takes a second."""
    home = fast_directory()
    made = Collections(home)
    made.prepare(IndexModel(name="test", dimension=DIMENSION))
    yield made
    made.close()
    shutil.rmtree(home)


@pytest.fixture
def engine(collections: Collections, request: pytest.FixtureRequest) -> Engine:
    """Return an engine with points of two users, of which the first was searched already."""
    made = Engine(collections, request.node.name)
    made.write(*(made.point(number) for number in range(200)), *(made.point(number, "bob") for number in range(40)))
    assert made.views.get(KIND, tenant_key(scope(made.user))) is not None
    return made


FILTERS = [
    IndexFilter(),
    IndexFilter(exclude_sessions=frozenset({SessionId("s1"), SessionId("s4"), SessionId("unknown")})),
    IndexFilter(sessions=frozenset({SessionId("s2"), SessionId("s3")})),
    IndexFilter(categories=frozenset({"food", "travel"})),
    IndexFilter(record_ids=frozenset({"r3", "r30", "r199", "unknown"})),
    IndexFilter(event_from=NOW + 10 * DAY, event_to=NOW + 20 * DAY),
    IndexFilter(created_from=NOW + 5 * DAY, created_to=NOW + 30 * DAY, exclude_sessions=frozenset({SessionId("s1")})),
]


@pytest.mark.parametrize("where", FILTERS)
def test_a_view_finds_what_the_library_finds(engine: Engine, where: IndexFilter) -> None:
    """Each filter selects the same points, and each search scores them alike."""
    engine.assert_alike(where)


def test_a_view_follows_the_points(engine: Engine) -> None:
    """After points were replaced, removed and added, often enough for dead rows to be taken out, both find the same."""
    for start in range(0, 200, 40):
        engine.write(*(engine.point(number) for number in range(start, start + 120)))
        engine.remove(*range(start, start + 10))
    engine.assert_alike(IndexFilter())
    engine.assert_alike(FILTERS[1])


def test_a_view_that_lost_every_point_takes_new_ones(engine: Engine) -> None:
    """A view of none but dead rows begins anew."""
    for _ in range(3):
        engine.write(*(engine.point(number) for number in range(200)))
        engine.remove(*range(200))
    engine.write(*(engine.point(number) for number in range(30)))
    engine.assert_alike(IndexFilter())


async def test_a_view_is_told_of_points_while_it_is_filled(collections: Collections) -> None:
    """What is written and removed between two pages is in the view, whichever page it would have been on."""
    engine = Engine(collections, "filled")
    engine.write(*(engine.point(number) for number in range(3 * PAGE)))
    assert engine.views.get(KIND, tenant_key(scope("filled"))) is None
    engine.write(*(engine.point(number) for number in range(0, 3 * PAGE + 90, 3)))
    engine.remove(*range(1, 3 * PAGE, 30))
    await engine.views.filled()
    engine.assert_alike(IndexFilter())


def test_views_stay_within_their_bound(collections: Collections) -> None:
    """The tenant that was searched longest ago makes room; one that is too large alone is left to the library."""
    engine = Engine(collections, "small", max_bytes=70_000)
    engine.write(*(engine.point(number) for number in range(40)), *(engine.point(number, "other") for number in range(40)))
    engine.write(*(engine.point(number, "large") for number in range(PAGE)))
    small, other, large = (tenant_key(scope(user)) for user in ("small", "other", "large"))
    kept = engine.views.get(KIND, small)
    assert (True, True) == (kept is not None, engine.views.get(KIND, other) is not None)
    assert None is engine.views.get(KIND, large)
    assert kept is not engine.views.get(KIND, small)
