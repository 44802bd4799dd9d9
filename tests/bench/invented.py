"""Words and ids that the benchmarks make up their users' memories from."""

from __future__ import annotations

import random
from uuid import UUID

PEOPLE = ("Ann", "Bob", "Cy", "Dora", "Emil", "Fay", "Gus", "Hana", "Ivo", "Jun")
DEEDS = ("bought", "painted", "repaired", "sold", "found", "lost", "planned", "visited", "cooked", "studied", "wrote", "cleaned")
THINGS = ("boat", "garden", "violin", "bakery", "museum", "bicycle", "novel", "castle", "telescope", "kitchen", "forest", "lamp")
PLACES = ("Lisbon", "Oslo", "Kyoto", "Lima", "Accra", "Turin", "Quito", "Perth", "Leeds", "Bergen", "Tunis", "Hanoi")


def random_uuid(chance: random.Random) -> str:
    """Return a UUID that a seeded *chance* makes again in the next run."""
    return str(UUID(int=chance.getrandbits(128), version=4))
