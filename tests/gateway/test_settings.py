"""The settings of the gateway and how they are read."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import timedelta

import pytest

from gateway.settings import Address, InvalidSetting, Settings, documented_settings


def test_empty_environment_is_the_default() -> None:
    """Nothing has to be set, and an empty variable is not set."""
    assert Settings() == Settings.from_environment({}) == Settings.from_environment({"MNEME_HTTP_LISTEN": ""})


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("0.0.0.0:80", Address(host="0.0.0.0", port=80)),  # noqa: S104 - a row
        ("[::1]:8080", Address(host="::1", port=8080)),
        (":0", Address(host="127.0.0.1", port=0)),
    ],
)
def test_listen(text: str, address: Address) -> None:
    """An address is a host and a port; a missing host is this machine alone."""
    assert address == Settings.from_environment({"MNEME_HTTP_LISTEN": text}).listen


def test_durations_are_seconds() -> None:
    """A duration is given in seconds, fractions allowed."""
    assert timedelta(milliseconds=500) == Settings.from_environment({"MNEME_HTTP_KEEP_ALIVE_SECONDS": "0.5"}).keep_alive


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("MNEME_HTTP_LISTEN", "8080"),
        ("MNEME_HTTP_LISTEN", "localhost:http"),
        ("MNEME_HTTP_LISTEN", "localhost:70000"),
        ("MNEME_HTTP_MAX_BODY_BYTES", "8MB"),
        ("MNEME_HTTP_MAX_BODY_BYTES", "0"),
        ("MNEME_HTTP_CALL_TIMEOUT_SECONDS", "-1"),
        ("MNEME_HTTP_CALL_TIMEOUT_SECONDS", "nan"),
        ("MNEME_LOG_LEVEL", "loud"),
    ],
)
def test_wrong_setting_is_named(name: str, text: str) -> None:
    """A variable that its setting cannot be is named, with its value."""
    with pytest.raises(InvalidSetting, match=f"{name}='{text}'"):
        Settings.from_environment({name: text})


def test_every_setting_is_documented() -> None:
    """The table has a name, a default and a meaning for each setting, and its defaults are those that are used."""
    rows = documented_settings()

    assert Settings() == Settings.from_environment({row.name: row.default for row in rows})
    assert all(row.name.startswith("MNEME_") and row.meaning.endswith(".") for row in rows)


def test_process_says_where_it_listens_and_stops_when_told() -> None:
    """`python -m gateway` prints one line of JSON when it is ready, and ends with 0 on SIGTERM."""
    environment = {**os.environ, "MNEME_HTTP_LISTEN": "127.0.0.1:0", "MNEME_HTTP_DRAIN_SECONDS": "1"}
    with subprocess.Popen([sys.executable, "-m", "gateway"], env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()

    assert ("listening", True, "", 0) == (line["event"], line["http"].startswith("http://127.0.0.1:"), rest, process.returncode)


def test_process_names_a_wrong_setting() -> None:
    """A wrong setting is one line on standard error and a failure."""
    environment = {**os.environ, "MNEME_HTTP_LISTEN": "nowhere"}
    ended = subprocess.run([sys.executable, "-m", "gateway"], env=environment, capture_output=True, text=True, check=False)

    assert (1, 1) == (ended.returncode, len(ended.stderr.strip().splitlines()))
