"""Writes that a script makes in one step: as many as there are, in their order."""

from __future__ import annotations

from random import Random

from service.storage.redis.database import Command
from service.storage.redis.keys import UserKeys
from service.storage.redis.writes import PACKED, Writes
from tests.usecases.world import World


async def make(world: World, keys: UserKeys, writes: Writes) -> None:
    """Make *writes* in one step."""
    database = world.application.stores.users.database
    made = await database.run("change_memories", [keys.record, keys.revision, *writes.keys], [0, 0, *writes.arguments])
    assert made


def random_commands(random: Random, count: int) -> list[Command]:
    """Return commands on a few fields of a hash, members of a set and of a sorted set, so that the later undo the earlier."""
    found: list[Command] = []
    for number in range(count):
        name = f'{random.randrange(4)} é"\\ \u2028\x00'
        found.append(
            random.choice(
                [
                    ("HSET", "hash", name, 2**60 + number),
                    ("HDEL", "hash", name),
                    ("SADD", "set", name),
                    ("SREM", "set", name),
                    ("ZADD", "sorted", number, name),
                    ("ZREM", "sorted", name),
                    ("DEL", random.choice(["hash", "set", "sorted"])),
                ]
            )
        )
    return found


async def test_writes_come_to_what_their_commands_come_to(world: World) -> None:
    """One by one, in their order: what is joined is joined on one key alone."""
    database, keys = world.application.stores.users.database, world.application.stores.users.keyspace.user(world.scope)
    for seed in range(8):
        writes, commands = Writes(), random_commands(Random(seed), 40)  # noqa: S311 - no secret
        for command, key, *arguments in commands:
            await database.get(command, f"{keys.chains}:one:{key}", *arguments)
            writes.add(str(command), f"{keys.chains}:both:{key}", *arguments)
        await make(world, keys, writes)
        for read, key in (("HGETALL", "hash"), ("SMEMBERS", "set")):
            one, both = [await database.get(read, f"{keys.chains}:{which}:{key}") for which in ("one", "both")]
            assert one == both, seed
        scores = [await database.get("ZRANGE", f"{keys.chains}:{which}:sorted", 0, -1, "WITHSCORES") for which in ("one", "both")]
        assert scores[0] == scores[1], seed


async def test_a_step_takes_few_arguments(world: World) -> None:
    """However many commands it has: a server takes no more than a million, and each had four."""
    keys, writes = world.application.stores.users.keyspace.user(world.scope), Writes()
    for number in range(3 * PACKED + 1):
        writes.add("RPUSH", keys.undelivered, number)
    assert (1, 4) == (len(writes.keys), len(writes.arguments))
    await make(world, keys, writes)
    stored = await world.application.stores.users.database.get("LRANGE", keys.undelivered, 0, -1)
    assert list(map(str, range(3 * PACKED + 1))) == stored
