"""Two ways to answer the queries over one kind, which find the same: from a view in memory, or from the library."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from mneme.internal.v1 import vector_index_pb2 as pb

from service.domain.ports.work import IndexedKind
from service.storage import points
from service.storage.embedded.engine.collections import Collections
from service.storage.embedded.engine.entries import to_array, to_words, unit
from service.storage.embedded.engine.translate import to_query
from service.storage.embedded.engine.view import FILTERS, Mask, Rows, Scores, View

Answer = tuple[pb.Found, Sequence[pb.Hits]]
"""What was found, and the hits of each query, in the same order."""


def is_known(query: pb.Query) -> bool:
    """Return whether a view can answer *query*."""
    return all(field.name in FILTERS for field, _ in query.filter.ListFields())


def from_view(view: View, queries: Sequence[pb.Query]) -> Answer:
    """Answer from memory. Every query must be known."""
    masks: dict[bytes, Mask | None] = {}
    answers: dict[int, tuple[Rows, Scores]] = {}
    together: defaultdict[tuple[str, bytes], list[int]] = defaultdict(list)
    for place, query in enumerate(queries):
        key = query.filter.SerializeToString(deterministic=True)
        if key not in masks:
            masks[key] = view.selected(query.filter)
        if query.HasField("dense"):
            together[query.vector_name, key].append(place)
        else:
            answers[place] = view.by_word(query.vector_name, to_words(query.sparse), _limit(query), masks[key])
    for (name, key), of_these in together.items():
        vectors = [unit(to_array(queries[place].dense)) for place in of_these]
        limits = [_limit(queries[place]) for place in of_these]
        answers |= zip(of_these, view.by_meaning(name, vectors, limits, masks[key]), strict=True)
    return _shown(view, [answers[place] for place in range(len(queries))])


def _limit(query: pb.Query) -> int:
    return max(1, query.limit)


def _shown(view: View, answers: Sequence[tuple[Rows, Scores]]) -> Answer:
    """Return what answers tell of rows, each row once."""
    rows, places = np.unique(np.concatenate([rows for rows, _ in answers]), return_inverse=True)
    ends = np.cumsum([len(rows) for rows, _ in answers])[:-1]
    return view.found(rows), [
        pb.Hits(places=part.astype("<i4").tobytes(), scores=scores.astype("<f4").tobytes())
        for part, (_, scores) in zip(np.split(places, ends), answers, strict=True)
    ]


def from_library(collections: Collections, kind: IndexedKind, tenant: str, queries: Sequence[pb.Query]) -> Answer:
    """Answer from the collections."""
    answers = collections.search(kind, [to_query(tenant, query) for query in queries])
    # read once: the library builds an id anew each time it is asked for
    ids = [[point.id for point in answer] for answer in answers]
    payloads = collections.payloads(kind, {one for answer in ids for one in answer})
    places = {point_id: place for place, point_id in enumerate(payloads)}
    sessions: dict[str, int] = {}
    session_places = [sessions.setdefault(payload[points.SESSION], len(sessions)) for payload in payloads.values()]
    found = pb.Found(
        record_ids=[payload[points.RECORD] for payload in payloads.values()],
        sessions=sessions,
        session_places=np.array(session_places, dtype="<i4").tobytes(),
        orders=np.array([payload[points.ORDER] for payload in payloads.values()], dtype="<i8").tobytes(),
        traits=np.array([points.traits_in(payload) for payload in payloads.values()], dtype="<f8").tobytes(),
    )
    return found, [
        pb.Hits(
            places=np.array([places[point_id] for point_id in answer_ids], dtype="<i4").tobytes(),
            scores=np.array([point.score for point in answer], dtype="<f4").tobytes(),
        )
        for answer, answer_ids in zip(answers, ids, strict=True)
    ]
