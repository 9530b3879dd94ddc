"""The demo maintains its database every hour, and stops that when it stops."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from flexmeasures_pms.demo import maintenance
from flexmeasures_pms.demo.maintenance import maintained

SAYS = (sys.executable, "-c", "import os; print(os.environ['WHERE'], flush=True)")
STAYS = (sys.executable, "-c", "import time; print('begun', flush=True); time.sleep(600)")


def said(log: Path) -> str:
    """What the command has said, once it has said anything."""
    for _ in range(600):
        if log.exists() and (text := log.read_text().strip()):
            return text
        time.sleep(0.05)
    return ""


def test_it_runs_the_command_with_the_demos_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintenance, "FIRST_SECONDS", 0.0)
    with maintained(tmp_path, {"WHERE": "here"}, SAYS):
        assert said(tmp_path / "maintain.log") == "here"


def test_a_run_ends_with_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintenance, "FIRST_SECONDS", 0.0)
    with maintained(tmp_path, {}, STAYS):
        assert said(tmp_path / "maintain.log") == "begun"
