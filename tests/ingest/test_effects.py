"""What follows from a change of the registry: in time, and whatever happens in between."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from unittest import mock

import psycopg2
import pytest
import sqlalchemy as sa
from conftest import Organisation
from flask import Flask
from flask.testing import FlaskClient
from flexmeasures.data import db
from flexmeasures.data.models.generic_assets import GenericAsset
from psycopg2.errors import DeadlockDetected
from sqlalchemy.exc import NoResultFound, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError
from support import stored
from support.races import Race, before_each, race
from support.site import AUTHOR, Site
from support.telemetry import NOON, at, converter_sample, pack_sample, request

from flexmeasures_pms import deadline
from flexmeasures_pms.beliefs.provision import make_ready
from flexmeasures_pms.errors import StorageBusy
from flexmeasures_pms.ingest import follow_up, hot_swap, housekeeping, plan, readiness, replay
from flexmeasures_pms.registry.editing import moves
from flexmeasures_pms.registry.editing.writer import editing
from flexmeasures_pms.registry.tables import pending, trackable

Post = Callable[..., dict[str, int]]


@pytest.fixture
def site(organisation: Organisation) -> Site:
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms("PMS-1")
        new.case("0241", "PMS-1-A", 1)
        new.case("0242", "PMS-1-A", 2)
    return site


@pytest.fixture
def post(client: FlaskClient, organisation: Organisation) -> Post:
    def send(*samples: object) -> dict[str, int]:
        reply = client.post(
            "/pms/api/v1/devices/dataset/pms",
            data=request({"pms_id": "PMS-1"}, *samples),
            headers=organisation.headers,
            content_type="application/json",
        )
        receipt: dict[str, int] = reply.get_json()["receipt"]
        return receipt

    return send


def asset(account_id: int, external_id: str) -> GenericAsset | None:
    return db.session.scalars(
        sa.select(GenericAsset).where(
            GenericAsset.account_id == account_id, GenericAsset.external_id == external_id
        )
    ).one_or_none()


def to_come(account_id: int) -> set[str]:
    """Of which things effects are to come."""
    query = sa.select(trackable.c.ident).join(pending, pending.c.trackable_id == trackable.c.id)
    return set(db.session.scalars(query.where(pending.c.account_id == account_id)))


GONE = OperationalError("", {}, Exception("gone"))
FAILURES = (
    GONE, psycopg2.OperationalError("gone"), PoolTimeout(), NoResultFound(), StaleDataError(),
    StorageBusy("busy"),
)  # fmt: skip


def fail(how: Exception = GONE) -> mock._patch[mock.Mock]:
    """Let the database go away between a change and its effects."""
    return mock.patch.object(follow_up, "make_ready", side_effect=how)


def let_time_pass(account_id: int) -> None:
    """Let nobody be expected to do any more what is still to come."""
    past = pending.c.since - timedelta(hours=1)
    owner = pending.c.account_id == account_id
    db.session.execute(sa.update(pending).where(owner).values(since=past))
    db.session.commit()


def test_nothing_is_to_come_after_a_change(site: Site) -> None:
    assert to_come(site.account_id) == set()


@pytest.mark.parametrize("how", FAILURES, ids=lambda how: type(how).__name__)
def test_a_change_whose_effects_fail_is_registered_and_the_next_one_does_what_lacks(
    site: Site, post: Post, how: Exception
) -> None:
    assert post(pack_sample("0243", dock=3))["quarantined"] == 1
    with fail(how):
        (line,) = site.case("0243", "PMS-1-A", 3).lines
    assert str(line) == "FlexMeasures assets and waiting samples follow later."
    assert to_come(site.account_id) == {"0243"}
    assert len(stored.waiting(site.account_id)) == 1

    site.case("0244")
    assert to_come(site.account_id) == {"0243"}, "who made it may still be at it"

    let_time_pass(site.account_id)
    site.case("0245")
    assert to_come(site.account_id) == set()
    assert stored.times(site.account_id, "case:0243") == {NOON}
    assert stored.waiting(site.account_id) == []


def test_an_order_that_is_given_again_completes_what_it_left(site: Site, post: Post) -> None:
    assert post(pack_sample("0243", dock=3))["quarantined"] == 1
    with fail():
        site.case("0243", "PMS-1-A", 3)
    assert len(stored.waiting(site.account_id)) == 1

    site.case("0243", "PMS-1-A", 3)
    assert to_come(site.account_id) == set()
    assert stored.times(site.account_id, "case:0243") == {NOON}
    assert stored.waiting(site.account_id) == []


def test_requests_do_what_nobody_is_left_to_do(
    site: Site, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    post(pack_sample("0243", dock=3))
    with fail():
        site.case("0243", "PMS-1-A", 3)
    monkeypatch.setattr(housekeeping, "EVERY", 1)

    post(pack_sample("0241", at(1)))
    assert to_come(site.account_id) == {"0243"}, "who made it may still be at it"

    let_time_pass(site.account_id)
    post(pack_sample("0241", at(2)))
    assert to_come(site.account_id) == set()
    assert stored.times(site.account_id, "case:0243") == {NOON}


def test_an_interrupted_replay_is_done_again(site: Site, post: Post) -> None:
    post(pack_sample("0243", dock=3))
    with (
        mock.patch.object(follow_up, "replay", side_effect=KeyboardInterrupt),
        pytest.raises(KeyboardInterrupt),
    ):
        site.case("0243", "PMS-1-A", 3)
    db.session.rollback()
    assert asset(site.account_id, "case:0243") is not None

    assert follow_up.complete(site.account_id).replayed.released == 1
    assert to_come(site.account_id) == set()


def test_the_asset_of_a_pack_that_moved_by_itself_follows(site: Site, post: Post) -> None:
    assert post(pack_sample("0241", at(0), dock=5))["stored"] == 1
    found = asset(site.account_id, "case:0241")
    assert found is not None
    assert found.description == "Case in dock 5 of cabinet PMS-1-A"
    assert to_come(site.account_id) == set()


@pytest.mark.parametrize("how", FAILURES, ids=lambda how: type(how).__name__)
def test_a_stored_sample_is_acknowledged_also_when_the_asset_can_not_follow_it(
    site: Site, post: Post, how: Exception
) -> None:
    with mock.patch.object(hot_swap, "make_ready", side_effect=how):
        assert post(pack_sample("0241", at(0), dock=5))["stored"] == 1
    assert to_come(site.account_id) == {"0241"}


def test_a_deadline_that_ends_with_the_commit_gives_nothing_up(site: Site) -> None:
    commit = follow_up.commit

    def late(*args: Any) -> Any:
        moved = commit(*args)
        deadline.begin(0)
        return moved

    with mock.patch.object(follow_up, "commit", late):
        (made,) = site.case("0243").lines
    assert str(made) == "Made 1 FlexMeasures asset with sensors."


def test_a_replay_stops_when_its_time_is_over_and_goes_on_later(site: Site, post: Post) -> None:
    post(*(pack_sample("0243", at(n), dock=3) for n in range(3)))
    over = mock.Mock(monotonic=lambda: float("inf"))
    with mock.patch.object(replay, "_BATCH", 1), mock.patch.object(replay, "time", over):
        lines = [str(line) for line in site.case("0243", "PMS-1-A", 3).lines]
    assert lines[-1] == "FlexMeasures assets and waiting samples follow later."
    assert len(stored.waiting(site.account_id)) == 2
    assert to_come(site.account_id) == {"0243"}

    assert follow_up.complete(site.account_id).replayed.released == 2
    assert to_come(site.account_id) == set()


def test_what_fails_each_time_keeps_back_nothing_else(
    site: Site, other_organisation: Organisation
) -> None:
    other = Site(other_organisation.id)
    with fail():
        site.case("0243")
        site.case("0244")
        other.case("0245")
    bad = site.number("case", "0243")

    def ready(account_id: int, numbers: list[int]) -> Any:
        if bad in numbers:
            raise RuntimeError
        return make_ready(account_id, numbers)

    for account_id in (site.account_id, other.account_id):
        let_time_pass(account_id)
    with mock.patch.object(follow_up, "make_ready", ready):
        for _ in range(3):
            follow_up.complete_abandoned(1, 60)
        assert to_come(other.account_id) == set()
        assert to_come(site.account_id) == {"0243"}

        let_time_pass(site.account_id)
        site.case("0246")
        assert to_come(site.account_id) == {"0243"}


@pytest.fixture
def people(app_context: Flask, database_uri: str) -> Iterator[Race]:
    with race(app_context, database_uri) as found:
        yield found


def test_a_second_move_while_the_asset_follows_the_first_is_not_forgotten(
    site: Site, post: Post, people: Race
) -> None:
    def move_on() -> None:
        with editing(site.account_id, AUTHOR) as changeset:
            case = changeset.view.entry(site.number("case", "0241"))
            cabinet = changeset.view.entry(site.number("cabinet", "PMS-1-A"))
            moves.install(changeset, case, cabinet, 7)
        db.session.commit()

    once = iter([move_on])
    with before_each("FROM pms_pending JOIN", lambda: people.do(next(once))) as seen:
        assert post(pack_sample("0241", at(0), dock=5))["stored"] == 1
    assert len(seen) == 1
    assert to_come(site.account_id) == {"0241"}

    follow_up.complete(site.account_id)
    found = asset(site.account_id, "case:0241")
    assert found is not None
    assert found.description == "Case in dock 7 of cabinet PMS-1-A"


def delete(account_id: int, external_id: str) -> None:
    db.session.delete(asset(account_id, external_id))


def give_away(account_id: int, external_id: str, to: int) -> None:
    found = asset(account_id, external_id)
    assert found is not None
    found.account_id = to


def test_an_asset_that_lacks_is_made_though_no_change_is_noted(site: Site, post: Post) -> None:
    """An older process registered the pack during an upgrade, and noted nothing."""
    owner = trackable.c.account_id == site.account_id
    old = sa.update(trackable).where(owner, trackable.c.ident == "0241")
    db.session.execute(old.values(provisioned=False))
    delete(site.account_id, "case:0241")
    assert asset(site.account_id, "case:0241") is None

    assert post(pack_sample("0241", dock=1))["stored"] == 1
    assert asset(site.account_id, "case:0241") is not None
    assert stored.times(site.account_id, "case:0241") == {NOON}


def test_what_samples_lack_is_made_again_after_a_deadlock(
    site: Site, client: FlaskClient, organisation: Organisation
) -> None:
    site.register("mppt", "MPPT-1")
    died = OperationalError("", {}, DeadlockDetected())
    real, left = readiness.make_ready, iter([died])

    def make(*args: Any) -> None:
        if error := next(left, None):
            raise error
        real(*args)

    with mock.patch.object(plan, "make_ready", make):
        reply = client.post(
            "/pms/api/v1/devices/dataset/mppt",
            data=request({"mppt_id": "MPPT-1"}, converter_sample()),
            headers=organisation.headers,
            content_type="application/json",
        )
    assert next(left, None) is None, "nothing had to be made"
    assert reply.status_code == 200
    assert reply.get_json()["receipt"]["stored"] == 1


@pytest.mark.parametrize("given", [True, False], ids=["given away", "deleted"])
def test_an_asset_that_was_taken_away_is_not_made_again_but_when_the_thing_is_registered_again(
    site: Site, post: Post, other_organisation: Organisation, given: bool
) -> None:
    if given:
        give_away(site.account_id, "case:0241", other_organisation.id)
    else:
        delete(site.account_id, "case:0241")
    db.session.commit()

    assert post(pack_sample("0241", dock=1))["quarantined"] == 1
    (row,) = stored.waiting(site.account_id)
    assert row.message.startswith(
        "The FlexMeasures asset of case '0241' was deleted, or given to another organisation. "
        "Register the case again: then it gets a new asset."
    )
    assert post(pack_sample("0242", at(1), dock=1))["stored"] == 1  # takes its dock
    site.install(("case", "0241"), ("cabinet", "PMS-1-A"), place=7)
    assert asset(site.account_id, "case:0241") is None

    made, replayed = site.case("0241").lines
    assert str(made) == "Made 1 FlexMeasures asset with sensors."
    assert str(replayed).startswith("Replayed 1 sample from quarantine")
    assert stored.times(site.account_id, "case:0241") == {NOON}
    assert stored.belief_count(other_organisation.id) == 0
    assert site.case("0241").lines == ()
