"""``flexmeasures pms`` in processes of its own: two upgrades at once, and what a script reads."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.elsewhere import elsewhere
from support.starter import Command, flexmeasures

from flexmeasures_pms.migrations import schema

Start = Callable[..., Command]


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

    def start(*words: str) -> Command:
        environment = {**os.environ, "HOME": str(tmp_path), "FLEXMEASURES_ENV": "production"}
        return flexmeasures(tmp_path, environment, "pms", *words)

    return start


def wait_until_it_says(command: Command, text: str) -> None:
    """Wait until a command has printed a text."""
    deadline = time.monotonic() + 120
    while text not in command.stdout:
        assert time.monotonic() < deadline, command.stderr
        time.sleep(0.05)


def finished(command: Command) -> tuple[int, str]:
    """Return the exit code, and standard output; what FlexMeasures says goes elsewhere."""
    code, out, err = command.wait(), command.stdout, command.stderr
    assert "Traceback" not in out + err, err
    assert "Starting FlexMeasures" in err
    return code, out


def test_of_two_at_once_one_upgrades_and_the_other_has_nothing_to_do(
    uri: str, start: Start
) -> None:
    with elsewhere(uri, "SELECT pg_advisory_xact_lock(hashtext('pms_db_upgrade'))") as lock:
        both = [start("db", "upgrade") for _ in range(2)]
        for command in both:
            wait_until_it_says(command, "is running: waiting for it")
        lock.rollback()
        ends = sorted((code, out.partition("\n")[2]) for code, out in map(finished, both))
    head = schema.head()
    assert ends == [
        (0, f"The tables of flexmeasures-pms are at revision {head} already: nothing to do.\n"),
        (0, f"The tables of flexmeasures-pms are at revision {head} now.\n"),
    ]

    # The tables are there now: what a script gets is JSON from the first character on.
    assert finished(start("quarantine", "list", "--json")) == (0, "[]\n")
