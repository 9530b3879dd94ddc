import contextlib
from pathlib import Path
from unittest import mock

import pytest
from click.testing import CliRunner

from flexmeasures_pms.demo import printout, run, store
from flexmeasures_pms.demo.__main__ import main
from flexmeasures_pms.demo.account import ServerError
from flexmeasures_pms.demo.process import only_user


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "demo"
    with only_user(folder):
        (folder / "access.json").touch()
    return folder


def clean(folder: Path) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["clean", "--data-dir", str(folder)])
    return result.exit_code, result.output


def test_clean_removes_the_data_and_can_be_run_twice(data_dir: Path) -> None:
    assert clean(data_dir)[0] == 0
    assert not data_dir.exists()
    code, output = clean(data_dir)
    assert code == 0
    assert "nothing" in output


def test_clean_leaves_a_running_demo_alone(data_dir: Path) -> None:
    with only_user(data_dir):
        code, output = clean(data_dir)
    assert code == 1
    assert "in use" in output
    assert (data_dir / "access.json").exists()


def test_clean_leaves_other_folders_alone(tmp_path: Path) -> None:
    (tmp_path / "diary.txt").touch()
    code, output = clean(tmp_path)
    assert code == 1
    assert "not a demo's data" in output
    assert (tmp_path / "diary.txt").exists()


@pytest.mark.parametrize("command", ["demo", "clean"])
def test_each_command_shows_an_example(command: str) -> None:
    result = CliRunner().invoke(main, [command, "--help"])
    assert result.exit_code == 0
    assert f"Example: flexmeasures-pms {command}" in " ".join(result.output.split())


def test_clean_takes_a_folder_named_from_here(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(data_dir.parent)
    assert clean(Path(data_dir.name))[0] == 0
    assert not data_dir.exists()


@pytest.mark.parametrize(
    ("error", "trace"), [(ServerError("no PostgreSQL"), False), (ValueError("odd"), True)]
)
def test_what_fails_is_in_the_log_and_named_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, trace: bool
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(run, "started", fail)
    result = CliRunner().invoke(main, ["demo", "--data-dir", str(tmp_path)])
    log = tmp_path / "demo.log"
    assert result.exit_code == 1
    assert str(error) in result.output
    assert f"The log is {log}" in result.output
    assert "Traceback" not in result.output
    text = log.read_text()
    assert str(error) in text
    assert ("Traceback" in text) is trace


def test_a_web_server_that_ends_by_itself_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    demo = mock.Mock(data_dir=tmp_path)
    demo.process.poll.return_value = 3
    monkeypatch.setattr(run, "started", lambda *_: contextlib.nullcontext(demo))
    monkeypatch.setattr(printout, "welcome", lambda *_: "the password is secret")
    monkeypatch.setattr(store, "history", lambda *_: mock.Mock())
    result = CliRunner().invoke(main, ["demo", "--no-simulate", "--data-dir", str(tmp_path)])
    assert result.exit_code == 1
    assert "FlexMeasures has stopped (exit code 3): see" in result.output
    assert "secret" in result.output
    assert "secret" not in (tmp_path / "demo.log").read_text()
