"""``flexmeasures pms completeness``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from conftest import Organisation
from support.site import Site
from support.telemetry import NOON, at, pack_sample, request

Command = Callable[..., Result]
TIMES = ("--since", NOON.isoformat(), "--until", at(120).isoformat())


@pytest.fixture
def pms_id(pms: Command, organisation: Organisation, tmp_path: Path) -> str:
    """A PMS, of which an hour of two packs and then nothing is stored."""
    site = Site(organisation.id)
    name = f"PMS-OF-{organisation.id}"
    with site.at_once() as new:
        new.pms(name)
        new.cases({"0241": 1, "0242": 2}, f"{name}-A")
    file = tmp_path / "a.json"
    samples = [
        pack_sample(case, at(m), dock=dock)
        for m in (0, 30)
        for dock, case in enumerate(("0241", "0242"), 1)
    ]
    file.write_text(request({"pms_id": name}, *samples))
    pms("ingest", file, "--account", organisation.id)
    return name


def test_hours_are_told_in_words_and_in_json(pms: Command, pms_id: str) -> None:
    assert pms("completeness", pms_id.lower(), *TIMES).output.splitlines() == [
        f"PMS {pms_id}",
        "  2026-03-01T19:00:00+07:00  100%  4 samples of 2 packs, 4 expected, each 1800 s",
        "  2026-03-01T20:00:00+07:00    0%  0 samples, 4 expected, each 1800 s",
    ]
    hours = json.loads(pms("completeness", pms_id, *TIMES, "--json").stdout)
    assert [hour["share"] for hour in hours] == [1, 0]


def test_an_organisation_sees_its_devices_only(
    pms: Command,
    fails: Callable[..., str],
    pms_id: str,
    organisation: Organisation,
    other_organisation: Organisation,
) -> None:
    none = pms("completeness", *TIMES, "--account", other_organisation.id).output
    assert none == "No PMS, MPPT or inverter is registered.\n"
    own = pms("completeness", *TIMES, "--account", organisation.id, "--json").stdout
    assert {hour["device"] for hour in json.loads(own)} == {pms_id}
    missing = fails("completeness", pms_id, "--account", other_organisation.id)
    assert "is registered" in missing

    Site(other_organisation.id).pms(pms_id)
    assert "say which with --account" in fails("completeness", pms_id)
    silent = pms("completeness", pms_id, *TIMES, "--account", other_organisation.id).output
    assert silent.splitlines()[1].endswith("  0%  nothing arrived, nor in the day before")


def test_a_time_that_makes_no_sense_is_refused(fails: Callable[..., str], pms_id: str) -> None:
    said = fails("completeness", pms_id, "--since", at(60).isoformat(), "--until", NOON.isoformat())
    assert "--since" in said
