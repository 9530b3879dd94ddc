"""What is said when FlexMeasures starts with the plugin, in one line each, also in production."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import make_url
from support.starter import Command, flexmeasures

from flexmeasures_pms import config
from flexmeasures_pms.errors import ConfigError
from flexmeasures_pms.serving.start import UNUSABLE, read_settings


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("PMS_RECEIPT_DAY", "PMS_RECEIPT_DAYS"),
        ("PMS_RECIEPT_DAYS", "PMS_RECEIPT_DAYS"),
        ("PMS_MAX_BODYBYTES", "PMS_MAX_BODY_BYTES"),
        ("PSM_RECEIPT_DAYS", "PMS_RECEIPT_DAYS"),
        ("FLEXMEASURES_PMS_RECEIPT_DAYS", "PMS_RECEIPT_DAYS"),
    ],
)
def test_a_name_that_is_nearly_a_setting_is_said(name: str, meant: str) -> None:
    (line,) = config.without_effect({name: 1}, {})
    assert line.startswith(f"{name} is no setting of flexmeasures-pms")
    assert line.endswith(f"did you mean {meant}?")
    assert list(config.unknown({name: 1})) == []


@pytest.mark.parametrize("name", ["PMS_REPORTS_DIR", "PMS_REPORT_DAYS", "PMS_COLOUR_OF_CELLS"])
def test_of_another_name_that_begins_like_a_setting_is_said_that_it_has_no_effect_here(
    name: str,
) -> None:
    assert list(config.without_effect({name: 1}, {name: "1"})) == []
    (line,) = config.unknown({name: 1, "PMS_RECEIPT_DAYS": 3})
    assert line == f"{name} is no setting of flexmeasures-pms: it has no effect here."


def test_a_setting_of_another_plugin_may_end_like_one_of_ours() -> None:
    for name in ("OTHER_PMS_RECORDING", "S2_PMS_INGEST_MODE"):
        assert list(config.without_effect({name: 1}, {})) == []
        assert list(config.unknown({name: 1})) == []


def test_nothing_is_said_of_settings_and_of_what_is_none_of_ours(app: Flask) -> None:
    assert list(config.without_effect(app.config, {})) == []
    assert list(config.without_effect({"PMS_RECEIPT_DAYS": 3}, {"PMS_RECEIPT_DAYS": "4"})) == []
    assert list(config.without_effect({}, {"PMS_FUZZ_TIMES": "4", "HOME": "/"})) == []


def test_a_setting_in_the_environment_is_said() -> None:
    (line,) = config.without_effect({}, {"PMS_RECEIPT_DAYS": "4"})
    assert "environment variable PMS_RECEIPT_DAYS has no effect" in line
    assert "write PMS_RECEIPT_DAYS = " in line


def test_all_wrong_values_are_said_at_once() -> None:
    wrong = {"PMS_RECEIPT_DAYS": "a week", "PMS_MAX_SAMPLES": 0, "PMS_INGEST_MODE": "queue"}
    with pytest.raises(ConfigError) as caught:
        config.read(wrong | {"PMS_LATE_AFTER": 60})
    lines = str(caught.value).splitlines()
    assert sorted(wrong) == sorted(re.findall("PMS_[A-Z_]+", " ".join(lines)))


def test_a_wrong_value_ends_the_start_with_one_line(caplog: pytest.LogCaptureFixture) -> None:
    app = Flask("wrong")
    app.config.update(PMS_RECEIPT_DAYS="x" * 10_000)
    with pytest.raises(SystemExit) as ended:
        read_settings(app)
    assert ended.value.code == UNUSABLE
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert len(record.getMessage()) < 250


def start(home: Path, settings: dict[str, Any], *words: str) -> Command:
    """Run a ``flexmeasures`` command in production, as a process of its own."""
    lines = [f"{name} = {value!r}\n" for name, value in settings.items()]
    (home / ".flexmeasures.cfg").write_text("".join(lines))
    environment = {**os.environ, "HOME": str(home), "FLEXMEASURES_ENV": "production"}
    return flexmeasures(home, environment, *words)


def test_missing_tables_and_typing_errors_are_said_in_productions_log(
    tmp_path: Path, database_uri: str
) -> None:
    empty = make_url(database_uri).set(database="postgres")
    settings = {
        "SQLALCHEMY_DATABASE_URI": empty.render_as_string(hide_password=False),
        "FLEXMEASURES_PLUGINS": ["flexmeasures_pms"],
        "SECRET_KEY": "secret",
        "SECURITY_TWO_FACTOR": False,
        "PMS_RECEIPT_DAY": 3,
    }
    ended = start(tmp_path, settings, "pms", "tree")
    assert ended.wait() == 1
    logged = [line for line in ended.stderr.splitlines() if "ERROR" in line]
    errors = [line for line in logged if "flexmeasures-pms" in line]
    assert len(errors) == 2, ended.stderr
    assert "did you mean PMS_RECEIPT_DAYS?" in errors[0]
    assert "are missing: run `flexmeasures pms db upgrade`" in errors[1]
    assert "Traceback" not in ended.stderr

    ended = start(tmp_path, settings | {"PMS_MAX_SAMPLES": 0}, "pms", "tree")
    assert ended.wait() == UNUSABLE
    (line,) = [line for line in ended.stderr.splitlines() if "PMS_MAX_SAMPLES" in line]
    assert "ERROR" in line
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""
