"""How ids of callers stand in the names of keys and of their members."""

from __future__ import annotations

import hashlib
from urllib.parse import quote, unquote

from service.domain.ids import ProjectId


def quoted(text: str) -> str:
    """Return *text* without spaces, colons and braces, so that it can be a part of names and of members."""
    return quote(text, safe="")


def project_of(text: str) -> ProjectId:
    """Return the project whose quoted id is *text*."""
    return ProjectId(unquote(text))


def name_of(text: str) -> str:
    """Return a short name, of hexadecimal digits, for text of any length that a caller chose; 128 bits, so that no two meet."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]
