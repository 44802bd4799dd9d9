"""All stores on one database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from service.storage.redis.archives import RedisArchives
from service.storage.redis.changes import MemoryChanges
from service.storage.redis.claims import DOCUMENT_IDS, Claims
from service.storage.redis.conflicts import RedisConflicts
from service.storage.redis.database import Database, open_database
from service.storage.redis.deliveries import RedisDeliveries
from service.storage.redis.documents import RedisDocuments
from service.storage.redis.events import Events
from service.storage.redis.forgets import RedisForgets
from service.storage.redis.intents import Settler
from service.storage.redis.jobs import RedisJobs
from service.storage.redis.keys import META, Keyspace
from service.storage.redis.memories import RedisMemories
from service.storage.redis.messages import Messages
from service.storage.redis.origins import Origins
from service.storage.redis.outbox import RedisOutbox
from service.storage.redis.parts import MOST, Parts
from service.storage.redis.projects import RedisProjects
from service.storage.redis.recalls import RedisEventNames, RedisRecallLog
from service.storage.redis.receipts import RedisReceipts
from service.storage.redis.sessions import RedisSessions
from service.storage.redis.streams import Streams
from service.storage.redis.summaries import Summaries
from service.storage.redis.turns import RedisTurns
from service.storage.redis.usage import RedisUsage
from service.storage.redis.users import RedisUsers
from service.storage.redis.webhooks import RedisWebhooks

LEASE = timedelta(seconds=30)
GRACE = timedelta(seconds=5)


class BucketsMismatch(Exception):
    """The store was made with another number of buckets, and every key's place depends on it."""

    def __init__(self, *, stored: int, configured: int) -> None:
        """Name both numbers."""
        super().__init__(f"The store was made with {stored} buckets, not {configured}: set MNEME_BUCKETS={stored}")
        self.stored = stored
        self.configured = configured


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisStores:
    """The stores and queues of one database."""

    projects: RedisProjects
    users: RedisUsers
    sessions: RedisSessions
    turns: RedisTurns
    memories: RedisMemories
    conflicts: RedisConflicts
    jobs: RedisJobs
    documents: RedisDocuments
    outbox: RedisOutbox
    bulk: RedisOutbox
    archives: RedisArchives
    usage: RedisUsage
    webhooks: RedisWebhooks
    deliveries: RedisDeliveries
    event_names: RedisEventNames
    recall_log: RedisRecallLog
    forgets: RedisForgets
    receipts: RedisReceipts


@asynccontextmanager
async def open_stores(
    url: str, *, buckets: int, lease: timedelta = LEASE, grace: timedelta = GRACE, part: int = MOST
) -> AsyncIterator[RedisStores]:
    """
    Open the stores at *url* (`redis://`, `rediss://`, `unix://`, `redis+cluster://`) and close them at the end.

    *buckets* is settled by whoever opens the store first. A job or an outbox entry is leased for *lease*. A claim, or an intent,
    that is older than *grace* is taken for one whose writer died. A long change is made in parts of about *part* words.
    Raises StorageUnavailable, BucketsMismatch.
    """
    async with open_database(url) as database:
        keyspace = Keyspace(buckets)
        await _settle_buckets(database, buckets)
        stores = build_stores(database, keyspace, Parts(database, part), lease=lease, grace=grace)
        await stores.jobs.streams.prepare()
        await stores.outbox.streams.prepare()
        await stores.bulk.streams.prepare()
        yield stores


def build_stores(database: Database, keyspace: Keyspace, parts: Parts, *, lease: timedelta, grace: timedelta) -> RedisStores:
    """Return the stores of a prepared database."""
    claims = Claims(database, keyspace, grace)
    document_claims = Claims(database, keyspace, grace, DOCUMENT_IDS)
    receipts = RedisReceipts(database)
    settler = Settler(database, keyspace, claims, document_claims, receipts, parts)
    events = Events(database, keyspace)
    changes = MemoryChanges(database, keyspace, settler, events)
    sessions = RedisSessions(
        database,
        keyspace,
        changes,
        Messages(database, keyspace),
        Summaries(database, keyspace),
        Origins(database, keyspace),
        events,
        parts,
    )
    users = RedisUsers(database, keyspace, claims, settler, events)
    all_buckets = keyspace.all_buckets()
    jobs = Streams(database, [bucket.jobs for bucket in all_buckets], lease)
    outbox = Streams(database, [bucket.outbox for bucket in all_buckets], lease)
    bulk = Streams(database, [bucket.bulk for bucket in all_buckets], lease)
    return RedisStores(
        projects=RedisProjects(database),
        users=users,
        sessions=sessions,
        turns=RedisTurns(users, sessions),
        memories=RedisMemories(database, keyspace, changes, parts, sessions),
        conflicts=RedisConflicts(database, keyspace),
        jobs=RedisJobs(database, keyspace, changes, settler, events, jobs, grace),
        documents=RedisDocuments(database, keyspace, document_claims, settler),
        outbox=RedisOutbox(database, keyspace, outbox),
        bulk=RedisOutbox(database, keyspace, bulk),
        archives=RedisArchives(database, keyspace, claims, document_claims, settler),
        usage=RedisUsage(database),
        webhooks=RedisWebhooks(database),
        deliveries=RedisDeliveries(database, keyspace),
        event_names=RedisEventNames(database),
        recall_log=RedisRecallLog(database),
        forgets=RedisForgets(database, keyspace, changes, parts, settler),
        receipts=receipts,
    )


async def _settle_buckets(database: Database, buckets: int) -> None:
    await database.get("HSETNX", META, "buckets", buckets)
    stored = int(await database.get("HGET", META, "buckets"))
    if stored != buckets:
        raise BucketsMismatch(stored=stored, configured=buckets)
