"""
Holds sizes where they are: modules, functions, broad `except`. Run by `make lint`.

The exceptions below may only shrink: one that is no longer needed is an error too.
"""

from __future__ import annotations

import ast
import statistics
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("service", "gateway", "frames", "tests")

LONGEST_MODULE = 400
LARGEST_MEDIAN = 120
LONGEST_FUNCTION = 60
LONG_FUNCTION = 50
SHARE_OF_LONG_FUNCTIONS = 0.02

MODULES: Mapping[str, int] = {}
"""Modules that may be longer, each with its present length."""
FUNCTIONS: Mapping[str, int] = {}
"""Functions that may be longer, `path::name`, each with its present length."""
BROAD_EXCEPTS: Mapping[str, int] = {
    # an unknown fault is a bland INTERNAL to the caller and a full line in the log
    "service/rpc/interceptors/errors.py": 1,
    # one broken session, index entry or webhook event must not end the loop
    "service/worker.py": 3,
}
"""Modules that may catch everything, each with how often: the error interceptor, the worker loop, process entry points."""


def modules() -> list[Path]:
    """Return every Python module of ours, sorted."""
    return sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py") if "node_modules" not in path.parts)


def functions(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield the name and the number of lines of each function, those inside other functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def broad_excepts(tree: ast.Module) -> int:
    """Count the handlers that catch everything and let it go no further."""
    return sum(
        _is_broad(node.type) and not any(isinstance(inner, ast.Raise) and inner.exc is None for inner in ast.walk(node))
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler)
    )


def _is_broad(caught: ast.expr | None) -> bool:
    names = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(name is None or (isinstance(name, ast.Name) and name.id in {"Exception", "BaseException"}) for name in names)


def over(kind: str, found: Mapping[str, int], limit: int, allowed: Mapping[str, int]) -> Iterator[str]:
    """Yield what is over *limit* and not allowed, and what is allowed and need not be, or not so much."""
    for name, size in found.items():
        if size > allowed.get(name, limit):
            yield f"{name}: {kind} {size}, at most {allowed.get(name, limit)}"
    for name, size in allowed.items():
        if found.get(name, 0) < size:
            yield f"{name}: {kind} {found.get(name, 0)} now, its exception says {size}: lower it or take it out"


def problems() -> Iterator[str]:
    """Yield a line for everything that is too large."""
    sizes: dict[str, int] = {}
    lengths: dict[str, int] = {}
    broad: dict[str, int] = {}
    for path in modules():
        text = path.read_text()
        tree = ast.parse(text)
        name = str(path.relative_to(ROOT))
        sizes[name] = len(text.splitlines())
        lengths.update({f"{name}::{function}": size for function, size in functions(tree)})
        broad[name] = broad_excepts(tree)
    yield from over("lines", sizes, LONGEST_MODULE, MODULES)
    yield from over("lines", lengths, LONGEST_FUNCTION, FUNCTIONS)
    yield from over("broad excepts", broad, 0, BROAD_EXCEPTS)
    if (median := statistics.median(sizes.values())) > LARGEST_MEDIAN:
        yield f"the median module has {median} lines, at most {LARGEST_MEDIAN}"
    long = [name for name, size in lengths.items() if size > LONG_FUNCTION]
    if len(long) > SHARE_OF_LONG_FUNCTIONS * len(lengths):
        yield f"{len(long)} of {len(lengths)} functions have more than {LONG_FUNCTION} lines: {', '.join(long)}"


if __name__ == "__main__":
    found = list(problems())
    sys.stderr.writelines(f"{line}\n" for line in found)
    sys.exit(1 if found else 0)
