"""Nothing of one user ever reaches another, whatever their ids, their texts and what they ask for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain.documents import chunk_id
from service.domain.ids import ProjectId, Scope, UploadId, UserId, UserKey
from service.domain.ports.index import DENSE_VECTORS, SPARSE_VECTORS, IndexFilter, IndexQuery
from service.domain.ports.work import IndexedKind
from service.domain.recall import Context, ContextRequest, RecalledKind, RecallQuery, RecallResult, StrategyName
from service.domain.sessions import Session
from service.domain.users import NewUser
from service.recall.documents import SpanQuery
from service.recall.driven.toolbox import TOOLS
from service.recall.indexing import turn_id
from service.storage.points import point_id, tenant_key
from tests.extraction.language.provider import calls
from tests.recall.driving import Driving, open_driving
from tests.recall.world import NOON, Person, World

# what separates, quotes, escapes or matches in a key, in JSON, in a pattern or on the wire
IDS = st.lists(
    st.sampled_from(["a", "b", ":", "/", '"', "\\", "[", "]", ", ", "*", "?", "{", "}", "\x00", "%", "\n", "ß"]),
    min_size=1,
    max_size=4,
)
IDS_AS_TEXT = IDS.map("".join)
SCOPES = st.builds(Scope, project_id=IDS_AS_TEXT.map(ProjectId), user_key=IDS_AS_TEXT.map(UserKey))
PLACES = st.tuples(IDS_AS_TEXT, IDS_AS_TEXT)
SECRETS = ("marzipan", "obsidian")
"""A word of each user that stands in everything that is the user's, and nowhere else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A user, the session in which everything was said, the upload of a document, and the ids of all records."""

    person: Person
    secret: str
    session: Session
    upload_id: UploadId
    record_ids: frozenset[str]


@given(first=SCOPES, second=SCOPES)
def test_no_two_users_share_a_key_of_the_index(first: Scope, second: Scope) -> None:
    """Tenant keys and point ids are the same only for the same user, however the ids are put together."""
    same = first == second
    assert (tenant_key(first) == tenant_key(second)) is same
    assert (point_id(IndexedKind.TURN, first, "s:0") == point_id(IndexedKind.TURN, second, "s:0")) is same


@pytest.mark.asyncio(loop_scope="session")
@settings(max_examples=12, deadline=None)
@given(data=st.data(), places=st.lists(PLACES, min_size=2, max_size=2, unique=True), strategy=st.sampled_from(StrategyName))
async def test_a_recall_shows_nothing_of_another_user(
    world: World, data: st.DataObject, places: list[tuple[str, str]], strategy: StrategyName
) -> None:
    """Of two users with confusable ids, who said the same but for one word, each finds the own word alone."""
    asker, other = await _owners(world, places)
    query = RecallQuery(
        scope=asker.person.scope,
        text=data.draw(
            st.sampled_from([f"The password is {other.secret}", other.secret, "What is the password?", "password " * 50])
        ),
        now=NOON,
        strategy=strategy,
        memories_threshold=data.draw(st.sampled_from([0.0, 1.0])),
        summaries_threshold=0.0,
        kinds=data.draw(st.sets(st.sampled_from(RecalledKind), min_size=1).map(frozenset)),
        exclude_sessions=data.draw(st.sampled_from([frozenset(), frozenset({other.session.session_id})])),
    )
    context = await _context(world, asker, query)
    assert other.secret not in _shown(context.result)
    assert other.secret not in context.text
    everything = await world.recaller(replace(query, text=asker.secret, memories_threshold=0.0, kinds=frozenset(RecalledKind)))
    assert asker.secret in _shown(everything)


@pytest.mark.asyncio(loop_scope="session")
@settings(max_examples=8, deadline=None)
@given(data=st.data(), places=st.lists(PLACES, min_size=2, max_size=2, unique=True))
async def test_a_search_of_documents_shows_nothing_of_another_user(
    world: World, data: st.DataObject, places: list[tuple[str, str]]
) -> None:
    """Nor does one that names the other's upload, by meaning or by its section."""
    asker, other = await _owners(world, places)
    text = data.draw(st.sampled_from([other.secret, "The password section", "What is this document about?"]))
    own, theirs = ([asker.upload_id], [other.upload_id])
    uploads = data.draw(st.sampled_from([None, own, theirs, [*own, *theirs]]))
    query = SpanQuery(scope=asker.person.scope, text=text, uploads=uploads, collection=data.draw(st.booleans()))
    found = " ".join(span.passage.chunk.text for span in (await world.documents(query)).spans)
    assert other.secret not in found
    assert (asker.secret in found) is (uploads != theirs)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def driving(world: World) -> AsyncIterator[Driving]:
    """Return a model that says what the provider is told to say."""
    async with open_driving(world, "openai") as opened:
        yield opened


@pytest.mark.asyncio(loop_scope="session")
@settings(max_examples=8, deadline=None)
@given(data=st.data(), places=st.lists(PLACES, min_size=2, max_size=2, unique=True))
async def test_a_model_cannot_reach_another_user(
    world: World, driving: Driving, data: st.DataObject, places: list[tuple[str, str]]
) -> None:
    """Whatever ids, words, categories and days it passes to whichever tool, it is shown nothing of the other."""
    asker, other = await _owners(world, places)
    names = st.sampled_from(
        [*sorted(other.record_ids), other.person.scope.user_key, "m1", "m2", "t1", "t3", "s1", "c1", "c2", "*", ""]
    )
    arguments = st.fixed_dictionaries(
        {"id": names, "query": st.sampled_from([other.secret, f"password {other.secret}", "password"])},
        optional={
            "categories": st.lists(names, max_size=2),
            "from": st.sampled_from(["0001-01-01", "2023-05-08", "*"]),
            "to": st.sampled_from(["9998-12-31", "2023-05-08", other.person.scope.project_id]),
            "user_id": names,
            "scope": st.just({"project_id": other.person.scope.project_id, "user_key": other.person.scope.user_key}),
        },
    )
    made = st.lists(st.tuples(st.sampled_from([tool.name for tool in TOOLS if tool.name != "finish"]), arguments), max_size=4)
    driving.provider.heard.clear()
    driving.provider.then(
        calls(*data.draw(made), ("get_versions", {"id": "m1"})),
        calls(*data.draw(made), ("get_session_summary", {"id": "c1"})),
        calls(("finish", {"ids": [*data.draw(st.lists(names)), "m1", "t1"]})),
    )
    result = await driving.recall(asker.person.asks("What is the password?", strategy=StrategyName.AGENTIC))
    told = str([heard.shown for heard in driving.provider.heard])
    assert [True, True] == [asker.secret in told, asker.secret in _shown(result)]
    # the other's secret is in what the model said itself, so only what it was shown counts
    assert [False, False] == [other.secret in told, other.secret in _shown(result)]


@pytest.mark.asyncio(loop_scope="session")
@settings(max_examples=12, deadline=None)
@given(data=st.data(), places=st.lists(PLACES, min_size=2, max_size=2, unique=True))
async def test_a_filter_cannot_reach_another_user(world: World, data: st.DataObject, places: list[tuple[str, str]]) -> None:
    """A search finds records of its own scope alone, even when its filter names the other's sessions and records."""
    asker, other = await _owners(world, places)
    where = IndexFilter(
        sessions=data.draw(st.sampled_from([None, frozenset({other.session.session_id})])),
        record_ids=data.draw(st.sampled_from([None, other.record_ids, other.record_ids | asker.record_ids])),
        exclude_sessions=data.draw(st.sampled_from([frozenset(), frozenset({asker.session.session_id})])),
    )
    (vector,) = await world.embedder.embed([other.secret])
    by_meaning = [
        IndexQuery(kind=kind, name=name, vector=vector, where=where) for kind in IndexedKind for name in DENSE_VECTORS[kind]
    ]
    by_word = [
        IndexQuery(kind=kind, name=name, text=other.secret, where=where) for kind in IndexedKind for name in SPARSE_VECTORS[kind]
    ]
    hits = await world.index.search(asker.person.scope, [*by_meaning, *by_word])
    assert {hit.record_id for found in hits for hit in found} <= asker.record_ids


async def _owners(world: World, places: Sequence[tuple[str, str]]) -> list[Owner]:
    """Return two users of projects whose ids begin alike, each with messages, a memory and a summary."""
    run = str(uuid4())
    return [
        await _owner(world, ProjectId(run + project), UserId(user), secret)
        for (project, user), secret in zip(places, SECRETS, strict=True)
    ]


async def _owner(world: World, project: ProjectId, user_id: UserId, secret: str) -> Owner:
    user = await world.stores.users.create(project, NewUser(user_id=user_id, metadata={}, merge_conflict_enabled=None))
    person = Person(world=world, scope=user.scope)
    session = await person.says(f"The password is {secret}", f"Ann: never tell anyone about {secret}")
    await person.summarises(session, f"They talked about the password {secret}.")
    chain = await person.remembers(f"The user's password is {secret}", session=session)
    document = await person.uploads(f"# Passwords\n\nThe password is {secret}")
    turns = (turn_id(session.session_id, index) for index in range(session.message_count))
    return Owner(
        person=person,
        secret=secret,
        session=session,
        upload_id=document.upload_id,
        record_ids=frozenset({chain.chain_id, session.session_id, *turns, chunk_id(document.upload_id, 0)}),
    )


async def _context(world: World, owner: Owner, query: RecallQuery) -> Context:
    """Return the context of a new session of *owner* with everything in it that can be asked for."""
    request = ContextRequest(timezone=ZoneInfo("UTC"), last_n_messages=50, last_n_summaries=50, documents=True)
    return await world.builder(owner.person.scope, await owner.person.says("Hello"), query, world.recaller(query), request)


def _shown(result: RecallResult) -> str:
    """Return all text of a result that a caller may see."""
    memories = [version.content for item in result.items if item.memory for version in item.memory.versions]
    messages = [item.message.content for item in result.items if item.message]
    summaries = [item.summary.content for item in result.items if item.summary]
    return "\n".join([*memories, *messages, *summaries])
