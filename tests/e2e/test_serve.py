"""`mneme serve`: what it starts, says, keeps and refuses."""

from __future__ import annotations

import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.serving import API_KEY, BOOTSTRAP, CREDENTIALS, PROJECT_ID, Serving, wait_until

CONNECTIONS, CONNECTED = Path("/proc/net/unix"), "03"
CHILDREN = {"valkey", "engine", "service", "gateway"}


@pytest.fixture
def fresh() -> Iterator[Serving]:
    """Return a data directory on which nothing was started; what a test starts is stopped after it."""
    serving = Serving()
    yield serving
    serving.stop()
    shutil.rmtree(serving.data_dir)


@pytest.fixture
def fresh_random() -> Iterator[Serving]:
    """Return the same without a chosen project and key."""
    serving = Serving(environment={})
    yield serving
    serving.stop()
    shutil.rmtree(serving.data_dir)


def test_it_runs_four_children(serving: Serving) -> None:
    """Valkey, the vector engine, the service and the gateway are its children."""
    assert CHILDREN == set(serving.children())


def test_it_says_that_it_is_ready(serving: Serving) -> None:
    """/healthz and /readyz answer 200 once the addresses are written."""
    assert [200, 200] == [httpx.get(f"{serving.http}{path}").status_code for path in ("/healthz", "/readyz")]


def test_the_chosen_ports_are_written_down(serving: Serving) -> None:
    """addresses.json holds exactly the HTTP URL and the gRPC address, with the ports that were chosen."""
    assert {"http", "grpc"} == set(serving.addresses())
    assert re.fullmatch(r"http://127\.0\.0\.1:[1-9]\d*", serving.http)
    assert re.fullmatch(r"127\.0\.0\.1:[1-9]\d*", serving.grpc)


@pytest.mark.skipif(not CONNECTIONS.exists(), reason="the kernel does not list the sockets")
def test_the_gateway_calls_the_service_on_its_socket(serving: Serving, http: httpx.Client) -> None:
    """The connection over which it did is there, at the end that has a name: that of the service."""
    assert 200 == http.get("/api/v1/users").status_code
    connected = {line.split()[-1] for line in CONNECTIONS.read_text().splitlines() if line.split()[5] == CONNECTED}
    assert {str(serving.data_dir / "run" / name) for name in ("calls.sock", "index.sock", "valkey.sock")} <= connected


def test_the_banner_names_everything(serving: Serving) -> None:
    """The banner holds both addresses, the project and the key."""
    banner = serving.output.read_text()
    for word in (serving.http, serving.grpc, PROJECT_ID, API_KEY):
        assert word in banner


def test_the_key_is_shown_once_and_stays_good(fresh_random: Serving) -> None:
    """The first start shows a random key; the second start of the same data shows none, and the key still works."""
    fresh_random.start()
    first = fresh_random.output.read_text()
    keys = set(re.findall(r"rai_[A-Za-z0-9_-]+", first))
    assert 1 == len(keys)
    assert 0 == fresh_random.stop()
    fresh_random.start()
    second = fresh_random.output.read_text().removeprefix(first)
    assert "rai_" not in second
    (project,) = set(re.findall(r"project +(\S+)", second))
    headers = {"X-Recallr-Api-Key": keys.pop(), "X-Recallr-Project-Id": project}
    assert 200 == httpx.get(f"{fresh_random.http}/api/v1/users", headers=headers).status_code


def test_the_key_reaches_no_log(fresh_random: Serving) -> None:
    """Standard error never holds the key that standard output shows."""
    fresh_random.start()
    (key,) = set(re.findall(r"rai_[A-Za-z0-9_-]+", fresh_random.output.read_text()))
    assert key not in fresh_random.log.read_text()


def test_the_lines_of_the_banner_work_when_pasted(fresh_random: Serving) -> None:
    """The curl line answers with a list of users, the Python lines print the message that they stored."""
    fresh_random.start()
    banner = fresh_random.output.read_text()
    (curl,) = re.findall(r"^curl .*$", banner, re.MULTILINE)
    answer = subprocess.run(shlex.split(curl), capture_output=True, text=True, check=True, timeout=60).stdout
    assert '"users":[]' in answer
    snippet = banner[banner.index("import os") :]
    printed = subprocess.run([sys.executable, "-c", snippet], capture_output=True, text=True, check=True, timeout=60).stdout
    assert "I moved to Lisbon in May and I am allergic to peanuts.\n" == printed


def test_everything_is_there_after_a_restart(fresh: Serving) -> None:
    """A stop and a start later the user, the session and the message are what they were."""
    fresh.start()
    with fresh.client() as http:
        user = http.post("/api/v1/users", json={"custom_user_id": "ada", "metadata": {"a": [1, {"b": None}]}}).json()
        session = http.post("/api/v1/users/ada/sessions", json={}).json()["session"]
        path = f"/api/v1/users/ada/sessions/{session['session_id']}"
        http.post(f"{path}/add-message", json={"role": "user", "message": "Hello, Mneme. \U0001f98e"}).raise_for_status()
        messages = http.get(f"{path}/messages").json()
    assert 0 == fresh.stop()
    fresh.start()
    with fresh.client() as http:
        after = http.get("/api/v1/users/ada").json()
        assert user["user"]["metadata"] == after["user"]["metadata"]
        assert user["user"]["created_at"] == after["user"]["created_at"]
        assert messages == http.get(f"{path}/messages").json()


def test_a_stop_leaves_nothing_behind(fresh: Serving) -> None:
    """SIGTERM ends everything with exit code 0; no child and no addresses.json stays."""
    fresh.start()
    pids = fresh.children().values()
    assert 0 == fresh.stop()
    assert not fresh.addresses()
    assert [] == [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def test_a_second_one_on_the_same_data_is_refused(serving: Serving) -> None:
    """The second ends with 1 and a sentence that names the directory; the first goes on."""
    second = Serving(data_dir=serving.data_dir)
    process = second.launch()
    assert 1 == process.wait(60)
    assert f"{serving.data_dir} is in use by another process" in serving.log.read_text()
    assert 200 == httpx.get(f"{serving.http}/readyz").status_code


@pytest.mark.parametrize("variable", ["MNEME_HTTP_LISTEN", "MNEME_GRPC_LISTEN"])
def test_a_taken_port_is_a_clear_error(fresh: Serving, variable: str) -> None:
    """It ends with 1, names the address and the variable, and does not try for ever."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        fresh.environment = {**BOOTSTRAP, variable: taken}
        assert 1 == fresh.launch().wait(60)
    assert f"{taken} is in use by another program: stop it, or set {variable}" in fresh.log.read_text()


def test_a_port_is_kept_when_a_child_is_restarted(serving: Serving) -> None:
    """After the death of service and gateway the same addresses answer again."""
    before = serving.addresses()
    for name in ("service", "gateway"):
        serving.kill(name)

    def answers() -> bool:
        try:
            return httpx.get(f"{before['http']}/api/v1/users", headers=CREDENTIALS).status_code == 200
        except httpx.TransportError:
            return False

    wait_until(answers, "the gateway answers again")
    assert before == serving.addresses()


def test_a_long_data_directory_still_has_sockets(fresh: Serving) -> None:
    """Where the path is too long for a Unix socket, the sockets lie in a short directory for this user only."""
    fresh.data_dir = fresh.data_dir / ("long" * 30)
    fresh.data_dir.mkdir()
    fresh.start()
    assert CHILDREN == set(fresh.children())
    assert 0 == fresh.stop()
    long = fresh.data_dir
    fresh.data_dir = long.parent
