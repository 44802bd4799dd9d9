"""
What embeds text, one file per provider.

Adding an embedder is a file with its opener and a line in EMBEDDERS. The table names modules, so that only the chosen one's
libraries are imported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from importlib import import_module
from typing import cast

from service.domain.ports.models import Embedder

EMBEDDERS: Mapping[str, str] = {
    "minilm": "service.models.minilm:open_minilm",
}
"""Each embedder's opener, `module:function`; it is called with `threads=` and gives an async context manager."""


def open_embedder(name: str, *, threads: int) -> AbstractAsyncContextManager[Embedder]:
    """Open the embedder *name*, working on up to *threads* threads. Raises ValueError for a name not in EMBEDDERS."""
    if name not in EMBEDDERS:
        raise ValueError(f"no embedder is called {name!r}; there is: {', '.join(sorted(EMBEDDERS))}")
    module, function = EMBEDDERS[name].split(":")
    opener = cast(Callable[..., AbstractAsyncContextManager[Embedder]], getattr(import_module(module), function))
    return opener(threads=threads)
