"""Wrong numbers, texts and files, and servers that are away: one line each, of every command."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import click
import psycopg2
import pytest
from conftest import Organisation
from flask import Flask
from flask.testing import FlaskCliRunner
from redis.exceptions import ConnectionError as RedisAway
from sqlalchemy.exc import OperationalError, ProgrammingError
from support.commands import Command, Failure

from flexmeasures_pms.cli import pms_cli
from flexmeasures_pms.storage.intake import journal

HUGE = "9" * 30


class Missing(psycopg2.ProgrammingError):
    """What the driver says of a table that is not there."""

    pgcode = "42P01"


class Misspelt(psycopg2.ProgrammingError):
    """What the driver says of a statement that is wrong."""

    pgcode = "42601"


LISTS = (
    ("quarantine", "list"),
    ("quarantine", "list", "--discarded"),
    ("quarantine", "groups"),
    ("receipts", "list"),
    ("gateway", "list"),
    ("completeness",),
    ("journal",),
    ("tree",),
)


def leaves(group: click.Group, *above: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from leaves(command, *above, name)
        else:
            yield (*above, name), command


def numbers() -> Iterator[Any]:
    for path, command in leaves(pms_cli.cli):
        for param in command.params:
            if isinstance(param, click.Option) and isinstance(
                param.type, click.types.IntParamType | click.IntRange
            ):
                yield pytest.param(path, command, param, id=" ".join((*path, param.opts[0])))


def needed(command: click.Command, file: Path) -> list[str]:
    """Return something for each required parameter of a command."""
    found: list[str] = []
    for param in command.params:
        if param.required:
            name = [param.opts[0]] if isinstance(param, click.Option) else []
            is_file = isinstance(param.type, click.Path | click.File)
            found += [*name, str(file) if is_file else "nothing"]
    return found


@pytest.mark.parametrize("number", [HUGE, f"-{HUGE}"])
@pytest.mark.parametrize(("path", "command", "param"), [*numbers()])
def test_a_number_that_is_too_large_is_refused_in_one_line(
    fails: Failure,
    organisation: Organisation,
    path: tuple[str, ...],
    command: click.Command,
    param: click.Option,
    number: str,
    tmp_path: Path,
) -> None:
    file = tmp_path / "a.csv"
    file.write_text("lookup nothing\n")
    owner = ["--account", str(organisation.id)] if _has(command, "--account") else []

    fails(*path, *needed(command, file), *owner, param.opts[0], number)


def _has(command: click.Command, option: str) -> bool:
    return any(option in param.opts for param in command.params)


@pytest.mark.parametrize("words", LISTS, ids=" ".join)
def test_an_empty_list_says_so_and_is_a_document_for_scripts(
    pms: Command, fails: Failure, organisation: Organisation, words: tuple[str, ...]
) -> None:
    owner = ("--account", organisation.id)
    assert pms(*words, *owner).stdout.strip()
    empty: Any = {"requests": [], "failed": []} if words == ("journal",) else []
    assert json.loads(pms(*words, *owner, "--json").stdout) == empty
    nobody = fails(*words, "--account", 2**31 - 1)
    assert nobody == "There is no organisation 2147483647: see `flexmeasures show accounts`."


@pytest.mark.parametrize(
    "words", [("register-case",), ("lookup",), ("quarantine", "list", "--pack")]
)
def test_what_is_not_text_is_refused(fails: Failure, words: tuple[str, ...]) -> None:
    assert "is not text in UTF-8: it has U+DCFF." in fails(*words, "a\udcff")
    assert "has the control character U+000A." in fails(*words, "a\nb")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "Interrupted. What was not finished is rolled back."),
        (click.Abort(), 1, "Nobody answered"),
        (EOFError(), 1, "Nobody answered"),
        (RedisAway("Connection refused"), 1, "Redis is not available: Connection refused"),
        (PermissionError(13, "Permission denied", "a.csv"), 1, "a.csv: Permission denied."),
        (OSError(28, "No space left on device"), 1, "No space left on device."),
        (
            OperationalError("SELECT", {}, psycopg2.OperationalError("connection refused")),
            1,
            "The database is not available: connection refused",
        ),
        (
            ProgrammingError("SELECT", {}, Missing('relation "account" does not exist')),
            1,
            'The tables are not complete: relation "account" does not exist. Run `flexmeasures db',
        ),
        (
            ProgrammingError("SELECT", {}, Misspelt("syntax error")),
            None,
            "a fault of the code",
        ),
        (TypeError("no"), None, "a fault of the code"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_what_a_command_can_not_help_is_one_line_and_a_fault_is_not_hidden(
    runner: FlaskCliRunner,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    code: int | None,
    said: str,
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(journal, "summary", fail)
    if code is None:
        with pytest.raises(type(error)):
            runner.invoke(args=["pms", "journal"])
        return
    result = runner.invoke(args=["pms", "journal"])

    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr.startswith(f"Error: {said}")
    assert len(result.stderr.splitlines()) == 1


def test_a_command_that_makes_its_own_context_fails_with_the_same_line(app_context: Flask) -> None:
    run = FlaskCliRunner(app_context).invoke
    with ThreadPoolExecutor(1) as pool:  # a thread has no context yet, as a process that starts
        result = pool.submit(run, args=["pms", "lookup", "NOWHERE"]).result(60)
    assert result.exit_code == 1
    assert "No id 'NOWHERE' is registered" in result.stderr


def test_a_file_that_is_a_folder_or_is_not_there_is_said(fails: Failure, tmp_path: Path) -> None:
    for command in ("ingest", "import-registry", "batch"):
        assert (
            "does not exist" in (said := fails(command, tmp_path / "no")) or "No such file" in said
        )
        assert "directory" in fails(command, tmp_path).lower()


def test_who_runs_it_may_have_no_name(
    pms: Command, fails: Failure, monkeypatch: pytest.MonkeyPatch, organisation: Organisation
) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 1001")

    monkeypatch.setattr("getpass.getuser", nobody)
    register = ("register-case", f"C{organisation.id}", "--account", organisation.id)
    assert fails(*register) == "The system user has no name: give --author."
    assert "Registered" in pms(*register, "--author", "ana").stdout
