"""``flexmeasures pms import-registry``."""

from __future__ import annotations

from collections.abc import Callable
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
