"""Write commands that a script makes in its one step."""

from __future__ import annotations

from dataclasses import dataclass, field

from service.domain.ports.work import IndexedKind
from service.storage.redis.database import Argument
from service.storage.redis.keys import UserKeys
from service.storage.redis.names import quoted


@dataclass(slots=True)
class Writes:
    """Write commands on one bucket, packed for `run_writes` of the scripts' library."""

    keys: list[str] = field(default_factory=list)
    arguments: list[Argument] = field(default_factory=list)
    _places: dict[str, int] = field(default_factory=dict)

    def add(self, command: str, key: str, *arguments: Argument) -> None:
        """Append one command; *arguments* stand after its key."""
        if key not in self._places:
            self._places[key] = len(self.keys)
            self.keys.append(key)
        self.arguments += [command, self._places[key], len(arguments), *arguments]

    def index_entry(self, keys: UserKeys, kind: IndexedKind, record_id: str) -> None:
        """Append an entry of the outbox."""
        scope = keys.scope
        about = ("project", quoted(scope.project_id), "user", scope.user_key, "kind", kind, "record", record_id)
        self.add("XADD", keys.bucket.outbox, "*", *about)
