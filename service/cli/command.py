"""What a command is."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from service.settings import Settings


class CommandFailed(Exception):
    """A command that cannot be carried out; the text says why, to a person."""


Run = Callable[[Namespace, Settings], Awaitable[int]]
"""Carries the command out and returns the exit code of the process."""


def no_arguments(_parser: ArgumentParser) -> None:
    """Take none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """
    One command: its *words*, such as `projects create`, a line of help, its arguments and what it does.

    With *stores* the embedded engines run while it does, those of a `mneme serve` on the same data directory or its own. One that
    *serves* answers requests, and starts no processes: it runs on uvloop, which is faster and cannot give a child a umask.
    """

    words: tuple[str, ...]
    help: str
    run: Run
    arguments: Callable[[ArgumentParser], None] = no_arguments
    stores: bool = False
    serves: bool = False


def say(*lines: str) -> None:
    """Write the result of a command, for people and for pipes."""
    sys.stdout.writelines(f"{line}\n" for line in lines)


def remark(line: str) -> None:
    """Write what belongs to a person and not into a pipe."""
    sys.stderr.write(f"{line}\n")
