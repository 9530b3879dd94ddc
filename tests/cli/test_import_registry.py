"""``flexmeasures pms import-registry``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import Organisation
from flask.testing import FlaskCliRunner
from support.commands import Command, Failure, RegistryOf

Write = Callable[..., Path]

HEADER = ",".join(
    ["pack.id", "board.id", "fet.board.id", *(f"cell.id.{n}" for n in range(1, 15)), "pms.id"]
)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a registry file of (case, board, PMS) lines."""

    def run(*lines: tuple[str, str, str]) -> Path:
        rows = (f"{case},{board},F{case}{',' * 15}{pms}" for case, board, pms in lines)
        path = tmp_path / "cases.csv"
        path.write_text("\n".join([HEADER, *rows]) + "\n")
        return path

    return run


@pytest.fixture
def owner(
    organisation: Organisation, other_organisation: Organisation, nobody_else: None
) -> Organisation:
    """An organisation on a server with several, of which none has anything registered."""
    return organisation


def test_a_file_is_imported_once_and_its_name_is_in_the_transactions(
    pms: Command, owner: Organisation, write: Write
) -> None:
    file = write(("0241", "B1", "P1"), ("0242", "B2", "P1"))
    first = pms("import-registry", file, "--account", owner.id).stdout
    assert "Line 2: Registered case 0241 and 3 other things with it." in first
    assert "2 lines: 2 changed the registry, 0 say what it has." in first
    assert "cases.csv" in pms("history", "0241").stdout
    again = pms("import-registry", file).stdout
    assert again == "2 lines: 0 changed the registry, 2 say what it has.\n"


def test_a_dry_run_shows_what_would_change(
    pms: Command, owner: Organisation, write: Write, registry_of: RegistryOf
) -> None:
    file = write(("0241", "B1", "P1"))
    shown = pms("import-registry", file, "--account", owner.id, "--dry-run").stdout
    assert "Registered case 0241" in shown
    assert "1 would change the registry" in shown
    assert not registry_of(owner).entries


def test_all_faulty_lines_are_reported_and_nothing_is_imported(
    runner: FlaskCliRunner, owner: Organisation, write: Write, registry_of: RegistryOf
) -> None:
    file = write(("0241", "B1", "P1"), ("", "B2", "P1"), ("0243", "0241", "P1"))
    args = ["pms", "import-registry", str(file), "--account", str(owner.id)]
    result = runner.invoke(args=args)
    assert result.exit_code == 1
    assert [line.split(":")[0] for line in result.stderr.splitlines()] == [
        "Line 3",
        "Line 4",
        "Error",
    ]
    assert "Nothing was imported: 2 of 3 lines are faulty." in result.stderr
    assert not registry_of(owner).entries
    result = runner.invoke(args=[*args, "--skip-faulty"])
    assert result.exit_code == 0
    assert "3 lines: 1 changed the registry, 0 say what it has, 2 skipped." in result.stdout


def test_a_file_goes_to_the_organisation_that_has_its_pms(
    pms: Command,
    fails: Failure,
    owner: Organisation,
    other_organisation: Organisation,
    write: Write,
    registry_of: RegistryOf,
) -> None:
    file = write(("0241", "B1", "P1"))
    assert "--account" in fails("import-registry", file)
    pms("register-pms", "P1", "--account", owner.id)
    pms("import-registry", file)
    assert registry_of(owner).find("case", "0241") is not None
    pms("register-pms", "P1", "--account", other_organisation.id)
    assert "--account" in fails("import-registry", file)
    version = registry_of(owner).version
    pms("import-registry", file, "--account", other_organisation.id)
    assert registry_of(other_organisation).find("case", "0241") is not None
    assert registry_of(owner).version == version


def test_a_file_that_is_none_fails_in_one_line(
    fails: Failure, owner: Organisation, tmp_path: Path
) -> None:
    file = tmp_path / "empty.csv"
    file.touch()
    assert "lacks columns" in fails("import-registry", file, "--account", owner.id)
    assert "does not exist" in fails("import-registry", tmp_path / "none.csv")


def test_a_file_from_a_spreadsheet_is_refused_and_says_what_to_do(
    pms: Command, runner: FlaskCliRunner, owner: Organisation, write: Write, registry_of: RegistryOf
) -> None:
    pms("import-registry", write(("0241", "B1", "P1"), ("0242", "B2", "P1")), "--account", owner.id)
    before = registry_of(owner).version
    file = write(("241", "B1", "P1"), ("242", "B2", "P1"))
    result = runner.invoke(args=["pms", "import-registry", str(file)])
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "Line 2: '241' differs from the known case 0241 only by leading zeros.",
        "Line 3: '242' differs from the known case 0242 only by leading zeros.",
        "Error: Nothing was imported: 2 of 2 lines are faulty. Spreadsheets drop leading zeros: "
        "write ids as they are registered, or give --allow-similar-ids if these are other things.",
    ]
    assert registry_of(owner).version == before
    assert "2 lines: 2 changed" in pms("import-registry", file, "--allow-similar-ids").stdout


def test_an_incomplete_line_is_refused_unless_lines_may_be_short(
    pms: Command, runner: FlaskCliRunner, owner: Organisation, tmp_path: Path
) -> None:
    file = tmp_path / "cases.csv"
    file.write_text(f"{HEADER}\n0241,B1,F1{',' * 15}P1\n0242,B2")
    args = ["pms", "import-registry", str(file), "--account", str(owner.id)]
    result = runner.invoke(args=args)
    assert result.exit_code == 1
    assert "Line 3: 2 fields of 18: the line is incomplete." in result.stderr
    assert "2 lines: 2 changed" in pms(*args[1:], "--short-lines").stdout


def test_planned_lines_need_the_option(
    pms: Command, runner: FlaskCliRunner, owner: Organisation, tmp_path: Path
) -> None:
    file, later = tmp_path / "cases.csv", datetime.now(UTC) + timedelta(days=30)
    file.write_text(f"{HEADER},valid_from\n0241,B1,F1{',' * 15}P1,{later.isoformat()}\n")
    args = ["import-registry", file, "--account", owner.id]
    pms(*args, "--planned", "--dry-run")
    refused = runner.invoke(args=["pms", *map(str, args)])
    assert refused.exit_code == 1
    assert "Line 2: valid_from: " in refused.stderr and "is in the future" in refused.stderr
