"""
Become another program that dies together with its parent. Run as a script: `launch.py PARENT_PID PROGRAM [ARGUMENT ...]`.

A process of its own, because code between fork and exec of a process with threads may deadlock; and a script that imports
nothing of ours, because it runs on the way of every start.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int) -> None:
    """
    Let the kernel kill this process when the thread that started it ends; does nothing where there is no Linux.

    Exits at once when *parent*, a process id, is already not the parent any more.
    """
    if sys.platform.startswith("linux") and ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    if os.getppid() != parent:
        # it died before the kernel was asked to watch it
        sys.exit(0)


def main() -> None:
    """Tie this process to its parent, then become the program; the setting survives the change."""
    die_with_parent(int(sys.argv[1]))
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 - the words come from our own process, no shell is wanted


if __name__ == "__main__":
    main()
