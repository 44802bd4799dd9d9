"""
Language models, one file per provider.

Adding a provider is a file with its opener and a line in LANGUAGE_MODELS. The table names modules, so that only the chosen
one's SDK is imported; each SDK is an extra of the package with the provider's name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from importlib import import_module
from typing import Protocol, Self, cast

from service.domain.ports.models import LanguageModel
from service.domain.ports.tools import ToolModel

LANGUAGE_MODELS: Mapping[str, str] = {
    "anthropic": "service.models.language.anthropic:open_anthropic",
    "openai": "service.models.language.openai:open_openai",
}
"""Each provider's opener, `module:function`; it is called with a ModelChoice and gives an async context manager."""


class ProviderModel(LanguageModel, ToolModel, Protocol):
    """What every provider's adapter is: it answers in JSON, and it calls tools."""


class ExtraMissing(ImportError):
    """The SDK of a provider is not installed."""

    def __init__(self, provider: str) -> None:
        """Say what to install."""
        super().__init__(f"{provider} needs its SDK: install the extra, `pip install 'mneme[{provider}]'`")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelChoice:
    """
    A model and where it is. *base_url* None means the provider's own address; only another one may go without *api_key*.
    *timeout* bounds one request.
    """

    provider: str
    model: str
    base_url: str | None
    api_key: str | None = field(repr=False)
    timeout: timedelta

    @classmethod
    def parse(cls, name: str, *, base_url: str | None, api_key: str | None, timeout: timedelta) -> Self:
        """Read `provider:model`; the model may hold colons of its own. Raises ValueError."""
        provider, _, model = name.partition(":")
        if provider not in LANGUAGE_MODELS or not model:
            raise ValueError(f"must be provider:model with one of the providers {', '.join(sorted(LANGUAGE_MODELS))}")
        if base_url is None and api_key is None:
            raise ValueError("needs an API key, or the base URL of a server of your own that wants none")
        return cls(provider=provider, model=model, base_url=base_url, api_key=api_key, timeout=timeout)

    @property
    def name(self) -> str:
        """Provider and model."""
        return f"{self.provider}:{self.model}"


def open_language_model(choice: ModelChoice) -> AbstractAsyncContextManager[ProviderModel]:
    """Open the chosen model. Nothing is sent. Raises ExtraMissing."""
    module, function = LANGUAGE_MODELS[choice.provider].split(":")
    try:
        found = import_module(module)
    except ModuleNotFoundError as error:
        if error.name != choice.provider:
            raise
        raise ExtraMissing(choice.provider) from None
    opener = cast(Callable[[ModelChoice], AbstractAsyncContextManager[ProviderModel]], getattr(found, function))
    return opener(choice)
