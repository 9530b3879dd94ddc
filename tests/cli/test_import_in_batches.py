"""A registry file that is imported while others use the registry, and an import that is cut off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from click.testing import Result
from conftest import Organisation
from flask.testing import FlaskClient, FlaskCliRunner
from sqlalchemy.exc import OperationalError
from support import stored
from support.commands import Command, RegistryOf
from support.telemetry import at, pack_sample, request

from flexmeasures_pms.beliefs import provision
from flexmeasures_pms.errors import RegistryBusy
from flexmeasures_pms.ingest import follow_up, registry_file
from flexmeasures_pms.registry.importing.columns import CELL_COLUMNS

COLUMNS = ("pack.id", "board.id", "fet.board.id", *CELL_COLUMNS)
LINES, IN_ONE_GO = 60, 20


@pytest.fixture
def site(pms: Command, organisation: Organisation, nobody_else: None) -> Organisation:
    pms("register-pms", "PMS-01", "--account", organisation.id)
    pms("register-cabinet", "CAB-01", "--pms", "PMS-01")
    pms("register-case", "moving", "--cabinet", "CAB-01", "--dock", 1)
    return organisation


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """New cases with a board each, in no dock."""
    path = tmp_path / "cases.csv"
    rest = "," * (len(COLUMNS) - 2)
    rows = (f"pack{n:03d},board{n:03d}{rest}\n" for n in range(LINES))
    path.write_text(f"{','.join(COLUMNS)}\n{''.join(rows)}")
    return path


@pytest.fixture
def importing(runner: FlaskCliRunner, site: Organisation, file: Path) -> Callable[..., Result]:
    def run(*more: str) -> Result:
        return runner.invoke(
            args=["pms", "import-registry", str(file), "--account", str(site.id), "--yes", *more]
        )

    return run


@contextmanager
def after_batches(do: Callable[[int], object]) -> Iterator[None]:
    """Do something after each batch; it is told which one it was."""
    batches = iter(range(1, 1000))
    commit = follow_up.commit

    def committed(*args: Any) -> Any:
        moved = commit(*args)
        do(next(batches))
        return moved

    with (
        mock.patch.object(registry_file, "_LINES", IN_ONE_GO),
        mock.patch.object(registry_file, "commit", committed),
    ):
        yield


def cases(registry_of: RegistryOf, site: Organisation) -> dict[str, bool]:
    """The imported cases, and whether they have their asset."""
    entries = registry_of(site).entries.values()
    return {
        entry.ident: entry.asset_id is not None
        for entry in entries
        if entry.kind == "case" and entry.ident.startswith("pack")
    }


def test_others_change_the_registry_while_a_file_is_imported(
    importing: Callable[..., Result],
    client: FlaskClient,
    site: Organisation,
    pms: Command,
    registry_of: RegistryOf,
) -> None:
    stored = []

    def use(batch: int) -> None:
        reply = client.post(
            "/pms/api/v1/devices/dataset/pms",
            data=request({"pms_id": "PMS-01"}, pack_sample("moving", at(batch), dock=1 + batch)),
            headers=site.headers,
            content_type="application/json",
        )
        stored.append((reply.status_code, reply.get_json()["receipt"]["stored"]))
        pms("register-mppt", f"MPPT-{batch}", "--account", site.id)

    with after_batches(use):
        result = importing()
    assert result.exit_code == 0, result.output
    assert stored == [(200, 1)] * (LINES // IN_ONE_GO)
    assert cases(registry_of, site) == {f"pack{n:03d}": True for n in range(LINES)}
    known = registry_of(site)
    moving = known.find("case", "moving")
    assert known.place_of(moving.id, at(9)).place == 1 + LINES // IN_ONE_GO
    assert known.find("mppt", "MPPT-1").asset_id is not None


@pytest.mark.parametrize(
    "how",
    [KeyboardInterrupt(), RegistryBusy("busy"), OperationalError("", {}, Exception("gone"))],
    ids=lambda how: type(how).__name__,
)
def test_an_import_that_was_cut_off_goes_on_when_the_file_is_imported_again(
    importing: Callable[..., Result],
    client: FlaskClient,
    registry_of: RegistryOf,
    site: Organisation,
    how: BaseException,
) -> None:
    client.post(
        "/pms/api/v1/devices/dataset/pms",
        data=request({"pms_id": "PMS-01"}, pack_sample("pack000", at(0), dock=None)),
        headers=site.headers,
        content_type="application/json",
    )
    assert len(stored.waiting(site.id)) == 1

    def cut_off(batch: int) -> None:
        if batch == 2:
            raise how

    with after_batches(cut_off):
        result = importing()
    assert result.exit_code == (130 if isinstance(how, KeyboardInterrupt) else 1)
    assert f"{IN_ONE_GO} of {LINES} lines are imported." in result.stderr
    assert "Import the file again to go on" in result.stderr
    assert len(cases(registry_of, site)) == 2 * IN_ONE_GO

    result = importing()
    assert result.stdout.splitlines()[-1] == (
        f"{LINES} lines: {LINES - 2 * IN_ONE_GO} changed the registry, "
        f"{2 * IN_ONE_GO} say what it has."
    )
    assert cases(registry_of, site) == {f"pack{n:03d}": True for n in range(LINES)}
    assert stored.waiting(site.id) == []


def test_assets_that_lack_after_an_interruption_are_made_by_a_command(
    importing: Callable[..., Result], registry_of: RegistryOf, site: Organisation, pms: Command
) -> None:
    make_ready, calls = provision.make_ready, iter(range(1000))

    def interrupted(*args: Any) -> Any:
        if next(calls) == 1:
            raise KeyboardInterrupt
        return make_ready(*args)

    with (
        mock.patch.object(follow_up, "_ASSETS", 10),
        mock.patch.object(follow_up, "make_ready", interrupted),
    ):
        result = importing()
    assert result.exit_code == 130
    assert f"flexmeasures pms make-assets --account {site.id}" in result.stderr
    ready = cases(registry_of, site)
    assert len(ready) == LINES
    assert sum(ready.values()) == 10

    made = pms("make-assets", "--account", site.id).stdout
    assert made == f"Made {LINES - 10} FlexMeasures assets with sensors.\nNothing lacks any more.\n"
    assert all(cases(registry_of, site).values())
    assert pms("make-assets", "--account", site.id).stdout == "Nothing lacks.\n"


def test_a_line_that_does_not_fit_any_more_stops_the_import(
    importing: Callable[..., Result], registry_of: RegistryOf, site: Organisation, pms: Command
) -> None:
    def take_an_id(batch: int) -> None:
        if batch == 1:
            pms("register-case", "board030", "--account", site.id)

    with after_batches(take_an_id):
        result = importing()
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: Line 32: 'board030' can't be registered as acquisition board")
    assert f"{IN_ONE_GO} of {LINES} lines are imported. Import the file again to go on" in line
    assert len(cases(registry_of, site)) == IN_ONE_GO


@pytest.mark.parametrize(
    ("column", "options"),
    [("pack", ["0777"]), ("board", ["other", "--board", "B1", "--board-alias", "0777"])],
)
def test_an_id_like_one_that_others_register_meanwhile_stops_the_import(
    importing: Callable[..., Result], registry_of: RegistryOf, site: Organisation, pms: Command,
    file: Path, column: str, options: list[str],
) -> None:  # fmt: skip
    file.write_text(file.read_text().replace(f"{column}050", "777"))

    def take_its_like(batch: int) -> None:
        if batch == 1:
            pms("register-case", *options, "--account", site.id)

    with after_batches(take_its_like):
        result = importing()
    assert result.exit_code == 1
    assert "'777' differs from the known" in result.stderr
    assert f"{2 * IN_ONE_GO} of {LINES} lines are imported." in result.stderr
    assert len(cases(registry_of, site)) == 2 * IN_ONE_GO


def test_a_line_repairs_an_asset_that_was_deleted(
    importing: Callable[..., Result], registry_of: RegistryOf, site: Organisation
) -> None:
    from flexmeasures.data import db
    from flexmeasures.data.models.generic_assets import GenericAsset

    importing()
    asset_id = registry_of(site).find("case", "pack007").asset_id
    db.session.delete(db.session.get(GenericAsset, asset_id))
    db.session.commit()
    assert not cases(registry_of, site)["pack007"]

    assert "Made 1 FlexMeasures asset with sensors." in importing().stdout
    assert cases(registry_of, site)["pack007"]


def test_nothing_of_a_faulty_file_is_imported(
    importing: Callable[..., Result], registry_of: RegistryOf, site: Organisation, file: Path
) -> None:
    with file.open("a") as more:
        more.write(f"pack999,board000{',' * (len(COLUMNS) - 2)}\n")
    with mock.patch.object(registry_file, "_LINES", IN_ONE_GO):
        result = importing()
    assert "Nothing was imported: 1 of 61 lines are faulty." in result.stderr
    assert cases(registry_of, site) == {}


def test_ctrl_c_in_an_import_stops_the_batch_that_runs_it(
    runner: FlaskCliRunner, site: Organisation, file: Path, tmp_path: Path, registry_of: RegistryOf
) -> None:
    def interrupt(_batch: int) -> None:
        raise KeyboardInterrupt

    commands = tmp_path / "commands.txt"
    commands.write_text(f"import-registry {file} --yes\nregister-case after\n")
    args = ["pms", "batch", str(commands), "--keep-going", "--account", str(site.id)]
    with after_batches(interrupt):
        result = runner.invoke(args=args)
    assert result.exit_code == 130
    assert "Interrupted in line 1." in result.stderr
    assert registry_of(site).find("case", "after") is None


def test_a_line_that_strips_a_case_of_what_it_has_got_since_stops_the_import(
    importing: Callable[..., Result], registry_of: RegistryOf, site: Organisation, pms: Command
) -> None:
    pms("register-case", "docked", "--cabinet", "CAB-01", "--dock", 2)

    def take_a_board(batch: int) -> None:
        if batch == 1:
            pms("install", "board030", "--into", "docked", "--kind", "acquisition-board")

    with after_batches(take_a_board):
        result = importing()
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert "Line 32: It takes acquisition board board030 from case docked" in line
    assert len(cases(registry_of, site)) == IN_ONE_GO


def test_a_line_whose_id_nearly_equals_a_new_one_stops_the_import(
    importing: Callable[..., Result], site: Organisation, pms: Command, file: Path
) -> None:
    with file.open("a") as more:
        more.write(f"77,{',' * (len(COLUMNS) - 2)}\n")

    def register(batch: int) -> None:
        if batch == 1:
            pms("register-case", "0077", "--account", site.id)

    with after_batches(register):
        result = importing()
    assert result.exit_code == 1
    assert "'77' differs from the known case 0077 only by leading zeros" in result.stderr
    assert f"{LINES} of {LINES + 1} lines are imported." in result.stderr
