"""The APIs that the proxy understands. One more is one file here and one line in the table."""

from __future__ import annotations

from gateway.forward.upstreams import anthropic, gemini, openai_chat, openai_responses
from gateway.forward.upstreams.base import JsonObject, Upstream

UPSTREAMS: tuple[Upstream, ...] = (
    anthropic.MESSAGES,
    anthropic.COUNT_TOKENS,
    openai_chat.CHAT_COMPLETIONS,
    openai_responses.RESPONSES,
    gemini.GENERATE_CONTENT,
)


def upstream_of(method: str, path: str) -> Upstream | None:
    """Return the API that serves *path*, or None for one that is passed through."""
    if method != "POST":
        return None
    return next((upstream for upstream in UPSTREAMS if upstream.path.search(path)), None)


def error_of(where: str, status: int, message: str) -> JsonObject:
    """Return the body of an error on a path that none of the APIs serves, in the manner of the provider that *where* names."""
    if "anthropic.com" in where:
        return anthropic.error(status, message)
    if "googleapis.com" in where:
        return gemini.error(status, message)
    return openai_chat.error(status, message)
