"""Commands that answer where things are used, how often they are swapped, and what was done."""

from __future__ import annotations

import csv
import json
from io import StringIO

import pytest
from conftest import Organisation
from support.commands import Command, Failure

pytestmark = pytest.mark.usefixtures("nobody_else")


@pytest.fixture
def site(pms: Command, organisation: Organisation) -> str:
    """A PMS whose second board, of a bad batch, was swapped for a spare one."""
    own = ("--account", organisation.id)
    pms("register-party", "Volt Parts", "--role", "supplier", *own)
    pms("register-product", "Acme", "AB-14", "v2", "--kind", "acquisition-board", *own)
    for lot in ("LOT-6", "LOT-7"):
        pms("register-batch", lot, "--product", "Acme AB-14 v2", "--supplier", "Volt Parts", *own)
    pms("register-pms", "P1", "--timezone", "Asia/Jakarta", *own)
    for number, lot in ((1, "LOT-6"), (2, "LOT-7")):
        pms("register-case", f"K{number}", *own)
        pms(
            "install",
            f"K{number}",
            "--into",
            "P1",
            "--place",
            number,
            *own,
            "--at",
            "2025-01-01T00:00Z",
        )
        pms("install", f"B-{number}", "--into", f"K{number}", "--kind", "acquisition-board", *own,
            "--at", "2025-01-01T00:00Z")  # fmt: skip
        pms(
            "procure", f"B-{number}", "--batch", lot, "--warranty-until", f"2026-0{number}-01", *own
        )
    pms("swap", "B-2", "B-3", *own, "--at", "2025-07-01T00:00Z")
    return str(organisation.id)


def test_a_recall_list_says_where_a_batch_is_and_was(pms: Command, site: str) -> None:
    own = ("--account", site)
    now = pms("where-used", "--batch", "LOT-7", *own).stdout
    assert now.splitlines() == [
        "acquisition board B-2: not installed",
        "  Acme AB-14 v2, batch LOT-7, Volt Parts",
    ]
    then = ("--at", "2025-03-01T00:00Z")
    assert "B-2: case K2, dock 2, PMS P1, since 2025-01-01T07:00" in pms(
        "where-used", "--batch", "lot-7", *then, *own
    ).stdout  # fmt: skip
    text = pms("where-used", "--supplier", "volt parts", "--csv", *then, *own).stdout
    rows = {row["id"]: row for row in csv.DictReader(StringIO(text))}
    assert {name: (row["case"], row["dock"], row["state"]) for name, row in rows.items()} == {
        "B-1": ("K1", "1", "installed"),
        "B-2": ("K2", "2", "installed"),
    }
    assert rows["B-1"]["product"] == "Acme AB-14 v2"


def test_rates_name_what_was_swapped_most_and_that_it_is_of_few(pms: Command, site: str) -> None:
    at = ("--at", "2026-01-01T00:00Z", "--account", site)
    text = pms("swap-rates", "--kind", "acquisition-board", *at).stdout
    assert text.splitlines()[:2] == [
        "Acme AB-14 v2 LOT-7",
        "  1 unit, 0.5 unit-years, 1 swap: 1 without a cause",
    ]
    assert "a rate of few" in text
    (bad, good) = json.loads(pms("swap-rates", "--kind", "acquisition-board", "--json", *at).stdout)
    assert (bad["swaps"], good["swaps"]) == (1, 0)
    assert bad["rate"]["low"] > good["rate"]["low"] == 0
    left = pms("lifetimes", "--kind", "acquisition-board", "--batch", "LOT-7", *at).stdout
    assert left.splitlines() == [
        "1 installation, 1 fault.",
        "after    181 days    0.0% left (0.0% to 100.0%)",
    ]


def test_a_code_with_a_leading_zero_stays_as_it_is(pms: Command, site: str) -> None:
    codes = ("--parameter", "article_no=00341", "--parameter", "rated_capacity_Ah=280.50")
    pms("register-product", "Acme", "C-1", "--kind", "cell-block", *codes, "--account", site)
    (found,) = (
        one
        for one in json.loads(pms("products", "--json", "--account", site).stdout)
        if one["kind"] == "cell-block"
    )
    assert found["parameters"] == {"article_no": "00341", "rated_capacity_Ah": 280.5}


def test_warranties_and_the_service_log_are_listed(pms: Command, site: str) -> None:
    own = ("--account", site)
    year = ("--from", "2026-01-01", "--until", "2026-02-02")
    text = pms("warranty", *year, *own).stdout
    assert text.splitlines()[::2] == [
        "2026-01-01: acquisition board B-1",
        "2026-02-01: acquisition board B-2",
    ]
    log = json.loads(
        pms("service-log", "P1", "--start", "2025-06-01T00:00Z", "--json", *own).stdout
    )
    assert {(entry["verb"], entry["ident"]) for entry in log} == {
        ("swapped", "B-2"),
        ("swapped", "B-3"),
    }


def test_what_is_unknown_is_said_with_what_to_do(fails: Failure, site: str) -> None:
    own = ("--account", site)
    assert fails("where-used", *own).startswith("Say of what: --product")
    assert fails("where-used", "--batch", "LOT-9", *own) == (
        "No batch is registered as 'LOT-9': `batches` lists them."
    )
    assert "9999-06-01 can't be: use a day from 1990-01-01" in fails(
        "warranty", "--from", "9999-06-01", *own
    )
    assert fails("where-used", "--supplier", "Nobody", *own) == (
        "No party is registered as 'Nobody': `parties` lists them."
    )
