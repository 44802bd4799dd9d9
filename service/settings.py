"""
Settings, from the environment.

Each field says the variable that sets it, what it means and whether it is a secret; `docs/settings.md` is made from that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from datetime import timedelta
from pathlib import Path
from typing import Any, Self


class InvalidSetting(ValueError):
    """A variable of the environment holds what it cannot hold."""

    def __init__(self, variable: str, problem: str) -> None:
        """Name the *variable*; its value is left out, because it may be a secret."""
        super().__init__(f"{variable} {problem}")


def _text(text: str) -> str:
    return text


def _count(least: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        number = int(text) if text.isdecimal() else -1
        if number < least:
            raise ValueError(f"must be a whole number of at least {least}")
        return number

    return parse


def _seconds(text: str) -> timedelta:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 < seconds < 86_400:
        raise ValueError("must be a number of seconds between 0 and 86400")
    return timedelta(seconds=seconds)


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _price(text: str) -> float:
    try:
        price = float(text)
    except ValueError:
        price = -1
    if not 0 <= price < 1_000_000:
        raise ValueError("must be a price from 0 on")
    return price


def _level(text: str) -> str:
    if text.lower() not in LOG_LEVELS:
        raise ValueError(f"must be one of {', '.join(LOG_LEVELS)}")
    return text.lower()


LOG_LEVELS = ("debug", "info", "warning", "error")


def _about(variable: str, meaning: str, *, parse: Callable[[str], object] = _text) -> Mapping[str, Any]:
    """Return what is to be known of a setting. One that does not appear in the representation of the settings is a secret."""
    return {"variable": variable, "meaning": meaning, "parse": parse}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What can be chosen. Every field has a default: an empty environment works with `mneme serve`."""

    data_dir: Path = field(
        default=Path(".mneme"),
        metadata=_about("MNEME_DATA_DIR", "Directory of the embedded engines and of the pepper.", parse=Path),
    )
    http_listen: str = field(
        default="127.0.0.1:8080",
        metadata=_about("MNEME_HTTP_LISTEN", "Where the gateway listens, `host:port`; port 0 takes a free one."),
    )
    grpc_listen: str = field(
        default="127.0.0.1:50051",
        metadata=_about("MNEME_GRPC_LISTEN", "Where the service listens, `host:port`; port 0 takes a free one."),
    )
    redis_url: str | None = field(
        default=None,
        repr=False,
        metadata=_about(
            "MNEME_REDIS_URL",
            "Redis or Valkey that keeps the records: `redis://`, `rediss://`, `unix://`, `redis+cluster://`. "
            "Empty: an embedded Valkey, started by `mneme serve`.",
        ),
    )
    qdrant_url: str | None = field(
        default=None,
        metadata=_about("MNEME_QDRANT_URL", "Qdrant that keeps the index. Empty: an embedded engine, started by `mneme serve`."),
    )
    qdrant_api_key: str | None = field(
        default=None, repr=False, metadata=_about("MNEME_QDRANT_API_KEY", "Credential for Qdrant.")
    )
    index_socket: Path | None = field(
        default=None,
        metadata=_about("MNEME_INDEX_SOCKET", "Unix socket of the embedded vector engine; `mneme serve` sets it.", parse=Path),
    )
    service_socket: Path | None = field(
        default=None,
        metadata=_about(
            "MNEME_SERVICE_SOCKET",
            "Unix socket on which the service takes calls, all but streams, of a gateway on the same machine, for which it is "
            "set too: that is faster than gRPC. Empty: all calls are gRPC. `mneme serve` sets it.",
            parse=Path,
        ),
    )
    bootstrap_project_id: str | None = field(
        default=None,
        metadata=_about("MNEME_BOOTSTRAP_PROJECT_ID", "Project to create on the first start. Empty: one with a random id."),
    )
    bootstrap_api_key: str | None = field(
        default=None,
        repr=False,
        metadata=_about(
            "MNEME_BOOTSTRAP_API_KEY",
            "Key of that project to create on the first start, any text. Empty: a random one, printed once.",
        ),
    )
    key_pepper: str | None = field(
        default=None,
        repr=False,
        metadata=_about(
            "MNEME_KEY_PEPPER",
            "Secret under which API keys are hashed; the same for every process of one installation, for ever. "
            "Empty: a random one, kept in the data directory.",
        ),
    )
    buckets: int = field(
        default=16,
        metadata=_about(
            "MNEME_BUCKETS",
            "Parts into which users are divided in Redis: 16 for one server, 256 for a cluster. Fixed at the first start.",
            parse=_count(1),
        ),
    )
    embedder: str = field(
        default="minilm",
        metadata=_about(
            "MNEME_EMBEDDER", "Model that embeds text: `minilm`, or `openai:<model>` for any server that speaks OpenAI's API."
        ),
    )
    embedder_base_url: str | None = field(
        default=None, metadata=_about("MNEME_EMBEDDER_BASE_URL", "Where that server is. Empty: OpenAI itself.")
    )
    embedder_api_key: str | None = field(
        default=None,
        repr=False,
        metadata=_about("MNEME_EMBEDDER_API_KEY", "Credential for that server; one of your own may want none."),
    )
    embedder_threads: int = field(
        default=2, metadata=_about("MNEME_EMBEDDER_THREADS", "Threads that the embedder may use at once.", parse=_count(1))
    )
    llm: str | None = field(
        default=None,
        metadata=_about(
            "MNEME_LLM",
            "Language model that turns sessions into memories and drives agentic recalls, `anthropic:<model>` or "
            "`openai:<model>`. Empty: rules instead.",
        ),
    )
    llm_base_url: str | None = field(
        default=None,
        metadata=_about(
            "MNEME_LLM_BASE_URL",
            "Server that speaks the provider's API, such as `http://127.0.0.1:11434/v1`. Empty: the provider's own.",
        ),
    )
    llm_api_key: str | None = field(
        default=None,
        repr=False,
        metadata=_about("MNEME_LLM_API_KEY", "Credential for the language model; a server of your own may want none."),
    )
    llm_timeout: timedelta = field(
        default=timedelta(seconds=120),
        metadata=_about(
            "MNEME_LLM_TIMEOUT_SECONDS", "Longest time that one answer of the language model may take.", parse=_seconds
        ),
    )
    llm_max_concurrency: int = field(
        default=4,
        metadata=_about(
            "MNEME_LLM_MAX_CONCURRENCY",
            "Questions that one process asks the language model at once about sessions, and as many for recalls.",
            parse=_count(1),
        ),
    )
    llm_chunk_tokens: int = field(
        default=6000,
        metadata=_about(
            "MNEME_LLM_CHUNK_TOKENS",
            "Tokens of a session that go into one question, by the embedder's count; less for a model with a short context.",
            parse=_count(500),
        ),
    )
    llm_max_output_tokens: int = field(
        default=8192,
        metadata=_about(
            "MNEME_LLM_MAX_OUTPUT_TOKENS", "Longest answer of the language model, its reasoning included.", parse=_count(256)
        ),
    )
    llm_max_calls: int = field(
        default=60,
        metadata=_about(
            "MNEME_LLM_MAX_CALLS",
            "Questions that one attempt at a session may cost; after them rules decide, and only its newest part is read.",
            parse=_count(4),
        ),
    )
    llm_recall_steps: int = field(
        default=5,
        metadata=_about(
            "MNEME_LLM_RECALL_STEPS",
            "Answers of the language model that one agentic recall may take. 0: rules alone recall.",
            parse=_count(0),
        ),
    )
    llm_recall_timeout: timedelta = field(
        default=timedelta(seconds=20),
        metadata=_about(
            "MNEME_LLM_RECALL_TIMEOUT_SECONDS",
            "Time that the language model has for one recall, all steps together; then what rules found is the answer.",
            parse=_seconds,
        ),
    )
    llm_recall_tokens: int = field(
        default=60_000,
        metadata=_about(
            "MNEME_LLM_RECALL_TOKENS",
            "Tokens, read and written, after which a recall asks the language model nothing more.",
            parse=_count(1),
        ),
    )
    llm_input_price: float = field(
        default=0.0,
        metadata=_about(
            "MNEME_LLM_INPUT_PRICE", "Price of a million tokens that the model reads, for the metrics.", parse=_price
        ),
    )
    llm_output_price: float = field(
        default=0.0,
        metadata=_about(
            "MNEME_LLM_OUTPUT_PRICE", "Price of a million tokens that the model writes, for the metrics.", parse=_price
        ),
    )
    webhook_origins: tuple[str, ...] = field(
        default=(),
        metadata=_about(
            "MNEME_WEBHOOK_ORIGINS",
            "Origins on this machine or in a private network that webhooks may go to, comma-separated `scheme://host[:port]`. "
            "Empty: none; public ones need not be listed and must be https.",
            parse=_list,
        ),
    )
    workers: int = field(
        default=4, metadata=_about("MNEME_WORKERS", "Sessions that one worker process works on at once.", parse=_count(1))
    )
    max_attempts: int = field(
        default=5, metadata=_about("MNEME_MAX_ATTEMPTS", "Attempts to process a session before it has failed.", parse=_count(1))
    )
    call_timeout: timedelta = field(
        default=timedelta(seconds=60),
        metadata=_about("MNEME_CALL_TIMEOUT_SECONDS", "Longest time that a call may take.", parse=_seconds),
    )
    shutdown_grace: timedelta = field(
        default=timedelta(seconds=10),
        metadata=_about(
            "MNEME_SHUTDOWN_GRACE_SECONDS",
            "Time that running calls and jobs have to end when the process is stopped.",
            parse=_seconds,
        ),
    )
    metrics_listen: str | None = field(
        default=None,
        metadata=_about("MNEME_METRICS_LISTEN", "Where Prometheus metrics are served over HTTP, `host:port`. Empty: nowhere."),
    )
    log_level: str = field(
        default="info", metadata=_about("MNEME_LOG_LEVEL", f"Least urgent lines to log: {', '.join(LOG_LEVELS)}.", parse=_level)
    )

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Read the settings; an empty variable counts as unset. Raises InvalidSetting."""
        given: dict[str, Any] = {one.name: _parse(one, text) for one in fields(cls) if (text := environ.get(_variable(one), ""))}
        return cls(**given)


def settings_table() -> str:
    """Return every setting as a Markdown table, without a word about the values of this process."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for one in fields(Settings):
        secret = "" if one.repr else " Secret."
        meaning = one.metadata["meaning"].replace("|", "\\|")
        rows.append(f"| `{_variable(one)}` | {_shown(one.default)} | {meaning}{secret} |")
    return "\n".join(rows) + "\n"


def _variable(one: Field[Any]) -> str:
    variable: str = one.metadata["variable"]
    return variable


def _parse(one: Field[Any], text: str) -> object:
    parse: Callable[[str], object] = one.metadata["parse"]
    try:
        return parse(text)
    except ValueError as error:
        raise InvalidSetting(_variable(one), str(error)) from None


def _shown(default: object) -> str:
    if default in (None, (), MISSING):
        return ""
    return f"`{default.total_seconds():g}`" if isinstance(default, timedelta) else f"`{default}`"
