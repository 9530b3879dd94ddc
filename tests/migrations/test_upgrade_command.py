"""``flexmeasures pms`` in processes of its own: two upgrades at once, and what a script reads."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.elsewhere import elsewhere

from flexmeasures_pms.migrations import schema

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(uri: str, tmp_path: Path) -> Start:
    """Start ``flexmeasures pms`` with some words at this database."""
    settings = {
        "SQLALCHEMY_DATABASE_URI": uri,
        "SECRET_KEY": "a secret",
        "FLEXMEASURES_PLUGINS": ["flexmeasures_pms"],
        "FLEXMEASURES_CREATE_TEMPLATE_ASSETS_ON_STARTUP": False,
        "SECURITY_TWO_FACTOR": False,
    }
    config = "".join(f"{name} = {value!r}\n" for name, value in settings.items())
    (tmp_path / ".flexmeasures.cfg").write_text(config)

    def start(*words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(Path(sys.executable).with_name("flexmeasures")), "pms", *words],
            env={**os.environ, "HOME": str(tmp_path), "FLEXMEASURES_ENV": "production"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
        )

    return start


def finished(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Return the exit code, and standard output; what FlexMeasures says goes elsewhere."""
    out, err = process.communicate(timeout=120)
    assert "Traceback" not in out + err, err
    assert "Starting FlexMeasures" in err
    return process.returncode, out


def test_of_two_at_once_one_upgrades_and_the_other_has_nothing_to_do(
    uri: str, start: Start
) -> None:
    with elsewhere(uri, "SELECT pg_advisory_xact_lock(hashtext('pms_db_upgrade'))") as lock:
        both = [start("db", "upgrade") for _ in range(2)]
        for process in both:
            assert process.stdout is not None
            assert any("is running: waiting for it" in line for line in process.stdout)
        lock.rollback()
        ends = sorted(finished(process) for process in both)
    head = schema.head()
    assert ends == [
        (0, f"The tables of flexmeasures-pms are at revision {head} already: nothing to do.\n"),
        (0, f"The tables of flexmeasures-pms are at revision {head} now.\n"),
    ]

    # The tables are there now: what a script gets is JSON from the first character on.
    assert finished(start("quarantine", "list", "--json")) == (0, "[]\n")
