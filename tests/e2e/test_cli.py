"""The `mneme` commands beside a running `mneme serve`, and without one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from tests.e2e.serving import PROJECT_ID, ROOT, Serving, wait_until


def mneme(
    data_dir: Path, *words: str, given: str = "", environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command on a data directory, with something on its standard input and more in its *environment*."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MNEME_")}
    return subprocess.run(
        [sys.executable, "-m", "service", *words],
        env={**inherited, "MNEME_DATA_DIR": str(data_dir), **(environment or {})},
        cwd=ROOT,
        capture_output=True,
        input=given,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.fixture(scope="module")
def serving() -> Iterator[Serving]:
    """Serve for these tests alone: some commands are about everything there is."""
    with Serving() as running:
        yield running


@pytest.fixture
def remembered(serving: Serving) -> str:
    """Return the path of a user who has said something that is recalled."""
    user = f"/api/v1/users/{uuid4()}"
    with serving.client() as http:
        http.post("/api/v1/users", json={"custom_user_id": user.rpartition("/")[2]}).raise_for_status()
        session = http.post(f"{user}/sessions", json={}).raise_for_status().json()["session_id"]
        message = {"role": "user", "message": "My parrot is called Figaro."}
        http.post(f"{user}/sessions/{session}/add-message", json=message).raise_for_status()
        wait_until(lambda: recalled(http, user), "the message is in the index")
    return user


def recalled(http: httpx.Client, user: str) -> bool:
    """Return whether the parrot is found."""
    return "Figaro" in http.post(f"{user}/recall", json={"query": "What is the parrot's name?"}).text


def test_a_key_is_good_until_it_is_revoked(serving: Serving) -> None:
    """`keys create` writes a key alone to standard output; it works at once, and stops working with `keys revoke`."""
    made = mneme(serving.data_dir, "keys", "create", "--project", PROJECT_ID, "--name", "laptop")
    headers = {"X-Recallr-Api-Key": made.stdout.strip(), "X-Recallr-Project-Id": PROJECT_ID}
    assert httpx.get(f"{serving.http}/api/v1/users", headers=headers).status_code == 200
    listed = mneme(serving.data_dir, "keys", "list", "--project", PROJECT_ID).stdout
    (key_id,) = [line.split("\t")[0] for line in listed.splitlines() if line.endswith("\tlaptop")]
    assert mneme(serving.data_dir, "keys", "revoke", key_id, "--project", PROJECT_ID).returncode == 0
    assert httpx.get(f"{serving.http}/api/v1/users", headers=headers).status_code == 401


def test_projects_are_apart(serving: Serving) -> None:
    """A user of one project is not found with the key of another."""
    project = f"p-{uuid4()}"
    assert f"{project}\n" == mneme(serving.data_dir, "projects", "create", project, "--name", "second").stdout
    key = mneme(serving.data_dir, "keys", "create", "--project", project).stdout.strip()
    with serving.client() as http:
        http.post("/api/v1/users", json={"custom_user_id": project}).raise_for_status()
    headers = {"X-Recallr-Api-Key": key, "X-Recallr-Project-Id": project}
    assert httpx.get(f"{serving.http}/api/v1/users/{project}", headers=headers).status_code == 404


def test_projects_are_listed_shown_and_changed(serving: Serving) -> None:
    """A created project is in the list, can be shown and changed; a command that needs one now asks which."""
    project = mneme(serving.data_dir, "projects", "create", "--name", "third").stdout.strip()
    assert project in mneme(serving.data_dir, "projects", "list").stdout
    assert '"name": "third"' in mneme(serving.data_dir, "projects", "show", project).stdout
    changed = mneme(serving.data_dir, "projects", "update", project, "--merge-conflicts", "on", "--name", "fourth").stdout
    assert '"merge_conflict_enabled": true' in changed
    assert '"name": "fourth"' in changed
    assert "say which with --project" in mneme(serving.data_dir, "keys", "list").stderr


def test_the_doctor_finds_nothing_wrong(serving: Serving, remembered: str) -> None:
    """`doctor` compares the index with the records and returns 0."""
    assert remembered
    checked = mneme(serving.data_dir, "doctor")
    assert checked.returncode == 0, checked.stdout
    assert "WRONG" not in checked.stdout


def test_a_reindex_brings_everything_back(serving: Serving, remembered: str) -> None:
    """`reindex` empties the index, and a moment later what was said is recalled again."""
    done = mneme(serving.data_dir, "reindex")
    assert done.returncode == 0, done.stderr
    with serving.client() as http:
        wait_until(lambda: recalled(http, remembered), "the message is in the index again")


def test_settings_of_a_project_are_replaced(serving: Serving, tmp_path: Path) -> None:
    """`projects update --settings` takes what `projects show` writes, other options change one thing, a bad file nothing."""
    project = mneme(serving.data_dir, "projects", "create").stdout.strip()
    wanted = {
        "categories": [{"name": "pets", "description": "Animals."}],
        "guidance": {"exclusion_instructions": "No health.", "excluded_keywords": ["salary"]},
    }
    file = tmp_path / "settings.json"
    file.write_text(json.dumps(wanted))
    done = mneme(serving.data_dir, "projects", "update", project, "--settings", str(file), "--retention-days", "30")
    shown = json.loads(done.stdout)["settings"]
    assert (wanted["categories"], ["salary"], 30) == (
        shown["categories"],
        shown["guidance"]["excluded_keywords"],
        shown["retention_days"],
    )
    file.write_text(json.dumps({"categories": [{"name": "Not a name"}]}))
    failed = mneme(serving.data_dir, "projects", "update", project, "--settings", str(file))
    assert (1, True) == (failed.returncode, failed.stderr.startswith("mneme: categories[0].name: "))
    file.write_text(json.dumps(shown))
    assert shown == json.loads(mneme(serving.data_dir, "projects", "update", project, "--settings", str(file)).stdout)["settings"]


def test_an_export_is_imported_the_same(serving: Serving, remembered: str) -> None:
    """Into another project: by the lines of `export` as by those of the REST API, and a third export equals the first."""
    user_id = remembered.rpartition("/")[2]
    exported = mneme(serving.data_dir, "export", user_id, "--project", PROJECT_ID).stdout
    with serving.client() as http:
        rest = http.get(f"{remembered}/export").raise_for_status().text
    for archive in (exported, rest):
        project = mneme(serving.data_dir, "projects", "create").stdout.strip()
        done = mneme(serving.data_dir, "import", "--project", project, given=archive)
        assert f"user {user_id}: 1 sessions, 1 messages, 0 memories" in done.stderr
        assert exported == mneme(serving.data_dir, "export", user_id, "--project", project).stdout


def test_a_bad_line_is_named(serving: Serving, remembered: str) -> None:
    """`import` says which line is wrong, imports nothing and returns 1."""
    user_id = remembered.rpartition("/")[2]
    exported = mneme(serving.data_dir, "export", user_id, "--project", PROJECT_ID).stdout
    project = mneme(serving.data_dir, "projects", "create").stdout.strip()
    failed = mneme(serving.data_dir, "import", "--project", project, given=exported.replace('"role":"user"', '"role":"person"'))
    assert (1, True) == (failed.returncode, failed.stderr.startswith("mneme: line 3: "))
    assert f"mneme: User {user_id} not found\n" == mneme(serving.data_dir, "export", user_id, "--project", project).stderr


def test_health_is_the_exit_code(serving: Serving) -> None:
    """`health` returns 0 for a service that serves and 1 for one that is not there."""
    codes = [mneme(serving.data_dir, "health", address).returncode for address in (serving.grpc, "127.0.0.1:1")]
    assert [0, 1] == codes


def test_commands_bring_their_own_engines(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Where no `mneme serve` runs, `projects create` and `projects list` work on the data directory all the same."""
    data_dir = tmp_path_factory.mktemp("data")
    assert "alone\n" == mneme(data_dir, "projects", "create", "alone").stdout
    assert mneme(data_dir, "projects", "list").stdout.startswith("alone\t")


def test_a_missing_thing_is_one_line(serving: Serving) -> None:
    """A command that fails says why in one line and returns 1."""
    failed = mneme(serving.data_dir, "projects", "show", "no-such-project")
    assert (1, "mneme: Project no-such-project not found\n") == (failed.returncode, failed.stderr)
