"""What a project uses and may use, over HTTP and by command, of a `mneme serve` as a person starts it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias
from uuid import uuid4

import httpx
import pytest

from tests.e2e.serving import PROJECT_ID, Serving, wait_until
from tests.e2e.test_cli import mneme

ADD_MESSAGE = "/api/v1/users/{user_id}/sessions/{session_id}/add-message"

Opener: TypeAlias = Callable[..., httpx.Client]


@pytest.fixture(scope="module")
def admin(serving: Serving) -> Iterator[httpx.Client]:
    """Return a client that may make projects."""
    key = mneme(serving.data_dir, "keys", "create", "--project", PROJECT_ID, "--scope", "admin").stdout.strip()
    headers = {"X-Recallr-Api-Key": key, "X-Recallr-Project-Id": PROJECT_ID}
    with httpx.Client(base_url=serving.http, headers=headers, timeout=30) as client:
        yield client


@pytest.fixture
def project(admin: httpx.Client) -> Iterator[Opener]:
    """Return a function that makes a project with limits and returns a client of it."""
    clients = []

    def make(**limits: int) -> httpx.Client:
        project_id = f"p-{uuid4()}"
        made = {"project_id": project_id, "settings": {"limits": limits}}
        admin.post("/api/v1/projects", json=made).raise_for_status()
        key = admin.post(f"/api/v1/projects/{project_id}/keys", json={}).raise_for_status().json()["secret"]
        headers = {"X-Recallr-Api-Key": key, "X-Recallr-Project-Id": project_id}
        clients.append(httpx.Client(base_url=admin.base_url, headers=headers, timeout=30))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def said(http: httpx.Client, *texts: str) -> str:
    """Let a new user say *texts*, and return where it says more."""
    user_id = str(uuid4())
    http.post("/api/v1/users", json={"custom_user_id": user_id}).raise_for_status()
    session = http.post(f"/api/v1/users/{user_id}/sessions", json={}).raise_for_status().json()["session_id"]
    url = f"/api/v1/users/{user_id}/sessions/{session}/add-message"
    for text in texts:
        http.post(url, json={"role": "user", "message": text}).raise_for_status()
    return url


def bearer(http: httpx.Client) -> httpx.Client:
    """Return a client with the same key as a bearer."""
    headers = {"Authorization": f"Bearer {http.headers['X-Recallr-Api-Key']}"}
    return httpx.Client(base_url=http.base_url, headers=headers, timeout=30)


def test_usage_is_told_on_every_surface(serving: Serving, project: Opener) -> None:
    """The same figures in REST, in the Claiv API and by command, and again after a kill."""
    http = project()
    said(http, "I have a dog.", "He is called Rex.")

    def counted() -> Any:
        totals = http.get("/api/v1/usage/summary", params={"range": "7d"}).json()["totals"]
        return totals if totals["ingest_events"] == 2 else None

    assert 9 == wait_until(counted, "the figures are stored")["tokens"]
    serving.kill("service")
    wait_until(lambda: http.get("/readyz").status_code == 200, "the service is back")
    with bearer(http) as claiv:
        summary = claiv.get("/v1/usage/summary").json()
        endpoints = claiv.get("/v1/usage/breakdown", params={"range": "30d"}).json()["endpoints"]
        limits = claiv.get("/v1/usage/limits").json()
    assert ["range", "start_date", "end_date", "totals", "daily"] == list(summary)
    assert ("7d", 7, (2, 2)) == (summary["range"], len(summary["daily"]), ingested(summary))
    assert 2 == {each["endpoint"]: each["requests"] for each in endpoints}[f"POST {ADD_MESSAGE}"]
    assert {"used": 2, "limit": None, "remaining": None, "percentage_used": 0.0} == limits["limits"]["ingest_events"]
    assert ("self-hosted", 1, True) == (limits["plan"], limits["billing_cycle_day"], limits["is_within_quota"])
    shown = mneme(serving.data_dir, "usage", http.headers["X-Recallr-Project-Id"], "--range", "7d").stdout
    assert f"2\t0\t{mean(shown)}\tPOST {ADD_MESSAGE}" in shown
    assert "ingests this month\t2 of any number" in shown


def test_limits_are_set_by_command(serving: Serving, project: Opener) -> None:
    """Beside other settings, which stay."""
    http = project(ingests_per_month=7)
    done = mneme(serving.data_dir, "projects", "update", http.headers["X-Recallr-Project-Id"], "--requests-per-minute", "60")
    assert {"requests_per_minute": 60, "ingests_per_month": 7} == json.loads(done.stdout)["settings"]["limits"]


def ingested(summary: Any) -> tuple[int, int]:
    """Return what was brought in, by the totals and by the days."""
    return summary["totals"]["ingest_events"], sum(day["ingest_events"] for day in summary["daily"])


def mean(shown: str) -> str:
    """Return the mean time of the endpoint that adds messages."""
    (line,) = [line for line in shown.splitlines() if line.endswith(ADD_MESSAGE)]
    return line.split("\t")[2]


def test_each_surface_has_its_own_refusal_of_a_call_too_many(project: Opener) -> None:
    """With its own hint at when to try again."""
    http = project(requests_per_minute=1)
    assert 200 == http.get("/api/v1/users").status_code
    native = http.get("/api/v1/users")
    with bearer(http) as claiv:
        foreign = claiv.post("/v1/recall", json={"user_id": "u", "task": "anything", "token_budget": 200})
    error = foreign.json()["error"]
    assert (429, "rate_limited") == (foreign.status_code, error["code"])
    assert 1 <= error["details"]["retry_after"] == int(foreign.headers["retry-after"]) <= 60
    assert (429, {"detail": "Rate limit exceeded"}) == (native.status_code, native.json())
    assert 1 <= int(native.headers["retry-after"]) <= 60


def test_a_quota_is_told_before_and_after_it_is_used_up(project: Opener) -> None:
    """Headers from 80 percent on; then a 429 without a hint to try again soon, while reading goes on."""
    http = project(ingests_per_month=5)
    url = said(http, "1", "2", "3")
    fourth = http.post(url, json={"role": "user", "message": "4"})
    assert (200, "approaching_limit", "80") == (
        fourth.status_code,
        fourth.headers["x-quota-warning"],
        fourth.headers["x-quota-ingests-pct"],
    )
    http.post(url, json={"role": "user", "message": "5"}).raise_for_status()
    sixth = http.post(url, json={"role": "user", "message": "6"})
    assert (429, {"detail": "Monthly ingest quota exceeded"}) == (sixth.status_code, sixth.json())
    assert ("100", False) == (sixth.headers["x-quota-ingests-pct"], "retry-after" in sixth.headers)
    assert 200 == http.get(url.replace("add-message", "context")).status_code
    with bearer(http) as claiv:
        assert not claiv.get("/v1/usage/limits").json()["is_within_quota"]


def test_an_event_beyond_the_quota_is_refused_with_the_figures(project: Opener) -> None:
    """In the Claiv API, whose clients try again after a delay: there is none, and recall goes on."""
    event = {"user_id": "u", "type": "message", "content": "I have a dog.", "thread_id": "t"}
    with bearer(project(ingests_per_month=1)) as claiv:
        first, second = (claiv.post("/v1/ingest", json={**event, "idempotency_key": key}) for key in "ab")
        recalled = claiv.post("/v1/recall", json={"user_id": "u", "task": "dog", "token_budget": 200})
        reset_date = claiv.get("/v1/usage/limits").json()["reset_date"]
    details = {"plan": "self-hosted", "reset_date": reset_date, "usage": {"ingest_events": 1, "limit": 1}}
    assert [200, 429, 200] == [answer.status_code for answer in (first, second, recalled)]
    assert ("quota_exceeded", details) == (second.json()["error"]["code"], second.json()["error"]["details"])
    assert ["100"] * 3 == [answer.headers["x-quota-ingests-pct"] for answer in (first, second, recalled)]


def test_a_range_that_nobody_knows_is_refused(project: Opener) -> None:
    """In the shape of the surface."""
    http = project()
    assert 422 == http.get("/api/v1/usage/summary", params={"range": "year"}).status_code
    with bearer(http) as claiv:
        answer = claiv.get("/v1/usage/summary", params={"range": "year"})
    assert (400, "invalid_request") == (answer.status_code, answer.json()["error"]["code"])
