"""What a language model is told: one text file per question, with `$names` for what varies."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from string import Template


@cache
def prompt(name: str) -> str:
    """Return the text of *name*, a prompt without names in it."""
    return files(__name__).joinpath(f"{name}.md").read_text(encoding="utf-8").strip()


def filled(name: str, **values: str) -> str:
    """Return the text of *name* with *values* put in; what is put in is not looked at again. Raises KeyError."""
    return Template(prompt(name)).substitute(values)
