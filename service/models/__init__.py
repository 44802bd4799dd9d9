"""
What embeds text, one file per provider.

Adding an embedder is a file with its opener and a line in EMBEDDERS. The table names modules, so that only the chosen one's
libraries are imported. Language models have a table of their own, in `service.models.language`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from importlib import import_module
from typing import cast

from service.domain.ports.models import Embedder

EMBEDDERS: Mapping[str, str] = {
    "minilm": "service.models.minilm:open_minilm",
    "openai": "service.models.openai:open_openai",
}
"""Each embedder's opener, `module:function`; it is called with an EmbedderChoice and gives an async context manager."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedderChoice:
    """
    An embedder, `minilm` or `provider:model`. *threads* are for one that computes here, *base_url* (None means the provider's
    own) and *api_key* for one that asks a server.
    """

    name: str
    threads: int
    base_url: str | None = None
    api_key: str | None = field(default=None, repr=False)

    @property
    def provider(self) -> str:
        """What opens it."""
        return self.name.partition(":")[0]

    @property
    def model(self) -> str:
        """The model of the provider, empty where there is only one."""
        return self.name.partition(":")[2]


def open_embedder(
    name: str, *, threads: int, base_url: str | None = None, api_key: str | None = None
) -> AbstractAsyncContextManager[Embedder]:
    """Open the embedder *name*. Raises ValueError for a name that is none, or lacks its model, its key or its SDK."""
    choice = EmbedderChoice(name=name, threads=threads, base_url=base_url, api_key=api_key)
    if choice.provider not in EMBEDDERS or bool(choice.model) != (choice.provider == "openai"):
        raise ValueError(f"no embedder is called {name!r}; there is: minilm, openai:<model>")
    if choice.model and base_url is None and api_key is None:
        raise ValueError(f"{name} needs an API key, or the base URL of a server of your own that wants none")
    module, function = EMBEDDERS[choice.provider].split(":")
    try:
        found = import_module(module)
    except ModuleNotFoundError as error:
        if error.name != choice.provider:
            raise
        raise ValueError(
            f"{name} needs the SDK of its provider: install the extra, `pip install 'mneme[{choice.provider}]'`"
        ) from None
    opener = cast(Callable[[EmbedderChoice], AbstractAsyncContextManager[Embedder]], getattr(found, function))
    return opener(choice)
