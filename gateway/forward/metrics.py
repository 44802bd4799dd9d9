"""What the proxy counts, for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

_MILLISECONDS = (0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0)
_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)


class ForwardMetrics:
    """The figures of the proxy. *api* is the name of an API, or `other`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register at zero."""
        self.added_milliseconds = Histogram(
            "mneme_forward_added_milliseconds",
            "Milliseconds that the proxy itself added before the first byte of an answer.",
            ("api",),
            buckets=_MILLISECONDS,
            registry=registry,
        )
        self.first_token_seconds = Histogram(
            "mneme_forward_first_token_seconds",
            "Seconds from the request to the first piece of a streamed answer.",
            ("api",),
            buckets=_SECONDS,
            registry=registry,
        )
        self.disconnects = Counter(
            "mneme_forward_disconnects",
            "Clients that left before the end: before_answer or mid_answer.",
            ("api", "phase"),
            registry=registry,
        )
        self.truncated = Counter(
            "mneme_forward_truncated_tees",
            "Answers of which not all could be read or kept. They were relayed in full.",
            ("api",),
            registry=registry,
        )
        self.fail_opens = Counter(
            "mneme_forward_fail_opens",
            "Requests that went on without memory: timed_out, failed or unsupported.",
            ("api", "reason"),
            registry=registry,
        )
        self.turns = Counter(
            "mneme_forward_turns",
            "Turns handed over for storing: stored, refused by the service, or dropped because the service was away too long.",
            ("outcome",),
            registry=registry,
        )
