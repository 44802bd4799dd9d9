"""`kill -9` of any process during an ingest loses no acknowledged message and no timer, and processing finishes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

import httpx
import pytest

from tests.e2e.serving import Serving, wait_until

MESSAGES = 150
KILL_AFTER = 40


@pytest.fixture(scope="module")
def serving() -> Iterator[Serving]:
    """Serve for these tests alone, which leave little of it standing."""
    with Serving() as running:
        yield running


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """A user with two sessions that wait for a minute of silence: one in which something was said, and an empty one."""

    path: str
    told: str
    empty: str


@pytest.fixture(scope="module", autouse=True)
def quiet(serving: Serving) -> Quiet:
    """Begin to be silent. A minute is the shortest that the contract allows, so it passes while other tests do theirs."""
    path = f"/api/v1/users/{uuid4()}"
    with serving.client() as http:
        http.post("/api/v1/users", json={"custom_user_id": path.rpartition("/")[2]}).raise_for_status()
        minute = {"auto_process_after_minutes": 1}
        told, empty = (http.post(f"{path}/sessions", json=minute).raise_for_status().json()["session_id"] for _ in range(2))
        message = {"role": "user", "message": "I adopted a greyhound called Comet."}
        http.post(f"{path}/sessions/{told}/add-message", json=message).raise_for_status()
    return Quiet(path=path, told=told, empty=empty)


@dataclass
class Ingest:
    """A thread that writes numbered messages to one session and remembers which were acknowledged."""

    serving: Serving
    path: str
    acknowledged: list[int] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Write every message until it is acknowledged: a client that retries with the same idempotency key."""
        with self.serving.client(timeout=10) as http:
            for number in range(MESSAGES):
                key = {"Idempotency-Key": f"{self.path}-{number}"}
                body = {"role": "user", "message": f"I keep {number} stamps of series {number} in my album."}
                while not self.stop.is_set():
                    try:
                        if http.post(f"{self.path}/add-message", json=body, headers=key).status_code == 200:
                            self.acknowledged.append(number)
                            break
                    except httpx.TransportError:
                        pass
                    self.stop.wait(0.02)


def numbers(http: httpx.Client, path: str) -> list[int]:
    """Return the numbers of the stored messages, in their order."""
    messages = http.get(f"{path}/messages", params={"limit": 500}).raise_for_status().json()["messages"]
    return [int(message["content"].split()[2]) for message in messages]


@pytest.mark.parametrize("victim", ["valkey", "engine", "service", "gateway", "supervisor"])
@pytest.mark.timeout(240)
def test_no_acknowledged_message_is_lost(serving: Serving, victim: str) -> None:
    """Every acknowledged message is there once, in order, after the kill; then the session is processed to memories."""
    user = f"/api/v1/users/{victim}-{uuid4()}"
    with serving.client() as http:
        http.post("/api/v1/users", json={"custom_user_id": user.rpartition("/")[2]}).raise_for_status()
        session = http.post(f"{user}/sessions", json={}).raise_for_status().json()["session_id"]
    path = f"{user}/sessions/{session}"
    ingest = Ingest(serving, path)
    writer = threading.Thread(target=ingest.run)
    writer.start()
    try:
        wait_until(lambda: len(ingest.acknowledged) >= KILL_AFTER, "messages are acknowledged")
        serving.kill(victim)
        if victim == "supervisor":
            # the addresses are new: this writer has done its part
            ingest.stop.set()
            writer.join()
            serving.start()
        else:
            wait_until(lambda: len(ingest.acknowledged) == MESSAGES, "every message is acknowledged", seconds=120)
    finally:
        ingest.stop.set()
        writer.join()

    with serving.client() as http:
        stored = numbers(http, path)
        assert ingest.acknowledged == stored[: len(ingest.acknowledged)]
        # at most the one that was under way when everything died is there without an acknowledgement
        assert list(range(len(stored))) == stored
        assert len(stored) - len(ingest.acknowledged) <= 1

        def accepted() -> bool:
            return http.post(f"{path}/process").status_code == 200

        def processed() -> bool:
            return bool(http.get(path).json()["session"]["status"] == "processed")

        wait_until(accepted, "processing is accepted")
        wait_until(processed, "the session is processed", seconds=120)
        assert http.get(f"{user}/memories").json()["total"] > 0


@pytest.mark.parametrize("victim", ["service", "valkey", "engine"])
@pytest.mark.timeout(240)
def test_processing_survives_a_kill(serving: Serving, victim: str) -> None:
    """A session that was being processed when a process died is processed once, and its memories are recalled."""
    user = f"/api/v1/users/{victim}-{uuid4()}"
    with serving.client() as http:
        http.post("/api/v1/users", json={"custom_user_id": user.rpartition("/")[2]}).raise_for_status()
        path = f"{user}/sessions/{http.post(f'{user}/sessions', json={}).raise_for_status().json()['session_id']}"
        for number in range(20):
            text = f"I collect stamps of series {number} and I store them in album {number}."
            http.post(f"{path}/add-message", json={"role": "user", "message": text}).raise_for_status()
        http.post(f"{path}/process").raise_for_status()
        serving.kill(victim)

        def answer(method: str, url: str, **arguments: object) -> dict[str, object]:
            try:
                response = http.request(method, url, **arguments)  # type: ignore[arg-type] # what httpx takes
            except httpx.TransportError:
                return {}
            found: dict[str, object] = response.json() if response.status_code == 200 else {}
            return found

        def processed() -> bool:
            session = answer("GET", path).get("session")
            return isinstance(session, dict) and session["status"] == "processed"

        wait_until(processed, "the session is processed", seconds=120)
        memories = http.get(f"{user}/memories", params={"limit": 200}).json()["items"]
        contents = [memory["content"] for memory in memories]
        assert contents
        assert len(set(contents)) == len(contents)

        query = {"query": "In which album are the stamps of series 7?", "kinds": ["memory"]}
        wait_until(
            lambda: answer("POST", f"{user}/recall", json=query).get("items"), "the memories are in the index", seconds=120
        )


@pytest.mark.timeout(240)
def test_a_quiet_session_is_processed_by_itself(serving: Serving, quiet: Quiet) -> None:
    """A minute after its last message and not before, whatever was killed in between; an empty one never."""
    with serving.client() as http:

        def session(session_id: str) -> dict[str, str]:
            found: dict[str, str] = http.get(f"{quiet.path}/sessions/{session_id}").json()["session"]
            return found

        wait_until(lambda: session(quiet.told)["status"] == "processed", "the timer fired", seconds=120)
        (message,) = http.get(f"{quiet.path}/sessions/{quiet.told}/messages").json()["messages"]
        said, processed = (datetime.fromisoformat(time) for time in (message["timestamp"], session(quiet.told)["processed_at"]))
        assert timedelta(minutes=1) <= processed - said
        assert "Comet" in http.get(f"{quiet.path}/memories").json()["items"][0]["content"]
        assert "pending" == session(quiet.empty)["status"]
