"""``flexmeasures pms quarantine``: samples are chosen by reason, pack, device and sender."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from conftest import Organisation
from flask.testing import FlaskCliRunner
from support import stored
from support.commands import Failure
from support.site import Site
from support.telemetry import at, pack_sample, request

Run = Callable[..., Result]


@pytest.fixture
def site(organisation: Organisation, runner: FlaskCliRunner, tmp_path: Path) -> Site:
    """Two PMSes, of which seven samples wait: of three packs, from two files."""
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms()
        new.pms("PMS-2")
        new.case("0241", "PMS-1-A", 1)
    for name, device, packs in (
        ("a.json", "PMS-1", ("0901", "0901", "0902")),
        ("b.json", "PMS-2", ("0901", "0903", "0903", "0903")),
    ):
        file = tmp_path / name
        samples = [pack_sample(pack, at(minute)) for minute, pack in enumerate(packs)]
        file.write_text(request({"pms_id": device}, *samples))
        runner.invoke(args=["pms", "ingest", str(file), "--account", str(organisation.id)])
    return site


@pytest.fixture
def run(runner: FlaskCliRunner, site: Site) -> Run:
    def invoke(command: str, *args: str, **options: str) -> Result:
        owner = ("--account", str(site.account_id))
        return runner.invoke(args=["pms", "quarantine", command, *owner, *args], **options)

    return invoke


@pytest.mark.parametrize(
    ("which", "number"),
    [
        ((), 7),
        (("--pack", "0901"), 3),
        (("--pack", "0901", "--pack", "0902"), 4),
        (("--device", "pms-2"), 4),
        (("--device", "PMS-2", "--pack", "0901"), 1),
        (("--sender", "file:a.json"), 3),
        (("--reason", "unknown_pack"), 7),
        (("--reason", "conflict"), 0),
        (("--dataset", "mppt"), 0),
        (("--pack", "901"), 0),
    ],
)
def test_what_is_chosen_is_listed_counted_and_replayed(
    run: Run, which: tuple[str, ...], number: int
) -> None:
    assert len(json.loads(run("list", *which, "--json").stdout)) == number
    groups = json.loads(run("groups", *which, "--json").stdout)
    assert sum(group["samples"] for group in groups) == number
    samples = "1 sample" if number == 1 else f"{number} samples"
    said = f"Total: {samples}." if number else "There is no such sample."
    assert run("list", *which).stdout.splitlines()[-1] == said
    assert f"Replayed {samples}: 0 left quarantine" in run("replay", *which).stdout


def test_groups_are_counted_the_largest_first(run: Run) -> None:
    groups = json.loads(run("groups", "--by", "pack", "--json").stdout)
    assert [(group["pack"], group["samples"]) for group in groups] == [
        ("0901", 3), ("0903", 3), ("0902", 1),
    ]  # fmt: skip
    by_sender = json.loads(run("groups", "--by", "sender", "--json").stdout)
    assert [g["sender"] for g in by_sender] == ["file:b.json", "file:a.json"]
    text = run("groups", "--by", "device").stdout
    assert "4 samples  PMS-2\n" in text
    assert "Register the pack" in run("groups").stdout


def test_a_long_list_says_how_much_it_leaves_out(run: Run) -> None:
    text = run("list", "--limit", "2").stdout
    assert text.count("unknown_pack") == 2
    assert text.splitlines()[-2:] == ["… and 5 more: --limit shows more.", "Total: 7 samples."]
    assert "… and 2 more" in run("groups", "--by", "pack", "--limit", "1").stdout
    assert len(json.loads(run("list", "--limit", "2", "--json").stdout)) == 2
    assert "… and" not in run("list", "--limit", "7").stdout


def test_a_list_fits_a_terminal_and_has_the_clock_of_the_site(run: Run) -> None:
    lines = run("list").stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert "  2026-03-01T19:00:00+07:00  from file:a.json" in lines


def test_what_is_chosen_is_discarded_once_that_is_agreed_to(run: Run, site: Site) -> None:
    chosen = ("--pack", "0901", "--device", "PMS-1", "--note", "a pack on the bench")

    asked = run("discard", *chosen, input="n\n")
    assert f"Discard 2 samples of organisation {site.account_id}? [y/N]" in asked.stderr
    assert (asked.exit_code, asked.stdout) == (1, "")
    assert "nobody answered" in run("discard", *chosen, input="").stderr
    assert len(stored.waiting(site.account_id)) == 7

    assert run("discard", *chosen, input="y\n").stdout == "Discarded 2 samples.\n"
    assert run("discard", *chosen, "--yes").stdout == "Discarded 0 samples.\n"
    assert run("discard", "--sender", "file:b.json", "--note", "x", "--yes").exit_code == 0
    assert [row.pack_id for row in stored.waiting(site.account_id)] == ["0902"]
    assert "a pack on the bench" in run("list", "--discarded", "--pack", "0901").stdout


def test_discarding_all_by_mistake_is_refused(run: Run, site: Site) -> None:
    everything = run("discard", "--note", "x", "--yes")
    assert everything.exit_code == 2
    assert "Say which samples: --id, --reason, --pack, --device, --sender" in everything.stderr
    assert "'--note'" in run("discard", "--pack", "0901", "--yes").stderr
    assert len(stored.waiting(site.account_id)) == 7


def test_a_reason_or_organisation_that_does_not_exist_is_said(run: Run, fails: Failure) -> None:
    said = run("list", "--reason", "unknown_pak")
    assert said.exit_code == 2
    assert "'unknown_pak' is none of unknown_pack, unknown_device" in said.stderr
    assert "There is no organisation 2147483647" in fails(
        "quarantine", "list", "--account", 2**31 - 1
    )


def test_only_the_chosen_samples_of_the_chosen_numbers_are_meant(run: Run, site: Site) -> None:
    of_902 = next(row.id for row in stored.waiting(site.account_id) if row.pack_id == "0902")
    other = run("replay", "--id", str(of_902), "--pack", "0901")
    assert f"No sample {of_902} waits" in other.stderr
    assert "Replayed 1 sample" in run("replay", "--id", str(of_902), "--pack", "0902").stdout
