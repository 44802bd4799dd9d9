"""The inactivity timer, as the oldest clients set it: in minutes, without a floor."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.e2e.serving import Serving, wait_until


@pytest.mark.timeout(180)
def test_a_quiet_session_is_processed_by_itself(serving: Serving) -> None:
    """
    A session with a minute of patience is processed a minute after its last message, whatever was stopped in between.

    One minute is the shortest that the contract allows, and nothing but a clock can make it pass.
    """
    user = f"/api/v1/users/{uuid4()}"
    with serving.client() as http:
        http.post("/api/v1/users", json={"custom_user_id": user.rpartition("/")[2]}).raise_for_status()
        session = http.post(f"{user}/sessions", json={"auto_process_after_minutes": 1}).raise_for_status().json()["session_id"]
        empty = http.post(f"{user}/sessions", json={"auto_process_after_minutes": 1}).raise_for_status().json()["session_id"]
        message = {"role": "user", "message": "I adopted a greyhound called Comet."}
        http.post(f"{user}/sessions/{session}/add-message", json=message).raise_for_status()
    assert 0 == serving.stop()
    serving.start()
    with serving.client() as http:

        def status(session_id: str) -> str:
            return str(http.get(f"{user}/sessions/{session_id}/status").json()["status"])

        assert "pending" == status(session)
        wait_until(lambda: status(session) == "processed", "the timer fired", seconds=120)
        assert "Comet" in http.get(f"{user}/memories").json()["items"][0]["content"]
        assert "pending" == status(empty)
