"""Telemetry from files, and the quarantine, from the shell."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from conftest import Organisation
from flask import Flask
from flask.testing import FlaskCliRunner
from support import stored
from support.changed import changed_settings
from support.site import Site
from support.telemetry import NOON, at, pack_sample, request, wire_time

Run = Callable[..., Result]


@pytest.fixture
def run(runner: FlaskCliRunner) -> Run:
    def invoke(*args: object) -> Result:
        return runner.invoke(args=["pms", *map(str, args)])

    return invoke


@pytest.fixture
def site(organisation: Organisation) -> Site:
    # Ids of this test alone: the command line sees all organisations.
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms(f"PMS-OF-{organisation.id}")
        new.case("0241", f"PMS-OF-{organisation.id}-A", 1)
    return site


@pytest.fixture
def pms(site: Site) -> str:
    return f"PMS-OF-{site.account_id}"


def csv(pms: str, *minutes: float, pack: str = "0241", volts: str = "3.7") -> str:
    columns = ",".join(f"cell.volts.{n}" for n in range(1, 15))
    rows = (f"{pms},{wire_time(at(m))},{pack},1" + f",{volts}" * 14 for m in minutes)
    return "\n".join([f"pms_id,time_local,pack.id,pack.dock,{columns}", *rows, ""])


def test_a_csv_file_is_stored_and_its_receipt_summed_up(
    run: Run, site: Site, pms: str, tmp_path: Path
) -> None:
    file = tmp_path / "log.csv"
    file.write_text(csv(pms, 0, 1, 2))

    result = run("ingest", file)

    assert result.exit_code == 0, result.output
    assert "3 samples: 3 stored (55 beliefs), 3 late." in result.output
    assert stored.times(site.account_id, "case:0241") == {at(0), at(1), at(2)}
    again = run("ingest", file).output
    assert "3 samples: 0 stored (0 beliefs), 3 duplicate, 3 late." in again


def test_a_long_file_is_cut_into_batches_with_lines_counted_on(
    run: Run, site: Site, pms: str, tmp_path: Path
) -> None:
    file = tmp_path / "log.csv.gz"
    text = csv(pms, *range(2_100)) + csv(pms, 0, pack="0299").splitlines()[1] + "\n"
    file.write_bytes(gzip.compress(text.encode()))

    result = run("ingest", file, "--json")

    assert result.exit_code == 0, result.output
    report = json.loads(result.output)
    assert report["receipt"]["stored"] == 2_100
    assert [problem["path"] for problem in report["problems"]] == ["line 2102.pack.id"]
    assert len(stored.times(site.account_id, "case:0241")) == 2_100


@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".jsonl.gz"])
def test_json_files_hold_requests(
    run: Run, site: Site, pms: str, tmp_path: Path, suffix: str
) -> None:
    device = {"pms_id": pms}
    if suffix == ".json":
        text = request(device, pack_sample("0241"), pack_sample("0241", at(1)))
    else:
        text = "\n".join(
            [request(device, pack_sample("0241")), "", request(device, pack_sample("0241", at(1)))]
        )
    file = tmp_path / f"log{suffix}"
    file.write_bytes(gzip.compress(text.encode()) if suffix.endswith("gz") else text.encode())

    result = run("ingest", file)

    assert "2 samples: 2 stored (67 beliefs)" in result.output
    assert stored.times(site.account_id, "case:0241") == {NOON, at(1)}


def test_several_files_are_summed_up(run: Run, site: Site, pms: str, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a.csv", "b.csv")]
    for minute, file in enumerate(files):
        file.write_text(csv(pms, minute))
    assert "2 samples: 2 stored" in run("ingest", *files).output


def test_a_broken_line_is_named_and_what_came_before_is_kept(
    run: Run, site: Site, pms: str, tmp_path: Path
) -> None:
    file = tmp_path / "log.jsonl"
    file.write_text(request({"pms_id": pms}, pack_sample("0241")) + "\n{broken\n")

    result = run("ingest", file)

    assert result.exit_code == 0
    assert "line 2: The body is not JSON" in result.output
    assert "log.jsonl: 1 stored; line 2 can't be read; 0 stored." in result.output
    assert stored.times(site.account_id, "case:0241") == {NOON}


def test_the_organisation_follows_from_the_ids_or_is_asked_for(
    run: Run, site: Site, pms: str, other_organisation: Organisation, tmp_path: Path
) -> None:
    file = tmp_path / "log.csv"
    file.write_text(csv("PMS-nobody", 0))
    unknown = run("ingest", file)
    assert unknown.exit_code == 1
    assert "no organisation has registered PMS-nobody" in unknown.output
    assert "1 in quarantine" in run("ingest", file, "--account", site.account_id).output

    Site(other_organisation.id).pms(pms)
    file.write_text(csv(pms, 0))
    ambiguous = run("ingest", file)
    assert ambiguous.exit_code == 1
    assert "say which with --account" in ambiguous.output
    run("ingest", file, "--account", site.account_id)
    assert stored.times(site.account_id, "case:0241") == {NOON}
    assert stored.belief_count(other_organisation.id) == 0


def test_a_file_of_another_kind_is_refused(run: Run, site: Site, tmp_path: Path) -> None:
    file = tmp_path / "log.xlsx"
    file.write_text("x")
    result = run("ingest", file, "--account", site.account_id)
    assert result.exit_code == 1
    assert "log.xlsx: Give a file that ends in .csv" in result.output


def test_the_quarantine_is_listed_replayed_and_discarded(
    run: Run, site: Site, pms: str, tmp_path: Path
) -> None:
    file = tmp_path / "log.csv"
    file.write_text(csv(pms, 0, pack="0300") + csv(pms, 1, pack="0301").splitlines()[1] + "\n")
    run("ingest", file)
    account = ("--account", site.account_id)

    lines = json.loads(run("quarantine", "list", *account, "--json").stdout)
    assert sorted(line["pack_id"] for line in lines) == ["0300", "0301"]
    assert "Total: 2 samples." in run("quarantine", "list", *account).output
    still = run("quarantine", "replay", "--id", lines[0]["id"]).output
    assert still == "Replayed 1 sample: 0 left quarantine (0 beliefs stored), 1 still waiting.\n"

    done = run("quarantine", "discard", "--id", lines[1]["id"], "--note", "test bench")
    assert done.output == "Discarded 1 sample.\n"
    assert "test bench" in run("quarantine", "list", "--discarded", *account).output
    twice = run("quarantine", "discard", "--id", lines[1]["id"], "--note", "again")
    assert (twice.exit_code, f"No sample {lines[1]['id']} waits" in twice.output) == (1, True)


def test_discarding_needs_a_reason(run: Run) -> None:
    result = run("quarantine", "discard", "--id", 1)
    assert result.exit_code == 2
    assert "--note" in result.output


def test_the_list_says_what_releases_a_sample_and_what_is_nearly_full(
    run: Run, site: Site, pms: str, tmp_path: Path, app: Flask
) -> None:
    file = tmp_path / "log.csv"
    file.write_text(csv(pms, *range(4), pack="0999"))
    run("ingest", file)
    listed = ("quarantine", "list", "--account", site.account_id)
    with changed_settings(app, max_quarantine=5, quarantine_share=80):
        text, as_json = run(*listed), run(*listed, "--json")
    whole, share, advice = text.stderr.splitlines()
    assert f"The quarantine of organisation {site.account_id} is 80 % full: 4 of 5" in whole
    assert f"The share of {pms} in the quarantine of organisation" in share
    assert "Register what is missing, or discard samples." in advice
    assert text.stdout.splitlines()[-1] == "Total: 4 samples."
    assert as_json.stderr == text.stderr
    rows = json.loads(as_json.stdout)
    assert len(rows) == 4
    assert {row["release"] for row in rows} == {"registration"}
    assert all(row["advice"].startswith("Register the pack") for row in rows)
    with changed_settings(app, max_quarantine=6, quarantine_share=100):
        assert run(*listed).output.splitlines()[-1] == "Total: 4 samples."
        assert len(json.loads(run(*listed, "--json").output)) == 4
