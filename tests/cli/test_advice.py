"""What a refusal advises works as it is written, and what it refuses is not done."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from conftest import Organisation
from flask.testing import FlaskCliRunner
from support.commands import Command, Failure
from support.site import Site

NOON = "2026-03-01T12:00:00+07:00"


@pytest.fixture
def site(organisation: Organisation, nobody_else: None) -> Organisation:
    """A PMS whose first cabinet has 4 docks and whose second has 6, with cases and boards."""
    with Site(organisation.id).at_once() as new:
        new.register("pms", "P", timezone="Asia/Jakarta")
        new.register("pms", "Q")
        new.register("ehub", "E1")
        for position, (ident, docks) in enumerate((("CAB-A", 4), ("CAB-B", 6)), start=1):
            new.register("cabinet", ident, docks=docks)
            new.install(("cabinet", ident), ("pms", "P"), position)
        new.register("case", "0271")
        for ident, cabinet, dock in (("269", "CAB-B", 3), ("270", "CAB-A", 1)):
            new.case(ident, cabinet, dock)
            new.register("acquisition-board", f"B{ident}")
            new.install(("acquisition-board", f"B{ident}"), ("case", ident))
        new.install(("ehub", "E1"), ("cabinet", "CAB-A"))
    return organisation


def advised(said: str) -> list[str]:
    """The commands that a refusal names, as they would be typed."""
    return [
        text.replace("--note …", "--note why")
        for text in re.findall(r"`([^`…]*(?:--note …)?)`", said)
    ]


ADVICE: list[tuple[str, str, int]] = [
    # What is refused, what is said of it, and which of the commands named is typed.
    ("install 0271 --into CAB-B --place 5", "own dock 5, which is dock 9 of PMS P", 0),
    ("move-case 0271 --cabinet CAB-B --dock 6", "dock 6 of PMS P, which is its own dock 2", 0),
    ("install 0271 --into CAB-B --place 12", "docks 1-6, which are docks 5-10 of PMS P", 0),
    ("install 0271 --into CAB-A --place 5", "docks 1-4, not 5", 0),
    ("install 0271 --into CAB-B --place 3", "Dock 3 (7 of the PMS) of cabinet CAB-B is taken", 0),
    ("install 0271 --into CAB-B --place 3", "is taken by case 269", 1),
    (f"install B270 --into 269 --at {NOON}", "Case 269 has acquisition board B269", 0),
    ("register-case 300 --cabinet CAB-B --dock 3", "is taken by case 269", 0),
    ("register-case 270 --cabinet CAB-B --dock 4", "dock 1 of cabinet CAB-A", 0),
    ("register-cabinet CAB-C --pms P --position 1", "Position 1 of PMS P is taken", 0),
    ("register-pms P --timezone Asia/Makassar --account {account}", "Asia/Jakarta", 0),
    ("register-pms P --parent-asset {asset} --account {account}", "parent asset", 0),
    ("swap 0271 269", "is not installed anywhere", 0),
    (f"install 0271 --into CAB-B --place 5 --at {NOON}", "own dock 5", 0),
    (
        f"register-case 0271 --account {{account}} --board B269 --at {NOON}",
        "is registered in case 269",
        0,
    ),
    (
        f"register-case 301 --account {{account}} --board B269 --at {NOON}",
        "is registered in case 269",
        0,
    ),
    (f"register-case 269 --cabinet CAB-A --dock 2 --at {NOON}", "cabinet CAB-B", 0),
    (f"register-cabinet CAB-B --pms Q --at {NOON}", "is registered in position 2 of PMS P", 0),
    (f"register-cabinet CAB-D --pms Q --ehub E1 --at {NOON}", "registered in cabinet CAB-A", 0),
    ("install B269 --into 900", "a new one is registered", 0),
]


@pytest.mark.parametrize(("refused", "said", "which"), ADVICE)
def test_what_a_refusal_advises_works_as_it_is_written(
    pms: Command, fails: Failure, site: Organisation, refused: str, said: str, which: int
) -> None:
    asset = json.loads(pms("lookup", "CAB-A", "--json").stdout)["asset_id"]
    if "parent" in refused:
        pms("register-pms", "P", "--parent-asset", asset - 1, "--account", site.id)
    told = fails(*shlex.split(refused.format(account=site.id, asset=asset)))
    assert said in told
    command = advised(told)[which]
    assert (NOON in refused) == (" --at " in command)
    pms(*shlex.split(command))


def test_each_reading_of_a_number_of_two_docks_can_be_chosen(
    pms: Command, fails: Failure, site: Organisation
) -> None:
    told = fails("install", "0271", "--into", "CAB-B", "--place", 5)
    first, second = re.findall(r"--place (\d+)", told)
    for number, dock in ((first, 5), (second, 1)):
        pms("install", "0271", "--into", "P", "--place", number)
        assert where(pms, "0271") == ("CAB-B", dock)
    pms("correct", "0271", "--into", "P", "--place", first, "--note", "x")
    assert where(pms, "0271") == ("CAB-B", 5)
    pms("correct", "0271", "--place", 6 + 4, "--note", "also without saying the cabinet again")
    assert where(pms, "0271") == ("CAB-B", 6)


def where(pms: Command, ident: str) -> tuple[str, int]:
    found = json.loads(pms("lookup", ident, "--kind", "case", "--json").stdout)["installed_in"][0]
    return found["assembly"], found["place"]


UNKNOWN: list[tuple[str, str]] = [
    ("move-case B269 --cabinet CAB-A --dock 2", "'B269' is registered as acquisition board B269, "
     "not as case."),
    ("lookup 271", "No id '271' is registered. Did you mean case 0271 or case 270?"),
    ("lookup BC269", "No id 'BC269' is registered. Did you mean acquisition board B269?"),
    ("history 296", "No id '296' is registered. Did you mean case 269?"),
    ("tree cab_a", "No id 'cab_a' is registered. Did you mean cabinet CAB-A?"),
    ("install B269 --into 900", "No id '900' is registered: a new one is "
     "registered with `register-case 900 --account {account}`."),
    ("install 269 --into 900 --place 1", "No id '900' is registered."),
    ("install X1 --into 269", "No id 'X1' is registered: to register it as a new part, say what "
     "it is with --kind acquisition-board or --kind fet-board or --kind cell-block."),
    ("swap 269 900", "No case '900' is registered in organisation {account}: for a new case give "
     "--register."),
    ("swap CAB-A CAB-D", "Did you mean cabinet CAB-A or cabinet CAB-B? For a new cabinet give "
     "--register."),
    ("swap B269 270", "'270' is registered as case 270, not as acquisition board."),
]  # fmt: skip


def test_an_id_that_names_nothing_here_says_what_it_may_have_meant(
    fails: Failure, site: Organisation
) -> None:
    for command, said in UNKNOWN:
        told = fails(*shlex.split(command))
        assert told.endswith(said.format(account=site.id)), command


def test_what_swap_may_register_is_said(pms: Command, site: Organisation) -> None:
    assert "Registered case 900." in pms("swap", "269", "900", "--register").stdout
    assert "Registered acquisition board B999." in pms("swap", "B269", "B999").stdout
    taken = " ".join(pms("swap", "900", "270").stdout.split())
    assert taken.endswith("; case 270 was in dock 1 of cabinet CAB-A.")


def ids(node: Any) -> list[str]:
    return [node["id"], *(found for part in node["parts"] for found in ids(part))]


@pytest.mark.parametrize(
    "command",
    [
        "swap CAB-B CAB-C",
        "remove CAB-B",
        "retire CAB-B",
        "install CAB-B --into Q",
        "correct CAB-B --into Q --note x",
    ],
)
def test_a_cabinet_leaves_its_pms_with_packs_only_where_that_is_said(
    pms: Command, fails: Failure, site: Organisation, command: str
) -> None:
    pms("register-cabinet", "CAB-C", "--pms", "Q")
    words = shlex.split(command)
    assert fails(*words) == (
        "Cabinet CAB-B has 1 case in it, which would leave PMS P with it: move them first, or give "
        "--with-packs if they go along."
    )
    assert "269" in ids(json.loads(pms("tree", "P", "--json").stdout))
    pms(*words, "--with-packs")
    assert "269" not in ids(json.loads(pms("tree", "P", "--json").stdout))
    assert "269" in ids(json.loads(pms("tree", "CAB-B", "--json").stdout))


def test_packs_that_were_docked_later_than_their_cabinet_leaves_count_too(
    pms: Command, fails: Failure, site: Organisation
) -> None:
    pms("remove", "269", "--kind", "case", "--at", NOON)
    pms("install", "0271", "--into", "CAB-B", "--place", 8, "--at", "2026-03-02T12:00:00+07:00")
    move = ("install", "CAB-B", "--into", "Q", "--at", NOON)
    assert "has 1 case in it, which would leave PMS P with it" in fails(*move)
    place = ("correct", "CAB-B", "--into", "P", "--place", 1, "--note", "x")
    assert fails(*place).startswith("Cabinet CAB-A has 1 case in it")
    pms("correct", "CAB-B", "--into", "P", "--place", 3, "--note", "within its PMS")
    pms("correct", "CAB-B", "--since", NOON, "--note", "since when is known now")
    pms("remove", "0271", "--kind", "case", "--at", "2026-03-02T12:00:00+07:00")
    pms(*move)


def test_registering_with_a_time_moves_within_an_assembly_and_into_a_free_place(
    pms: Command, site: Organisation
) -> None:
    pms("register-case", "269", "--cabinet", "CAB-B", "--dock", 8, "--at", NOON)
    pms("register-cabinet", "CAB-B", "--pms", "P", "--position", 3, "--at", NOON)
    pms("register-case", "0271", "--board", "B300", "--at", NOON, "--account", site.id)
    pms("register-case", "0271", "--cabinet", "CAB-A", "--dock", 2, "--at", NOON)


def test_what_is_retired_is_filled_by_no_swap(
    pms: Command, fails: Failure, runner: FlaskCliRunner, site: Organisation, tmp_path: Path
) -> None:
    pms("retire", "269", "--kind", "case", "--at", NOON)
    pms("retire", "CAB-A", "--with-packs", "--at", NOON)
    file = tmp_path / "site.csv"
    file.write_text("pack.id,board.id\n269,B300\n", "utf-8")
    for command in (("swap", "B269", "B300"), ("swap", "E1", "E2"), ("swap", "270", "0271")):
        told = fails(*command, "--at", "2026-03-02T12:00:00+07:00")
        assert "is retired, from 2026-03-01T12:00:00+07:00: `revive" in told
    words = ("pms", "import-registry", str(file), "--account", str(site.id), "--yes")
    imported = runner.invoke(args=words)
    assert imported.exit_code == 1
    assert "Case 269 is retired" in imported.stderr
    pms("swap", "B269", "B300", "--at", "2026-02-28T12:00:00+07:00")
    pms("revive", "269", "--kind", "case")
    pms("swap", "B300", "B301")


def test_an_empty_cabinet_leaves_and_one_with_packs_moves_within_its_pms(
    pms: Command, site: Organisation
) -> None:
    pms("install", "CAB-B", "--into", "P", "--place", 3)
    pms("remove", "270", "--kind", "case")
    pms("remove", "CAB-A")


def test_both_numbers_of_a_dock_are_told_where_they_differ(
    pms: Command, site: Organisation
) -> None:
    both = "dock 3 (7 of the PMS)"
    assert f"in {both} of cabinet CAB-B" in pms("lookup", "269").stdout
    assert f"  {both} of cabinet CAB-B from the beginning" in pms("history", "269").stdout
    assert f"    {both}: case 269\n" in pms("tree", "P").stdout
    assert "    dock 1: case 270\n" in pms("tree", "P").stdout
    moved = pms("move-case", "269", "--cabinet", "CAB-B", "--dock", 8).stdout
    assert f"dock 4 (8 of the PMS) of cabinet CAB-B, from {both} of" in " ".join(moved.split())


def test_what_is_told_is_on_the_clock_of_the_site_and_fits_a_terminal(
    pms: Command, fails: Failure, site: Organisation
) -> None:
    pms("move-case", "269", "--cabinet", "CAB-B", "--dock", 4, "--at", "2026-03-01T05:00:00Z")
    for command in (("lookup", "269"), ("history", "269"), ("history", "CAB-B"), ("tree",)):
        said = pms(*command).stdout
        assert not [line for line in said.splitlines() if len(line) > 80], command
        assert "+00:00" not in said
    assert NOON in pms("lookup", "269").stdout
    taken = fails("install", "0271", "--into", "CAB-B", "--place", 4)
    assert f"is taken by case 269 from {NOON}" in taken
