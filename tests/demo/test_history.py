"""What the demo's site has behind it when it is started for the first time."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import Result
from conftest import Organisation
from flask import Flask
from flask.testing import FlaskCliRunner
from flexmeasures.data import db
from support.registry import Registry

from flexmeasures_pms.demo.history import BAD, SWAPPED_AFTER, register_history
from flexmeasures_pms.demo.prepare import register_site
from flexmeasures_pms.registry.kinds import BOARD
from flexmeasures_pms.simulator import demo_layout

LAYOUT = demo_layout()
CASES = LAYOUT.systems[0].cases()
NOW = datetime(2026, 6, 1, 15, 30, tzinfo=LAYOUT.zone)
BAD_LOT = "ACME AB-14 v2 B-12"


@pytest.fixture
def site(app_context: Flask, organisation: Organisation) -> Organisation:
    """An organisation with the demo's site, as its first start leaves it."""
    start(app_context, organisation)
    return organisation


def start(app: Flask, organisation: Organisation) -> None:
    register_history(organisation.id, LAYOUT, NOW)
    register_site(app, LAYOUT, organisation.id)


def asked(runner: FlaskCliRunner, organisation: Organisation, *args: str) -> list[dict[str, Any]]:
    account = ["--account", str(organisation.id), "--json"]
    result: Result = runner.invoke(args=["pms", *args, *account])
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.output)
    return found


def test_the_bad_batch_is_first_by_far(site: Organisation, runner: FlaskCliRunner) -> None:
    bad, *good = asked(runner, site, "swap-rates", "--kind", BOARD, "--at", NOW.isoformat())
    assert (bad["name"], bad["units"], bad["swaps"]) == (BAD_LOT, 8, 6)
    assert [(one["units"], one["swaps"]) for one in good] == [(4, 1), (7, 0)]
    assert all(bad["rate"]["low"] > one["rate"]["value"] for one in good)


def test_what_is_left_of_the_bad_batch_is_found_now_and_a_year_ago(
    site: Organisation, runner: FlaskCliRunner
) -> None:
    now, year_ago = (
        {
            one["case"]: (one["cabinet"], one["dock"])
            for one in asked(runner, site, "where-used", "--batch", "B-12", "--at", at.isoformat())
            if one["is_installed"]
        }
        for at in (NOW, NOW - timedelta(days=365))
    )
    assert now == {"0243": ("CAB-01-001", 3), "0249": ("CAB-01-002", 3)}
    late = [n for n in BAD if SWAPPED_AFTER.get(n, 999) > 365]
    assert set(year_ago) == {CASES[n].ident for n in late}


def test_all_boards_are_where_the_layout_has_them_when_the_demo_reports(
    site: Organisation,
) -> None:
    directory = Registry(site.id).directory
    for at in (NOW - timedelta(days=60), NOW - timedelta(days=2), NOW + timedelta(days=365)):
        for case in CASES:
            board = directory.find(BOARD, case.board)
            held = [directory.entry(r.assembly_id).ident for r in directory.by_part[board.id]
                    if r.begin <= at < r.end]  # fmt: skip
            assert held == [case.ident]


def test_a_second_start_after_one_that_was_cut_off_changes_nothing(
    app_context: Flask, organisation: Organisation
) -> None:
    def changes() -> int:
        query = "SELECT count(*) FROM pms_transaction WHERE account_id = :account"
        return int(db.session.execute(sa.text(query), {"account": organisation.id}).scalar_one())

    register_history(organisation.id, LAYOUT, NOW)
    cut_off = changes()
    register_history(organisation.id, LAYOUT, NOW + timedelta(days=3))
    assert changes() == cut_off > 0
    start(app_context, organisation)
    whole = changes()
    start(app_context, organisation)
    assert changes() == whole > cut_off
