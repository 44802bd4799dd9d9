"""What is wrong with archives."""

from __future__ import annotations

from service.domain.errors import InvalidRequest, Violation


class BadRecord(InvalidRequest):
    """A record of an archive that cannot be imported. *record* is its place, from 1, which in a file is its line."""

    def __init__(self, record: int, problem: str) -> None:
        """Say which record it is and what is wrong with it."""
        violation = Violation(field=f"record {record}", description=problem)
        super().__init__(f"record {record}: {problem}", [violation], record=str(record))


class Wrong(Exception):
    """What is wrong with a record, said to a person."""
