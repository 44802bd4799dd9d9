"""Write commands that a script makes in its one step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from service.domain.ports.work import IndexedKind
from service.storage.redis.codec import dump
from service.storage.redis.database import Argument
from service.storage.redis.keys import UserKeys
from service.storage.redis.names import quoted

PACKED = 1_000
"""Commands in one argument, so that a script unpacks few at a time."""
JOINED = 1_000
"""Arguments from which on a command is not made longer: Lua cannot unpack many thousands at once."""
_JOINING = frozenset({"HDEL", "HSET", "SADD", "SREM", "ZREM"})
"""Commands that do for all their arguments what several of them do for each."""


@dataclass(slots=True)
class Writes:
    """
    Write commands on one bucket, packed for `run_writes` of the scripts' library: JSON with many commands in each argument,
    because a server takes no more than a million of them, and few large ones are the quicker to send.
    """

    _commands: list[list[str | int]] = field(default_factory=list)
    _last: dict[str, list[str | int]] = field(default_factory=dict)
    """The last command on each key."""

    @property
    def keys(self) -> list[str]:
        """The keys that are written, in the order in which `run_writes` counts them."""
        return list(self._last)

    @property
    def arguments(self) -> list[str]:
        """What `run_writes` reads."""
        return [dump(self._commands[start : start + PACKED]) for start in range(0, len(self._commands), PACKED)]

    @property
    def weight(self) -> int:
        """How long the commands are in all."""
        return sum(map(len, self._commands))

    def cut(self, most: int) -> Iterator[tuple[list[str], list[list[str | int]]]]:
        """
        Yield the commands in runs of about *most* in weight, at least one command each: the keys that a run writes, and the
        commands with the places of their keys among those.
        """
        names, places = self.keys, dict[str, int]()
        run: list[list[str | int]] = []
        weight = 0
        for command, place, *arguments in self._commands:
            if run and weight + len(arguments) > most:
                yield list(places), run
                run, weight, places = [], 0, {}
            run.append([command, places.setdefault(names[int(place)], len(places)), *arguments])
            weight += len(arguments) + 2
        if run:
            yield list(places), run

    def add(self, command: str, key: str, *arguments: Argument) -> None:
        """Append one command; *arguments* stand after its key. What is done to one key is done in the order of the calls."""
        # numbers as text: Lua's have no more than 53 bits
        texts = map(str, arguments)
        last = self._last.get(key)
        if last is not None and last[0] == command and command in _JOINING and len(last) < JOINED:
            last += texts
            return
        place = len(self._last) if last is None else last[1]
        self._last[key] = [command, place, *texts]
        self._commands.append(self._last[key])

    def index_entry(self, keys: UserKeys, kind: IndexedKind, record_id: str) -> None:
        """Append an entry of the outbox."""
        scope = keys.scope
        about = ("project", quoted(scope.project_id), "user", scope.user_key, "kind", kind, "record", record_id)
        self.add("XADD", keys.bucket.outbox, "*", *about)
