"""``flexmeasures pms import-registry``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from unittest import mock

import click
import pytest
from conftest import Organisation
from flask import Flask
from flask.testing import FlaskCliRunner
from support.commands import Command, Failure, RegistryOf

from flexmeasures_pms.cli import import_registry
from flexmeasures_pms.cli.blueprint import Commands
from flexmeasures_pms.cli.consent import agree
from flexmeasures_pms.registry.importing import importer

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
    first = pms("import-registry", file, "--account", owner.id, "--yes").stdout
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
    assert "Line 2: Would register case 0241 and 3 other things with it." in shown
    assert "1 would change the registry" in shown
    assert not registry_of(owner).entries


def test_all_faulty_lines_are_reported_and_nothing_is_imported(
    runner: FlaskCliRunner, owner: Organisation, write: Write, registry_of: RegistryOf
) -> None:
    file = write(("0241", "B1", "P1"), ("", "B2", "P1"), ("0243", "0241", "P1"))
    args = ["pms", "import-registry", str(file), "--account", str(owner.id)]
    result = runner.invoke(args=args)
    assert result.exit_code == 1
    begins = (line for line in result.stderr.splitlines() if not line.startswith(" "))
    assert [line.split(":")[0] for line in begins] == [
        "Line 3",
        "Line 4",
        "Error",
    ]
    assert "Nothing was imported: 2 of 3 lines are faulty." in result.stderr
    assert not registry_of(owner).entries
    result = runner.invoke(args=[*args, "--skip-faulty", "--yes"])
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
    pms("import-registry", file, "--yes")
    assert registry_of(owner).find("case", "0241") is not None
    pms("register-pms", "P1", "--account", other_organisation.id)
    assert "--account" in fails("import-registry", file)
    version = registry_of(owner).version
    pms("import-registry", file, "--account", other_organisation.id, "--yes")
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
    first = write(("0241", "B1", "P1"), ("0242", "B2", "P1"))
    pms("import-registry", first, "--account", owner.id, "--yes")
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
    # Their boards are those of the known cases.
    allowed = ("--allow-similar-ids", "--allow-stripped-cases")
    done = pms("import-registry", file, *allowed, "--yes").stdout
    assert "2 lines: 2 changed" in done


def test_an_incomplete_line_is_refused_unless_lines_may_be_short(
    pms: Command, runner: FlaskCliRunner, owner: Organisation, tmp_path: Path
) -> None:
    file = tmp_path / "cases.csv"
    file.write_text(f"{HEADER}\n0241,B1,F1{',' * 15}P1\n0242,B2")
    args = ["pms", "import-registry", str(file), "--account", str(owner.id)]
    result = runner.invoke(args=args)
    assert result.exit_code == 1
    assert "Line 3: 2 fields of 18: the line is incomplete." in result.stderr
    assert "2 lines: 2 changed" in pms(*args[1:], "--short-lines", "--yes").stdout


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


def test_it_shows_what_would_change_and_asks(
    runner: FlaskCliRunner,
    pms: Command,
    owner: Organisation,
    write: Write,
    registry_of: RegistryOf,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pms("import-registry", write(("0241", "B1", "P1")), "--account", owner.id, "--yes")
    monkeypatch.setattr(import_registry, "_is_terminal", lambda: True)
    args = ["pms", "import-registry", str(write(("0299", "B9", "P2"), ("0241", "B2", "")))]
    args += ["--account", str(owner.id)]
    for answer, why in (("n\n", "."), ("\n", "."), ("", ": nobody answered. Give --yes to go on")):
        refused = runner.invoke(args=args, input=answer)
        assert refused.exit_code == 1
        assert refused.stderr.splitlines()[-1].startswith(f"Error: Nothing was imported{why}")
        assert registry_of(owner).find("case", "0299") is None
    done = runner.invoke(args=args, input="y\n")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[:7] == [
        "1 new PMS: P2",
        "1 new case, 3 new parts",
        "1 known thing in another place:",
        "  Acquisition board B1: out of case 0241, swapped for acquisition board B2.",
        "2 lines: 2 would change the registry, 0 say what it has.",
        "Import it? [y/N]: y",
        "Line 2: Registered case 0299 and 3 other things with it.",
    ]
    assert registry_of(owner).find("case", "0299") is not None


def test_where_nobody_can_be_asked_it_needs_yes(
    runner: FlaskCliRunner, pms: Command, owner: Organisation, write: Write, registry_of: RegistryOf
) -> None:
    file = write(("0241", "B1", "P1"))
    refused = runner.invoke(args=["pms", "import-registry", str(file), "--account", str(owner.id)])
    assert refused.exit_code == 1
    assert refused.stdout.splitlines() == ["1 new PMS: P1", "1 new case, 2 new parts"]
    said = refused.stderr
    assert said.startswith(
        "Error: Nothing was imported, because nobody can be asked. 1 line: 1 would"
    )
    assert "--yes" in said
    assert not registry_of(owner).entries
    pms("import-registry", file, "--account", owner.id, "--yes")
    assert (
        pms("import-registry", file).stdout
        == "1 line: 0 changed the registry, 1 say what it has.\n"
    )


def test_a_part_that_comes_from_elsewhere_is_named_with_where_it_was(
    pms: Command, owner: Organisation, write: Write
) -> None:
    pms("import-registry", write(("1", "B1", ""), ("2", "B2", "")), "--account", owner.id, "--yes")
    shown = pms(
        "import-registry", write(("1", "B2", "")), "--account", owner.id, "--dry-run"
    ).stdout
    assert "2 known things in another place:" in shown
    assert "  Acquisition board B2: from case 2 to case 1." in shown
    assert "  Acquisition board B1: out of case 1, swapped for acquisition board B2." in shown


def test_ignored_columns_are_told_and_misspelled_ones_refused(
    runner: FlaskCliRunner, fails: Failure, owner: Organisation, tmp_path: Path
) -> None:
    file = tmp_path / "cases.csv"
    file.write_text("pack.id,board.id,remarks\n0241,B1,new\n")
    args = ["pms", "import-registry", str(file), "--account", str(owner.id), "--yes"]
    done = runner.invoke(args=args)
    assert (done.exit_code, done.stderr) == (0, "Ignored columns: remarks.\n")
    file.write_text("pack.id,borad.id\n0241,B1\n")
    said = fails(*args[1:])
    assert said == "The header has unknown columns: borad.id (did you mean board.id?)."


HOLDING = "pack.id,board.id,pms.id,cabinet.id,dock"


@pytest.mark.parametrize(
    ("line", "said", "option"),
    [
        ("241,,,,", "only by leading zeros", "--allow-similar-ids"),
        ("0300,B300.0,,,", None, None),
        ("0300,241.0,,,", "what a spreadsheet makes", "--allow-spreadsheet-ids"),
        ("0300,TBD,,,", "is a placeholder", "--allow-placeholders"),
        ("0300,TBD-4,,,", None, None),
        ("0300", "the line is incomplete", "--short-lines"),
        ("0300,B1,,,", "nothing takes its place", "--allow-stripped-cases"),
        ("0300,,P9,C1,2", "would go to PMS P9", "--allow-other-pms"),
        ("0300,,P1,C1,2", None, None),
    ],
)
def test_each_refusal_names_the_option_that_lets_it_through(
    runner: FlaskCliRunner, owner: Organisation, tmp_path: Path,
    line: str, said: str | None, option: str | None,
) -> None:  # fmt: skip
    file = tmp_path / "cases.csv"
    args = ["pms", "import-registry", str(file), "--account", str(owner.id), "--yes"]
    file.write_text(f"{HOLDING}\n0241,B1,P1,C1,1\n")
    assert runner.invoke(args=args).exit_code == 0
    file.write_text(f"{HOLDING}\n{line}\n")
    result = runner.invoke(args=args)
    if said is None or option is None:
        assert result.exit_code == 0, result.stderr
        return
    assert result.exit_code == 1
    assert said in result.stderr
    assert option in result.stderr
    assert runner.invoke(args=[*args, option]).exit_code == 0


def test_the_registry_is_exported_and_imported_again(
    runner: FlaskCliRunner, pms: Command, owner: Organisation, write: Write, tmp_path: Path
) -> None:
    pms("import-registry", write(("0241", "B1", "P1")), "--account", owner.id, "--yes")
    file = tmp_path / "out.csv"
    pms("export-registry", file, "--account", owner.id)
    text = pms("export-registry", "--account", owner.id).stdout
    assert text == file.read_text()
    assert "\n[0241],P1," in text
    assert (
        pms("import-registry", file).stdout
        == "2 lines: 0 changed the registry, 2 say what it has.\n"
    )
    semicolons = pms("export-registry", "-", "--semicolons", "--account", owner.id).stdout
    assert "\n[0241];P1;" in semicolons


def test_a_template_can_be_had_and_is_no_data(
    pms: Command, runner: FlaskCliRunner, owner: Organisation, tmp_path: Path
) -> None:
    file = tmp_path / "new.csv"
    file.write_text(pms("export-registry", "--template").stdout)
    args = ["pms", "import-registry", str(file), "--account", str(owner.id), "--yes"]
    refused = runner.invoke(args=args)
    assert refused.exit_code == 1
    assert "'EXAMPLE' is a placeholder" in refused.stderr
    file.write_text(file.read_text().replace("EXAMPLE", "0269"))
    assert runner.invoke(args=args).exit_code == 0


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("register-case", "N/A"), "is a placeholder, not the id of a new case: leave it out"),
        (("register-case", "241.0"), "is what a spreadsheet makes of the id of a new case: write"),
        (("register-mppt", "tbd"), "is a placeholder"),
        (("install", "unknown", "--into", "1", "--kind", "fet-board"), "is a placeholder"),
        (("swap", "B1", "1E+05"), "is what a spreadsheet makes"),
    ],
)
def test_commands_doubt_new_ids_too(
    pms: Command, fails: Failure, owner: Organisation, args: tuple[str, ...], said: str
) -> None:
    pms("register-case", "1", "--board", "B1", "--account", owner.id)
    refused = fails(*args, "--account", owner.id)
    assert said in refused
    assert refused.endswith("give --allow-odd-ids if it is spelled so.")
    pms(*args, "--account", owner.id, "--allow-odd-ids")
    pms("register-case", "TBD-4", "--board", "-12", "--account", owner.id)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Answer questions; before the answer others may do something."""
    monkeypatch.setattr(import_registry, "_is_terminal", lambda: True)

    def answers(*meanwhile: Callable[[], object]) -> None:
        todo = iter(meanwhile)

        def confirm(text: str, **_options: object) -> bool:
            click.echo(text)
            next(todo, lambda: None)()
            return True

        monkeypatch.setattr(click, "confirm", confirm)

    return answers


def test_what_has_changed_since_it_was_shown_is_shown_again(
    runner: FlaskCliRunner, pms: Command, owner: Organisation, write: Write,
    asked: Callable[..., None],
) -> None:  # fmt: skip
    pms("import-registry", write(("1", "B1", ""), ("2", "B2", "")), "--account", owner.id, "--yes")
    args = ["pms", "import-registry", str(write(("3", "B1", ""))), "--account", str(owner.id)]
    args.append("--allow-stripped-cases")
    asked(lambda: pms("swap", "B1", "B9", "--account", owner.id))
    done = runner.invoke(args=args)
    assert done.exit_code == 0, done.stderr
    assert "The registry was changed since: the file is checked again." in done.stderr
    first, second, _written = done.stdout.split("Import it?")
    assert "Acquisition board B1: from case 1 to case 3." in first
    assert "Acquisition board B1: to case 3; it was installed nowhere." in second


def test_what_is_shown_the_same_again_is_not_asked_again(
    runner: FlaskCliRunner, pms: Command, owner: Organisation, write: Write,
    asked: Callable[..., None],
) -> None:  # fmt: skip
    pms("import-registry", write(("1", "B1", "")), "--account", owner.id, "--yes")
    args = ["pms", "import-registry", str(write(("1", "B2", "")))]
    asked(lambda: pms("register-mppt", "M1", "--account", owner.id))
    done = runner.invoke(args=[*args, "--account", str(owner.id)])
    assert done.exit_code == 0, done.stderr
    assert done.stdout.count("Import it?") == 1
    assert done.stdout.splitlines()[-1].startswith("1 line: 1 changed the registry")


def test_a_registry_that_changes_all_the_time_keeps_no_file_out(
    runner: FlaskCliRunner, pms: Command, owner: Organisation, write: Write,
    asked: Callable[..., None], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    numbers, check = count(), importer.import_file

    def check_while_others_register(*args: Any, **options: Any) -> Any:
        result = check(*args, **options)
        pms("register-mppt", f"M{next(numbers)}", "--account", owner.id)
        return result

    monkeypatch.setattr(import_registry, "import_file", check_while_others_register)
    args = ["pms", "import-registry", str(write(("1", "B1", ""))), "--account", str(owner.id)]
    assert runner.invoke(args=[*args, "--yes"]).exit_code == 0
    asked()
    args[2] = str(write(("1", "B2", "")))
    done = runner.invoke(args=args)
    assert (done.exit_code, done.stdout.count("Import it?")) == (0, 1)


def test_a_file_that_has_become_faulty_since_is_refused(
    runner: FlaskCliRunner, pms: Command, owner: Organisation, write: Write,
    asked: Callable[..., None], registry_of: RegistryOf,
) -> None:  # fmt: skip
    args = ["pms", "import-registry", str(write(("241", "B1", "")))]
    asked(lambda: pms("register-case", "0241", "--account", owner.id))
    done = runner.invoke(args=[*args, "--account", str(owner.id)])
    assert done.exit_code == 1
    assert "--allow-similar-ids" in done.stderr
    assert registry_of(owner).find("case", "241") is None


@pytest.mark.parametrize(
    ("columns", "line", "said"),
    [
        ("pack.id,board.id,valid_from", "2,B1,2026-03-01T07:00:00+07:00", "from case 1 to case 2"),
        ("pack.id,board.id,valid_from", "2,B1,{later}", "B1: in case 2 from {later}"),
        ("cabinet.id,cabinet.docks,pack.id", "C1,14,", "Would add to cabinet C1: docks"),
        ("pack.id,board.id,board.alias", "1,B1,B1-x", "would also be known as B1-x"),
        ("pack.id,pms.id,pms.timezone", ",P1,Asia/Jakarta", "Would add to PMS P1: timezone"),
    ],
)
def test_all_that_changes_is_shown_before_it_asks(
    runner: FlaskCliRunner, pms: Command, owner: Organisation, tmp_path: Path,
    asked: Callable[..., None], columns: str, line: str, said: str,
) -> None:  # fmt: skip
    file = tmp_path / "cases.csv"
    file.write_text("pack.id,board.id,pms.id,cabinet.id\n1,B1,,\n2,,,\n,,P1,C1\n")
    pms("import-registry", file, "--account", owner.id, "--yes")
    later = (datetime.now(UTC) + timedelta(days=7)).isoformat(timespec="seconds")
    file.write_text(f"{columns}\n{line.format(later=later)}\n")
    asked()
    allowed = ("--planned", "--allow-stripped-cases")
    args = ["pms", "import-registry", str(file), "--account", str(owner.id), *allowed]
    done = runner.invoke(args=args)
    assert done.exit_code == 0, done.stderr
    shown = " ".join(done.stdout.split("Import it?")[0].split())
    assert said.format(later=later) in shown
    assert "1 line: 1 would change the registry" in shown


def test_a_closed_period_in_the_past_is_shown(
    runner: FlaskCliRunner, pms: Command, owner: Organisation, tmp_path: Path,
    asked: Callable[..., None],
) -> None:  # fmt: skip
    file, head = tmp_path / "cases.csv", "pack.id,board.id,valid_from\n"
    args = ["pms", "import-registry", str(file), "--account", str(owner.id)]
    file.write_text(f"{head}1,B1,2026-03-01T00:00:00+00:00\n2,B2,2026-04-01T00:00:00+00:00\n")
    assert runner.invoke(args=[*args, "--yes"]).exit_code == 0
    file.write_text(f"{head}2,B1,2026-02-01T00:00:00+00:00\n")
    asked()
    shown = runner.invoke(args=args).stdout.split("Import it?")[0]
    assert "Acquisition board B1: in case 2 from 2026-02-01T00:00:00+00:00 until\n" in shown


def test_times_are_on_the_clock_of_the_site_and_lines_fit_a_terminal(
    pms: Command, owner: Organisation, tmp_path: Path
) -> None:
    pms("register-pms", "P1", "--timezone", "Asia/Jakarta", "--account", owner.id)
    file = tmp_path / "cases.csv"
    file.write_text("pack.id,board.id,pms.id,dock\n0001,B1,P1,1\n0002,B2,P1,2\n")
    pms("import-registry", file, "--yes")
    file.write_text("pack.id,pms.id,dock,valid_from\n0001,P1,3,2026-06-01T00:00:00+00:00\n")
    for how in ("--dry-run", "--yes"):
        said = pms("import-registry", file, how).stdout
        assert "2026-06-01T07:00:00+07:00" in said
        assert max(map(len, said.splitlines())) <= 80


def test_the_organisation_of_planned_lines_is_found(
    pms: Command, owner: Organisation, tmp_path: Path
) -> None:
    pms("register-pms", "P1", "--account", owner.id)
    later = (datetime.now(UTC) + timedelta(days=7)).isoformat()
    file = tmp_path / "cases.csv"
    file.write_text(f"pack.id,pms.id,valid_from\n0001,P1,{later}\n")
    assert "1 would change" in pms("import-registry", file, "--planned", "--dry-run").stdout


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("import-registry", "FILE"), "nobody can be asked"),
        (("batch", "-"), None),
    ],
)
def test_a_closed_standard_input_is_one_that_has_ended(
    runner: FlaskCliRunner, owner: Organisation, write: Write, monkeypatch: pytest.MonkeyPatch,
    args: tuple[str, ...], said: str | None,
) -> None:  # fmt: skip
    named = [str(write(("1", "B1", ""))) if word == "FILE" else word for word in args]
    invoke = Commands.invoke

    def closed(self: Commands, ctx: click.Context) -> object:
        with mock.patch("sys.stdin", None):
            return invoke(self, ctx)

    monkeypatch.setattr(Commands, "invoke", closed)
    result = runner.invoke(args=["pms", *named, "--account", str(owner.id)])
    if said is None:
        assert result.exit_code == 0, result.output
        return
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert said in line


def test_a_closed_standard_input_answers_no_question(
    app_context: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", None)
    group = Commands("pms")
    group.add_command(click.Command("ask", callback=lambda: agree("Go on", yes=False)))
    with pytest.raises(click.ClickException) as caught:
        group.main(["ask"], standalone_mode=False)
    assert "nobody answered" in caught.value.format_message()
