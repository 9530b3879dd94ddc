"""What has to be done now and then is done by a command, and never by a request."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from conftest import Organisation
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner
from flexmeasures.data import db
from flexmeasures.data.models.task_runs import LatestTaskRun
from support import stored
from support.elsewhere import elsewhere
from support.received import receive_earlier, thin_all_earlier
from support.site import Site
from support.telemetry import at, pack_sample, request

from flexmeasures_pms.config import settings
from flexmeasures_pms.maintenance import run, steps
from flexmeasures_pms.maintenance.overdue import TASK
from flexmeasures_pms.maintenance.steps import Done, Step
from flexmeasures_pms.migrations import belief_tables
from flexmeasures_pms.storage.log import folding
from flexmeasures_pms.storage.log_tables import day_rest, sample
from flexmeasures_pms.storage.readings.belief_tables import table_of
from flexmeasures_pms.storage.tables import receipt

CASE = "case:0241"
Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def nothing_else_to_thin(app_context: Flask) -> None:
    thin_all_earlier()


@pytest.fixture
def site(organisation: Organisation) -> Site:
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms("PMS-1")
        new.case("0241", "PMS-1-A", 1)
        new.case("0242", "PMS-1-A", 2)
    return site


@pytest.fixture
def post(client: FlaskClient, organisation: Organisation, site: Site) -> Run:
    def send(*samples: object) -> Any:
        reply = client.post(
            "/pms/api/v1/devices/dataset/pms",
            data=request({"pms_id": "PMS-1"}, *samples),
            headers=organisation.headers,
            content_type="application/json",
        )
        assert reply.status_code == 200, reply.get_data(as_text=True)
        return reply.get_json()["receipt"]

    return send


@pytest.fixture
def pms(runner: FlaskCliRunner) -> Run:
    def invoke(*words: str, fails: bool = False) -> str:
        db.session.rollback()
        result = runner.invoke(args=["pms", *words])
        assert (result.exit_code != 0) == fails, result.output
        return result.output

    return invoke


def maintained(pms: Run) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(pms("maintain", "--json"))
    return {step["step"]: step for step in found["steps"]}


def latest_run() -> Any:
    db.session.rollback()
    return db.session.get(LatestTaskRun, TASK)


def received(account_id: int, ago: timedelta) -> str:
    """Let all beliefs have been received some time ago; return the name of that week's table."""
    week = table_of(datetime.now(UTC) - ago)
    receive_earlier(account_id, week)
    return week


def test_beliefs_are_thinned_where_they_are_old_enough(site: Site, post: Run, pms: Run) -> None:
    post(pack_sample("0241", at(1)), pack_sample("0241", at(2)))
    week = received(site.account_id, timedelta(days=20))
    first = maintained(pms)["thinning"]
    assert first["done"].startswith("thinned 1 table, moved")
    assert first["finished"]
    assert stored.times(site.account_id, CASE) == {at(1)}
    assert week not in belief_tables.names(db.session.connection())
    assert maintained(pms)["thinning"]["done"] == "nothing to do"
    assert stored.times(site.account_id, CASE) == {at(1)}


def test_days_that_cannot_be_folded_are_named_each_time(
    site: Site,
    post: Run,
    pms: Run,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    everywhere = folding.foldable
    own = {site.number("case", case) for case in ("0241", "0242")}
    monkeypatch.setattr(
        folding, "foldable", lambda now: [day for day in everywhere(now) if day[0] in own]
    )
    db.session.execute(sa.delete(day_rest))  # of other tests
    old = at(-90 * 24 * 60)
    post(pack_sample("0241", old), pack_sample("0242", old, dock=2))
    odd = sample.c.subject_id == site.number("case", "0241")
    db.session.execute(
        sa.update(sample).where(odd).values(event_time=old + timedelta(microseconds=1))
    )
    db.session.commit()
    says = "could not fold 1 day, first case '0241' on 2025-12-01 (see the log)"
    assert says in " ".join(pms("maintain").split())
    assert "times are not whole milliseconds" in caplog.text
    assert says in maintained(pms)["folding"]["done"]
    assert maintained(pms)["folding"]["finished"]
    db.session.execute(sa.delete(day_rest))
    db.session.execute(sa.delete(sample).where(odd))
    db.session.commit()


def test_nothing_is_thinned_where_beliefs_are_kept_for_ever(
    site: Site, post: Run, pms: Run, app_context: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    post(pack_sample("0241", at(1)), pack_sample("0241", at(2)))
    received(site.account_id, timedelta(days=20))
    for_ever = replace(settings(), belief_days=0)
    monkeypatch.setitem(app_context.extensions, "flexmeasures_pms", for_ever)
    assert maintained(pms)["thinning"]["done"] == "beliefs are kept for ever"
    assert stored.times(site.account_id, CASE) == {at(1), at(2)}
    assert "give --before" in pms("pack", fails=True)
    pms("pack", "--before", (datetime.now(UTC) - timedelta(days=12)).isoformat())
    assert stored.times(site.account_id, CASE) == {at(1)}


@pytest.mark.parametrize("folded", [False, True])
def test_what_was_packed_is_unpacked_and_packed_again(
    site: Site, post: Run, pms: Run, folded: bool
) -> None:
    samples = [pack_sample("0241", at(m), amps=m / 8) for m in range(7)]
    others = [pack_sample("0242", at(m), amps=m / 8, dock=2) for m in range(7)]
    post(*samples, *others)
    before = stored.beliefs(site.account_id, CASE)
    received(site.account_id, timedelta(days=20))
    pms("maintain" if folded else "pack")
    assert stored.times(site.account_id, CASE) == {at(0), at(5)}
    hot = sa.select(sa.func.count()).where(sample.c.subject_id == site.number("case", "0241"))
    assert (db.session.scalar(hot) == 0) == folded

    period = ("--start", at(1).isoformat(), "--end", at(5).isoformat())
    own = ("--account", str(site.account_id))
    assert pms("unpack", "0241", *period, *own).startswith("Added ")
    partly = {key: value for key, value in before.items() if key[0] < at(6)}
    assert stored.beliefs(site.account_id, CASE) == partly
    assert stored.times(site.account_id, "case:0242") == {at(0), at(5)}
    assert pms("unpack", "0241", *period, *own) == "Added 0 beliefs.\n"

    whole = ("--start", at(-600).isoformat(), "--end", at(600).isoformat())
    assert pms("unpack", "PMS-1", *whole, *own) != "Added 0 beliefs.\n"
    assert stored.beliefs(site.account_id, CASE) == before
    assert pms("unpack", *whole, *own) == "Added 0 beliefs.\n"
    assert post(samples[3])["duplicate"] == 1

    received(site.account_id, timedelta(days=20))
    pms("pack")
    assert stored.times(site.account_id, CASE) == {at(0), at(5)}
    assert len(stored.beliefs(site.account_id, CASE)) < len(before)
    assert stored.belief_count(site.account_id) == len(stored.beliefs(site.account_id, CASE)) + len(
        stored.beliefs(site.account_id, "case:0242")
    )


def test_what_the_log_has_forgotten_is_not_stored_again(
    site: Site, post: Run, pms: Run, app_context: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    post(pack_sample("0241"))
    maintained(pms)
    before = stored.belief_count(site.account_id)
    with_an_end = replace(settings(), sample_days=10)
    monkeypatch.setitem(app_context.extensions, "flexmeasures_pms", with_an_end)
    assert maintained(pms)["old samples"]["done"] != "nothing to do"
    assert post(pack_sample("0241"))["quarantined"] == 1
    (waiting,) = stored.waiting(site.account_id)
    assert "more than 10 days ago (PMS_SAMPLE_DAYS)" in waiting.message
    assert stored.belief_count(site.account_id) == before


def test_old_receipts_and_what_replays_leave_behind_go(site: Site, post: Run, pms: Run) -> None:
    number = post(pack_sample("0241"))["id"]
    long_ago = datetime(2001, 1, 1, tzinfo=UTC)
    db.session.execute(
        sa.update(receipt).where(receipt.c.id == number).values(received_at=long_ago)
    )
    db.session.commit()
    assert maintained(pms)["receipts"]["done"].startswith("deleted ")
    left = sa.select(receipt.c.id).where(receipt.c.id == number)
    assert db.session.scalar(left) is None


def test_requests_delete_nothing(site: Site, post: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flexmeasures_pms.ingest.housekeeping.EVERY", 1)
    number = post(pack_sample("0241"))["id"]
    long_ago = datetime(2001, 1, 1, tzinfo=UTC)
    db.session.execute(
        sa.update(receipt).where(receipt.c.id == number).values(received_at=long_ago)
    )
    db.session.commit()
    post(pack_sample("0241", at(1)))
    assert db.session.scalar(sa.select(receipt.c.id).where(receipt.c.id == number)) == number


def test_a_second_run_leaves_the_first_alone(pms: Run, database_uri: str) -> None:
    with elsewhere(database_uri, "SELECT pg_advisory_lock(hashtext('pms_maintain'))"):
        assert pms("maintain") == ("Maintenance of this database runs already: nothing was done.\n")
        assert json.loads(pms("maintain", "--json")) == {"running": True, "steps": []}
        assert "runs already: try again later" in pms("pack", fails=True)


def test_flexmeasures_knows_when_it_ran(pms: Run, runner: FlaskCliRunner) -> None:
    began = datetime.now(UTC)
    pms("maintain")
    assert latest_run().datetime >= began
    assert latest_run().status is True
    watch = ["monitor", "latest-run", "--task", TASK, "60"]
    assert runner.invoke(args=watch).exit_code == 0


def test_a_step_that_fails_keeps_no_other_from_running(
    pms: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> Done:
        db.session.execute(sa.text("SELECT 1 / 0"))
        return Done()

    last = Step("last", lambda _now, _goes_on: Done("did it"))
    monkeypatch.setattr(run, "STEPS", (Step("first", fail), last))
    said = pms("maintain", fails=True)
    assert "first: division by zero" in said
    assert "last: did it" in said
    assert "Not all was done: first failed. Try again." in said
    assert latest_run().status is False


def test_what_takes_too_long_is_left_for_the_next_time(
    site: Site, post: Run, pms: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    never = Step("thinning", lambda now, _: steps.STEPS[-1].run(now, lambda: False))
    post(pack_sample("0241", at(1)), pack_sample("0241", at(2)))
    received(site.account_id, timedelta(days=20))
    monkeypatch.setattr(run, "STEPS", (never,))
    assert pms("maintain") == "thinning: began to thin a table; the rest is done next time\n"
    assert stored.times(site.account_id, CASE) == {at(1), at(2)}
    monkeypatch.undo()
    pms("maintain")
    assert stored.times(site.account_id, CASE) == {at(1)}
