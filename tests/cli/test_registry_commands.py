"""The registry's commands, as typed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from conftest import Organisation
from flask import Flask
from flask.testing import FlaskCliRunner
from support.commands import Command, Failure, RegistryOf

NOON = "2026-03-01T12:00:00+07:00"
ELEVEN = "2026-03-01T11:00:00+07:00"
HALF_PAST = "2026-03-01T11:30:00+07:00"


@pytest.fixture
def site(pms: Command, organisation: Organisation, nobody_else: None) -> Organisation:
    """A PMS with a cabinet, and case 269 with its parts in dock 6."""
    pms("register-pms", "PMS-01", "--account", organisation.id, "--timezone", "Asia/Jakarta")
    pms("register-cabinet", "CAB-01", "--pms", "PMS-01", "--ehub", "EH-1", "--busbar", "BB-1")
    parts = ("--board", "B269", "--fet-board", "F269", "--cell-block", "L1", "--cell-block", "L2")
    pms("register-case", "269", *parts, "--cabinet", "CAB-01", "--dock", 6)
    pms("register-case", "270", "--cabinet", "CAB-01", "--dock", 7)
    return organisation


def case_at(pms: Command, ident: str, at: str, *more: object) -> Any:
    return json.loads(pms("lookup", ident, "--at", at, "--json", *more).stdout)["case"]


def test_registering_a_site_makes_its_assets_under_each_other(
    pms: Command, site: Organisation, registry_of: RegistryOf
) -> None:
    from flexmeasures.data import db
    from flexmeasures.data.models.generic_assets import GenericAsset

    known = registry_of(site)
    case = known.find("case", "269")
    asset = db.session.get(GenericAsset, case.asset_id)
    assert (asset.name, asset.external_id) == ("269", "case:269")
    assert asset.parent_asset.name == "CAB-01"
    assert asset.parent_asset.parent_asset.name == "PMS-01"
    assert asset.account_id == site.id


REPETITIONS = [
    ("register-pms", "PMS-01", "--timezone", "Asia/Jakarta", "--account", "{account}"),
    ("register-cabinet", "CAB-01", "--pms", "PMS-01", "--ehub", "EH-1", "--busbar", "BB-1"),
    (
        "register-case",
        "269",
        "--board",
        "B269",
        "--cell-block",
        "L1",
        "--cabinet",
        "CAB-01",
        "--dock",
        "6",
    ),
    ("install", "B269", "--into", "269"),
    ("move-case", "269", "--cabinet", "CAB-01", "--dock", "6"),
]


def test_saying_again_what_is_registered_changes_nothing(
    pms: Command, site: Organisation, registry_of: RegistryOf
) -> None:
    version = registry_of(site).version
    for command in REPETITIONS:
        result = pms(*(text.format(account=site.id) for text in command))
        assert all(line.endswith("already.") for line in result.stdout.splitlines()), command
        assert registry_of(site).version == version, command


@pytest.mark.parametrize(
    "command",
    [
        ("install", "B270", "--into", "270", "--kind", "acquisition-board", "--at", NOON),
        ("remove", "B269", "--at", NOON),
        ("swap", "B269", "B999", "--at", NOON),
        ("swap", "EH-1", "BBC-1", "--kind", "bbc", "--at", NOON),
        ("move-case", "269", "--cabinet", "CAB-01", "--dock", "9", "--at", NOON),
        ("correct", "B269", "--into", "270", "--since", NOON, "--note", "x"),
        ("correct", "CAB-01", "--docks", "16", "--note", "x"),
        ("register-mppt", "IT6415AD-01-001", "--account", "{account}"),
        (
            "register-inverter",
            "SPI-B2-01-001",
            "--account",
            "{account}",
            "--latitude",
            "-6.2",
            "--longitude",
            "106.8",
        ),
        (
            "register-case",
            "269",
            "--board",
            "B269",
            "--board-alias",
            "B-two-six-nine",
            "--account",
            "{account}",
        ),
    ],
)
def test_each_change_can_be_run_twice_and_says_what_it_did(
    pms: Command, site: Organisation, registry_of: RegistryOf, command: tuple[str, ...]
) -> None:
    args = [text.format(account=site.id) for text in command]
    before = registry_of(site).version
    assert pms(*args).stdout.strip()
    changed = registry_of(site).version
    assert changed > before
    assert pms(*args).stdout.strip()
    assert registry_of(site).version == changed


def test_a_board_that_moved_at_noon_moved_at_eleven_after_all(
    pms: Command, site: Organisation
) -> None:
    pms("install", "B269", "--into", "270", "--at", NOON)
    assert (case_at(pms, "B269", HALF_PAST), case_at(pms, "B269", NOON)) == ("269", "270")
    before = datetime.now(UTC) + timedelta(milliseconds=1)
    pms("correct", "B269", "--into", "270", "--since", ELEVEN, "--note", "before lunch")
    assert case_at(pms, "B269", HALF_PAST) == "270"
    earlier = before.isoformat()
    assert case_at(pms, "B269", HALF_PAST, "--as-known-at", earlier) == "269"


def test_a_correction_that_joined_two_stays_can_be_sent_again(
    pms: Command, site: Organisation, registry_of: RegistryOf
) -> None:
    """As after a lost reply: the stay goes on for longer by then than was said."""
    for into, at in (("270", "09:00"), ("269", "10:00"), ("270", "12:00")):
        pms("install", "B269", "--into", into, "--at", f"2026-03-01T{at}:00+07:00")
    correction = ("correct", "B269", "--into", "270", "--since", ELEVEN, "--until", NOON)
    pms(*correction, "--note", "it was there")
    once = registry_of(site)
    assert "is registered so already" in pms(*correction, "--note", "sent again").stdout
    assert registry_of(site).version == once.version
    assert case_at(pms, "B269", "2026-03-01T13:00:00+07:00") == "270"


def test_an_unknown_part_is_registered_by_the_way_where_its_kind_is_said(
    pms: Command, fails: Failure, site: Organisation
) -> None:
    assert "--kind" in fails("install", "L3", "--into", "269")
    pms("install", "L3", "--into", "269", "--kind", "cell-block")
    tree = json.loads(pms("tree", "269", "--json").stdout)
    blocks = [(p["id"], p["place"]) for p in tree["parts"] if p["kind"] == "cell-block"]
    assert blocks == [("L1", 1), ("L2", 2), ("L3", 3)]


def test_a_swap_registers_the_new_part_as_what_the_old_one_is(
    pms: Command, site: Organisation
) -> None:
    pms("swap", "F269", "F300", "--note", "burnt")
    tree = json.loads(pms("tree", "269", "--json").stdout)
    assert ("fet-board", "F300") in [(p["kind"], p["id"]) for p in tree["parts"]]
    assert "installed nowhere" in pms("lookup", "F269").stdout


def test_history_shows_a_life_from_both_sides(pms: Command, site: Organisation) -> None:
    pms("swap", "B269", "B300", "--at", NOON, "--note", "cold joint", "--author", "ali")
    pms("install", "B269", "--into", "270", "--at", NOON)
    board = pms("history", "B269").stdout
    assert f"case 269 from the beginning until {NOON}" in board
    assert f"case 270 from {NOON}" in board
    case = json.loads(pms("history", "269", "--json").stdout)
    boards = [p["id"] for p in case["parts"] if p["kind"] == "acquisition-board"]
    assert boards == ["B269", "B300"]
    swaps = [t for t in case["transactions"] if t["verb"] == "swapped"]
    assert {(t["id"], t["author"], t["note"]) for t in swaps} == {
        ("B269", "cli:ali", "cold joint"),
        ("B300", "cli:ali", "cold joint"),
    }
    assert len({t["request_id"] for t in swaps}) == 1


def test_the_tree_shows_what_is_in_what_at_a_time(pms: Command, site: Organisation) -> None:
    text = pms("tree", "PMS-01").stdout
    assert "position 1: cabinet CAB-01" in text
    assert "dock 6: case 269" in text
    assert "cell blocks: 1 L1, 2 L2" in text
    pms("remove", "269", "--at", NOON)
    assert "case 269" not in pms("tree", "PMS-01", "--at", NOON).stdout
    assert "case 269" in pms("tree", "PMS-01", "--at", ELEVEN).stdout
    assert "Case 269" in pms("tree", "--account", site.id, "--at", NOON).stdout


FAILURES = [
    (
        ("register-pms", "PMS-01", "--account", "{account}", "--timezone", "Asia/Tokyo"),
        "registered with timezone Asia/Jakarta",
    ),
    (("register-pms", "P2", "--account", "{account}", "--timezone", "Mars"), "not a time zone"),
    (("register-pms", "P2", "--account", "{account}", "--latitude", "5"), "go together"),
    (("register-pms", "P2", "--account", "{account}", "--parent-asset", "999999"), "no asset"),
    (("register-pms", "P2", "--account", "999999"), "no organisation 999999"),
    (("register-pms", "P2"), "--account"),
    (("register-cabinet", "CAB-02", "--pms", "P9"), "No PMS 'P9'"),
    (("register-cabinet", "CAB-02", "--pms", "PMS-01", "--position", "1"), "CAB-01"),
    (("register-cabinet", "CAB-02", "--pms", "PMS-01", "--docks", "49"), "1-48"),
    (("register-case", "271", "--account", "{account}", "--board", "B269"), "case 269"),
    (("register-case", "271", "--cabinet", "CAB-01", "--dock", "6"), "taken by case 269"),
    (("register-case", "269", "--cabinet", "CAB-01", "--dock", "8"), "--at"),
    (("register-case", "271", "--cabinet", "CAB-01"), "go together"),
    (("register-case", "b269", "--account", "{account}"), "ambiguous"),
    (("install", "B269", "--into", "CAB-01"), "is installed in a case"),
    (("install", "B269", "--into", "nowhere"), "'nowhere'"),
    (("remove", "nothing"), "'nothing'"),
    (("swap", "B1", "B2"), "'B1'"),
    (("move-case", "269", "--cabinet", "CAB-01", "--dock", "13"), "docks 1-12"),
    (
        ("correct", "B269", "--since", NOON, "--until", ELEVEN, "--note", "x"),
        "before it begins",
    ),
    (("correct", "B269", "--note", "x"), "Say what to correct"),
    (("correct", "B269", "--since", NOON), "--note"),
    (("lookup", "B269", "--at", "2026-03-01T12:00:00"), "no offset"),
    (("lookup", "B269", "--as-known-at", "2020-01-01T00:00:00Z"), "not registered yet"),
    (("history", "nothing"), "'nothing'"),
    (("tree", "nothing"), "'nothing'"),
]


def test_a_command_that_fails_says_why_in_one_line_and_changes_nothing(
    fails: Failure, site: Organisation, other_organisation: Organisation, registry_of: RegistryOf
) -> None:
    version = registry_of(site).version
    for command, message in FAILURES:
        assert message in fails(*(text.format(account=site.id) for text in command)), command
        assert registry_of(site).version == version, command


def test_an_id_of_two_kinds_needs_to_be_told_apart(
    pms: Command, fails: Failure, site: Organisation
) -> None:
    pms("register-pms", "269", "--account", site.id)
    assert "--kind" in fails("lookup", "269")
    assert pms("lookup", "269", "--kind", "case").stdout.startswith("Case 269")
    # What goes where tells without more ado.
    pms("install", "L9", "--into", "269", "--kind", "cell-block")


@pytest.mark.parametrize(
    "command",
    [
        ("lookup", "269"),
        ("history", "269"),
        ("tree", "269"),
        ("remove", "269"),
        ("swap", "269", "300", "--register"),
        ("install", "269", "--into", "CAB-01", "--place", "9"),
        ("move-case", "269", "--cabinet", "CAB-01", "--dock", "9"),
        ("correct", "269", "--since", NOON, "--note", "x"),
        ("register-case", "269", "--cabinet", "CAB-01", "--dock", "9", "--at", NOON),
        ("register-cabinet", "CAB-01", "--pms", "PMS-01", "--docks", "12"),
    ],
)
def test_what_two_organisations_have_is_of_the_one_that_is_named(
    pms: Command,
    fails: Failure,
    site: Organisation,
    other_organisation: Organisation,
    registry_of: RegistryOf,
    command: tuple[str, ...],
) -> None:
    other = other_organisation.id
    pms("register-pms", "PMS-01", "--account", other)
    pms("register-cabinet", "CAB-01", "--pms", "PMS-01", "--account", other)
    place = ("--cabinet", "CAB-01", "--dock", 1, "--account", other)
    pms("register-case", "269", *place)
    theirs, ours = registry_of(other_organisation), registry_of(site)
    assert f"organisations {site.id}, {other}" in fails(*command)
    pms(*command, "--account", site.id)
    assert registry_of(other_organisation).version == theirs.version
    if command[0] not in ("lookup", "history", "tree"):
        assert registry_of(site).version != ours.version


def test_another_organisations_ids_are_unknown_and_said_to_be_theirs(
    pms: Command, fails: Failure, site: Organisation, other_organisation: Organisation
) -> None:
    for command in ("lookup", "history", "tree", "remove"):
        found = fails(command, "B269", "--account", other_organisation.id)
        assert f"No id 'B269' is registered in organisation {other_organisation.id}" in found
        assert f"organisation {site.id} has it" in found
        assert "--account" not in fails(command, "B000", "--account", other_organisation.id)
    assert "Nothing is registered" in pms("tree", "--account", other_organisation.id).stdout
    pms("register-pms", "THEIRS", "--account", other_organisation.id)
    message = fails("register-cabinet", "CAB-09", "--pms", "THEIRS", "--account", site.id)
    assert "No PMS 'THEIRS'" in message


def test_parts_do_not_go_to_another_organisation(
    pms: Command, fails: Failure, site: Organisation, other_organisation: Organisation
) -> None:
    pms("register-case", "500", "--account", other_organisation.id)
    assert "one organisation" in fails("install", "B269", "--into", "500")


def test_an_asset_of_another_organisation_cannot_be_the_parent(
    pms: Command,
    fails: Failure,
    site: Organisation,
    other_organisation: Organisation,
    registry_of: RegistryOf,
) -> None:
    asset = registry_of(site).find("pms", "PMS-01").asset_id
    args = ("register-pms", "P2", "--account", other_organisation.id, "--parent-asset")
    assert fails(*args, asset).replace(str(asset), "0") == fails(*args, 0)


def test_a_later_fault_undoes_what_the_command_did_before(
    fails: Failure, site: Organisation, registry_of: RegistryOf
) -> None:
    blocks = [arg for n in range(15) for arg in ("--cell-block", f"N{n}")]
    fails("register-case", "280", "--account", site.id, *blocks)
    assert registry_of(site).find("case", "280") is None


def test_every_command_has_help_with_an_example(runner: FlaskCliRunner, app: Flask) -> None:
    group: Any = app.cli.commands["pms"]
    commands: list[tuple[str, ...]] = []
    for name, command in group.commands.items():
        commands += [(name, word) for word in getattr(command, "commands", ())] or [(name,)]
    assert ("quarantine", "replay") in commands
    for words in commands:
        result = runner.invoke(args=["pms", *words, "--help"])
        assert result.exit_code == 0
        assert "Example" in result.output, words
        assert f"flexmeasures pms {' '.join(words)}" in result.output


def test_tables_that_are_behind_are_said_in_one_line(
    fails: Failure, site: Organisation, app_context: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flexmeasures_pms.migrations import schema

    monkeypatch.setattr(schema, "head", lambda: "9999")
    assert fails("tree").endswith("run `flexmeasures pms db upgrade`.")


def test_db_current_and_upgrade_say_where_the_tables_are(pms: Command, app_context: Flask) -> None:
    from flexmeasures_pms.migrations import schema

    assert pms("db", "current").stdout.strip() == schema.head()
    assert "already" in pms("db", "upgrade").stdout
