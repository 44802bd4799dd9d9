"""Settings."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta
from pathlib import Path

import pytest

from service.settings import InvalidSetting, Settings, settings_table


def test_an_empty_environment_is_enough() -> None:
    """Everything has a default, and an empty variable counts as unset."""
    assert Settings() == Settings.from_environment({}) == Settings.from_environment({"MNEME_BUCKETS": ""})


def test_variables_are_read_as_what_they_mean() -> None:
    """Paths, numbers, spans of time."""
    environ = {"MNEME_DATA_DIR": "/data", "MNEME_BUCKETS": "256", "MNEME_CALL_TIMEOUT_SECONDS": "1.5"}
    settings = Settings.from_environment(environ)
    assert (Path("/data"), 256, timedelta(seconds=1.5)) == (settings.data_dir, settings.buckets, settings.call_timeout)


@pytest.mark.parametrize(
    ("variable", "value"),
    [("MNEME_BUCKETS", "0"), ("MNEME_WORKERS", "many"), ("MNEME_CALL_TIMEOUT_SECONDS", "nan"), ("MNEME_LOG_LEVEL", "loud")],
)
def test_a_wrong_value_is_named_by_its_variable(variable: str, value: str) -> None:
    """And not repeated."""
    with pytest.raises(InvalidSetting, match=variable) as caught:
        Settings.from_environment({variable: value})
    assert value not in str(caught.value).replace(variable, "").split()


def test_secrets_are_not_shown() -> None:
    """Neither keys nor addresses that may hold passwords."""
    environ = dict.fromkeys(("MNEME_REDIS_URL", "MNEME_QDRANT_API_KEY", "MNEME_BOOTSTRAP_API_KEY", "MNEME_KEY_PEPPER"), "canary")
    assert "canary" not in repr(Settings.from_environment(environ))


def test_every_setting_is_documented() -> None:
    """One row each."""
    rows = settings_table().splitlines()[2:]
    assert [one.metadata["variable"] for one in fields(Settings)] == [row.split("`")[1] for row in rows]
