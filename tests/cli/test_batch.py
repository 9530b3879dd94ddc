"""``flexmeasures pms batch``: many commands, each with its line and outcome."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from conftest import Organisation
from flask.testing import FlaskCliRunner
from support.commands import Command, RegistryOf
from support.site import Site
from support.telemetry import NOON, pack_sample, request

Batch = Callable[..., Result]


@pytest.fixture
def site(organisation: Organisation, nobody_else: None) -> Site:
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms()
        new.cases({"0241": 1, "0242": 2}, "PMS-1-A")
    return site


@pytest.fixture
def batch(runner: FlaskCliRunner, site: Site, tmp_path: Path) -> Batch:
    """Run lines as a file, for the organisation of the test."""

    def run(text: str | bytes, *options: str) -> Result:
        file = tmp_path / "batch.txt"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        owner = ("--account", str(site.account_id))
        return runner.invoke(args=["pms", "batch", str(file), *owner, *options])

    return run


def idents(registry_of: RegistryOf, owner: Organisation) -> set[str]:
    return {entry.ident for entry in registry_of(owner).entries.values() if entry.kind == "case"}


def test_each_command_is_said_with_its_line_and_its_output(
    batch: Batch, registry_of: RegistryOf, organisation: Organisation
) -> None:
    result = batch(
        "# new cases\n\nflexmeasures pms register-case 0301\n"
        'service 0301 \\\n  --note "contacts cleaned"  # by hand\ntree 0301\n'
    )

    assert result.exit_code == 0, result.output
    assert "3: flexmeasures pms register-case 0301\nRegistered case 0301" in result.stdout
    assert '4: service 0301   --note "contacts cleaned"  # by hand\n' in result.stdout
    assert "6: tree 0301\nCase 0301\n" in result.stdout
    assert result.stdout.endswith("\n3 commands done.\n")
    assert idents(registry_of, organisation) == {"0241", "0242", "0301"}


LINES = "register-case 0301\nregister-case 0302 --cabinet nowhere --dock 1\nregister-case 0303\n"


def test_it_stops_at_the_first_failure_and_what_was_done_stays(
    batch: Batch, registry_of: RegistryOf, organisation: Organisation
) -> None:
    result = batch(LINES)

    assert result.exit_code == 1
    assert "Error in line 2: No cabinet 'nowhere' is registered" in result.stderr
    assert "1 command done, 1 failed: line 2. It stopped there: --keep-going" in result.stderr
    assert "0303" not in result.output
    assert idents(registry_of, organisation) == {"0241", "0242", "0301"}


def test_it_goes_on_where_that_is_asked_for_and_fails_all_the_same(
    batch: Batch, registry_of: RegistryOf, organisation: Organisation
) -> None:
    result = batch(LINES, "--keep-going")

    assert result.exit_code == 1
    assert "2 commands done, 1 failed: line 2.\n" in result.stderr
    assert idents(registry_of, organisation) == {"0241", "0242", "0301", "0303"}


def test_a_script_gets_a_line_of_json_for_each_command_and_nothing_else(batch: Batch) -> None:
    result = batch("tree 0241 --json\nlookup nothing\n", "--json", "--keep-going")

    good, bad = map(json.loads, result.stdout.splitlines())
    assert (good["line"], good["command"], good["ok"], good["error"]) == (
        1, "tree 0241 --json", True, None,
    )  # fmt: skip
    assert json.loads(good["output"])["id"] == "0241"
    assert (bad["line"], bad["ok"], bad["output"]) == (2, False, "")
    assert bad["error"].startswith("No id 'nothing' is registered")
    assert result.exit_code == 1


def test_the_file_may_be_standard_input(runner: FlaskCliRunner, site: Site) -> None:
    result = runner.invoke(args=["pms", "batch", "-"], input="tree 0241\r\ntree 0242\r\n")

    assert result.exit_code == 0, result.output
    assert "2 commands done." in result.stdout


def test_a_dry_run_reads_commands_and_runs_none(
    batch: Batch, registry_of: RegistryOf, organisation: Organisation
) -> None:
    good = batch("register-case 0301\ngateway list\n", "--dry-run")
    assert good.stdout.endswith("2 commands can be read. Nothing was run.\n")
    bad = batch(
        "register-case 0301\nregister-cose 1\nregister-case\nretire 1 --hwo\ngateway lost\n",
        "--dry-run", "--keep-going",
    )  # fmt: skip

    assert bad.exit_code == 1
    for said in (
        "Error in line 2: No such command 'register-cose'.",
        "Error in line 3: Missing argument 'ID'.",
        "Error in line 4: No such option",
        "Error in line 5: No such command 'lost'.",
    ):
        assert said in bad.stderr
    assert idents(registry_of, organisation) == {"0241", "0242"}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("batch other.txt", "A batch can't run another batch."),
        ("flexmeasures pms batch -", "A batch can't run another batch."),
        ("flexmeasures db upgrade", "Only commands of `flexmeasures pms` can be in a batch."),
        ("flexmeasures pms", "It names no command"),
        ("gateway", "`flexmeasures pms gateway` needs more"),
        ("tree '0241", "It can't be split into words: No closing quotation."),
        ("tree \0", "It has the control character U+0000."),
        (b"tree \xff\n", "It is not text in UTF-8."),
        (b"tree " + b"x" * 70_000, "It is longer than 65,536 bytes"),
        ("nonsense", "No such command 'nonsense'."),
    ],
)
@pytest.mark.parametrize("how", [(), ("--dry-run",)])
def test_a_line_that_is_no_command_is_said(
    batch: Batch, line: str | bytes, said: str, how: tuple[str, ...]
) -> None:
    result = batch(line, *how)

    assert result.exit_code == 1
    assert f"Error in line 1: {said}" in result.stderr


def test_nothing_is_asked_but_what_is_agreed_to_is_done(
    batch: Batch, runner: FlaskCliRunner, site: Site, tmp_path: Path
) -> None:
    file = tmp_path / "a.json"
    file.write_text(request({"pms_id": "PMS-1"}, pack_sample("0999", NOON)))
    runner.invoke(args=["pms", "ingest", str(file), "--account", str(site.account_id)])
    discard = "quarantine discard --pack 0999 --note bench"

    unanswered = batch(discard)
    assert unanswered.exit_code == 1
    assert "nobody answered. Give --yes to go on" in unanswered.stderr
    assert "Discarded 1 sample." in batch(f"{discard} --yes").stdout


def test_a_default_gives_way_to_what_a_command_says(
    batch: Batch, pms: Command, site: Site, other_organisation: Organisation
) -> None:
    Site(other_organisation.id).pms("PMS-2")
    here, there = site.account_id, other_organisation.id
    result = batch(f"register-case 0301\nregister-case 0302 --account {there} --author bo\n",
                   "--author", "ana")  # fmt: skip

    assert result.exit_code == 0, result.output
    assert "by cli:ana" in pms("history", "0301", "--account", here).stdout
    assert "by cli:bo" in pms("history", "0302", "--account", there).stdout


def test_a_command_that_fails_leaves_nothing_to_the_next(batch: Batch, site: Site) -> None:
    """A statement that the database refuses ends its own transaction alone."""
    dock = "move-case 0241 --cabinet PMS-1-A --dock"
    result = batch(f"{dock} 2\n{dock} 3\n", "--keep-going")

    assert "1 command done, 1 failed: line 1." in result.stderr


@pytest.mark.parametrize("text", ["", "\n# nothing\n", "\ufeff"])
def test_a_file_without_commands_says_so(batch: Batch, text: str) -> None:
    result = batch(text)
    assert (result.exit_code, result.stdout) == (0, "There is no command in it: nothing to do.\n")
