"""Nothing is ever stored under the wrong case, also while the registry changes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from functools import partial
from itertools import cycle
from typing import Any

import pytest
import sqlalchemy as sa
from conftest import Organisation
from flask import Flask
from flexmeasures.data import db
from flexmeasures.data.models.generic_assets import GenericAsset
from support import stored
from support.changed import changed_settings
from support.elsewhere import elsewhere
from support.queue import RealQueue
from support.races import Race, before_each, race
from support.site import AUTHOR, Site
from support.telemetry import at, pack_sample, request

from flexmeasures_pms.ingest.carry_through import FREE_TRIES
from flexmeasures_pms.ingest.replay import Replayed, replay
from flexmeasures_pms.registry.editing import moves, registration
from flexmeasures_pms.registry.editing.writer import LOCK, editing
from flexmeasures_pms.registry.loading.load import load_directory
from flexmeasures_pms.storage.intake import quarantine

BOARD = ("acquisition-board", "66CFF353734574E43231516")
LAST_LOOK = "FOR SHARE OF v"
"""In the statement with which a request looks at the registry's version before it commits."""

SENSORS = "FROM sensor"
REGISTRY_LOCK = "SELECT pg_advisory_xact_lock(%("

Reply = tuple[int, Any]
Post = Callable[..., Reply]


@pytest.fixture
def site(organisation: Organisation) -> Site:
    """A pack that is locked first of all, and a board that was in case A until noon, then in B."""
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms()
        new.case("1", "PMS-1-A", 5)
        new.case("A", "PMS-1-A", 1)
        new.case("B", "PMS-1-A", 2)
        new.register(*BOARD)
    site.install(BOARD, ("case", "A"))
    site.install(BOARD, ("case", "B"), at=at(0))
    return site


@pytest.fixture
def people(app_context: Flask, database_uri: str) -> Iterator[Race]:
    with race(app_context, database_uri) as found:
        yield found


@pytest.fixture
def post(app_context: Flask, organisation: Organisation, site: Site) -> Post:
    """Send samples. All packs have reported before."""

    def send(*samples: dict[str, Any]) -> Reply:
        reply = app_context.test_client().post(
            "/pms/api/v1/devices/dataset/pms",
            data=request({"pms_id": "PMS-1"}, *samples),
            headers=organisation.headers,
            content_type="application/json",
        )
        return reply.status_code, reply.get_json()

    first = [pack_sample(pack, at(-900), dock=None) for pack in ("1", "A", "B")]
    assert send(*first)[1]["receipt"]["stored"] == 3
    return send


@pytest.fixture(autouse=True)
def without_deadlocks(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No transaction has to be done again because two waited for each other."""
    with caplog.at_level(logging.INFO):
        yield
    assert "DeadlockDetected" not in caplog.text


def board(minutes: float) -> dict[str, Any]:
    return pack_sample(BOARD[1], at(minutes), dock=None)


def first_of_all(minutes: float) -> dict[str, Any]:
    """A sample of the pack that is locked first of all."""
    return pack_sample("1", at(minutes), dock=None)


def receipt(sent: Future[Reply]) -> Any:
    code, body = sent.result(60)
    assert code == 200, body
    return body["receipt"]


def times(site: Site, case: str) -> list[Any]:
    return sorted(t for t in stored.times(site.account_id, f"case:{case}") if t != at(-900))


def correct(site: Site) -> None:
    site.correct(BOARD, since=at(-60), into="B")


@pytest.mark.parametrize("minutes", [[-30], [-30, -29, -28]])
def test_a_correction_comes_while_a_request_waits_for_its_things(
    site: Site, post: Post, people: Race, minutes: list[float]
) -> None:
    with people.held(site.number("case", "1")):
        sent = people.start(lambda: post(first_of_all(1), *map(board, minutes)))
        people.wait_until_waiting()
        people.do(lambda: correct(site))
    assert receipt(sent)["stored"] == len(minutes) + 1
    assert times(site, "A") == []
    assert times(site, "B") == [at(n) for n in minutes]


@pytest.mark.parametrize("minutes", [[-30], [-30, -29, -28]])
def test_a_correction_waits_for_a_request_and_moves_what_it_stored(
    site: Site, post: Post, people: Race, minutes: list[float]
) -> None:
    with people.held(site.number("case", "A")):
        sent = people.start(lambda: post(*map(board, minutes)))
        people.wait_until_waiting()
        corrected = people.start(lambda: correct(site))
        people.wait_until_waiting(2)
    assert receipt(sent)["stored"] == len(minutes)
    corrected.result(60)
    assert times(site, "A") == []
    assert times(site, "B") == [at(n) for n in minutes]


def test_a_board_that_is_taken_out_leaves_nothing_behind(
    site: Site, post: Post, people: Race
) -> None:
    with people.held(site.number("case", "1")):
        sent = people.start(lambda: post(first_of_all(1), board(30)))
        people.wait_until_waiting()
        people.do(lambda: site.correct(BOARD, until=at(10), into="B"))
    assert receipt(sent)["quarantined"] == 1
    assert times(site, "B") == []
    assert [row.reason for row in stored.waiting(site.account_id)] == ["unknown_pack"]


def test_a_registration_meanwhile_leaves_no_sample_waiting(
    site: Site, post: Post, people: Race
) -> None:
    with people.held(site.number("case", "1")):
        sent = people.start(lambda: post(first_of_all(1), pack_sample("NEW", at(1), dock=None)))
        people.wait_until_waiting()
        people.do(lambda: site.case("NEW", "PMS-1-A", 7))
    assert receipt(sent)["stored"] == 2
    assert stored.waiting(site.account_id) == []
    assert times(site, "NEW") == [at(1)]


def test_the_first_registration_of_all_leaves_no_sample_waiting(
    app_context: Flask, other_organisation: Organisation, people: Race
) -> None:
    """There is no version to look at: a registry that is empty has none."""
    empty = Site(other_organisation.id)
    ready: list[object] = []

    def register() -> None:
        if not ready:
            ready.append(people.start(empty.pms))
            ready.append(people.do(lambda: empty.register("mppt", "MPPT-1")))

    with before_each(LAST_LOOK, register):
        reply = app_context.test_client().post(
            "/pms/api/v1/devices/dataset/mppt",
            data=request({"mppt_id": "MPPT-1"}, {"time_local": "20260301T190000.000+0700"}),
            headers=other_organisation.headers,
            content_type="application/json",
        )
    assert reply.status_code == 200
    assert len(ready) == 2
    assert stored.waiting(other_organisation.id) == []


def test_an_unrelated_change_makes_nothing_redo(site: Site, post: Post, people: Race) -> None:
    with before_each(LAST_LOOK, lambda: None) as looks:
        with people.held(site.number("case", "1")):
            sent = people.start(lambda: post(first_of_all(1), board(-30)))
            people.wait_until_waiting()
            people.do(lambda: site.case("OTHER", "PMS-1-A", 8))
            people.do(lambda: site.remove(("case", "OTHER"), at=at(5)))
            theirs = len(looks)
        assert receipt(sent)["stored"] == 2
    assert len(looks) == theirs + 1


def test_a_move_and_a_correction_wait_for_each_other_in_one_order(
    site: Site, post: Post, people: Race
) -> None:
    post(board(-30))
    with people.held(site.number("case", "A")):
        moved = people.start(lambda: post(pack_sample("A", at(5), dock=9)))
        people.wait_until_waiting()
        corrected = people.start(lambda: correct(site))
        people.wait_until_waiting(2)
    assert receipt(moved)["stored"] == 1
    corrected.result(60)
    assert times(site, "A") == [at(5)]
    assert times(site, "B") == [at(-30)]


def test_first_readings_of_things_that_share_a_lock_wait_in_one_order(
    site: Site, post: Post, people: Race
) -> None:
    """Who has no row to lock takes a turn before any row."""
    cases = [f"N{n}" for n in range(64)]
    site.cases(dict.fromkeys(cases))
    several = [pack_sample(case, at(1), dock=None) for case in ("A", *cases[:1])]
    others = [pack_sample(case, at(1), dock=None) for case in ("B", *cases[-1:])]
    with people.held(site.number("case", "A")), people.held(site.number("case", "B")):
        sent = [people.start(partial(post, *s)) for s in (several, others, several[::-1])]
        people.wait_until_waiting(3)
    assert [receipt(one)["samples"] for one in sent] == [2, 2, 2]


def changing_docks(site: Site, people: Race) -> Callable[[], None]:
    """Return what moves case A to another dock each time."""
    places = cycle((7, 8))

    def change() -> None:
        done = people.do(lambda: site.correct(("case", "A"), into="PMS-1-A", place=next(places)))
        assert done is not None

    return change


def test_a_registry_that_changes_each_time_keeps_no_request_out(
    site: Site, post: Post, people: Race
) -> None:
    change, left = changing_docks(site, people), iter(range(FREE_TRIES))

    with before_each(LAST_LOOK, lambda: next(left, None) is None or change()) as looks:
        code, body = post(board(-30))
    assert (code, len(looks)) == (200, FREE_TRIES + 1)
    assert body["receipt"]["stored"] == 1
    assert times(site, "A") == [at(-30)]


def test_what_was_overtaken_keeps_what_is_remembered_of_sensors(
    site: Site, post: Post, people: Race
) -> None:
    change, left = changing_docks(site, people), iter([True])
    post(board(-31))
    with before_each(SENSORS, lambda: None) as looked_up:
        with before_each(LAST_LOOK, lambda: next(left, False) and change()) as looks:
            assert post(board(-30))[1]["receipt"]["stored"] == 1
        assert len(looks) == 2
        assert post(board(-29), first_of_all(1))[1]["receipt"]["stored"] == 2
    assert looked_up == []


def test_a_report_that_was_overtaken_by_a_newer_one_moves_nothing(
    site: Site, post: Post, people: Race
) -> None:
    left = iter([True])

    def report_from_its_dock() -> None:
        if next(left, False):
            reply = people.do(lambda: post(pack_sample("A", at(6), dock=1)))
            assert reply[1]["receipt"]["stored"] == 1

    with before_each(REGISTRY_LOCK, report_from_its_dock) as locked:
        assert post(pack_sample("A", at(5), dock=9))[1]["receipt"]["stored"] == 1
    assert locked, "it was to be recorded as a move"
    place = load_directory(site.account_id).place_of(site.number("case", "A"), at(7))
    assert place is not None
    assert place.place == 1


def test_a_registry_that_is_always_locked_besides_is_too_busy(
    app_context: Flask, database_uri: str, site: Site, post: Post, people: Race
) -> None:
    before = stored.belief_count(site.account_id)
    change, left = changing_docks(site, people), iter(range(FREE_TRIES))
    lock = f"SELECT pg_advisory_xact_lock({LOCK}, {site.account_id})"
    with ExitStack() as stack:

        def change_and_lock() -> None:
            change()
            if next(left) == FREE_TRIES - 1:
                stack.enter_context(elsewhere(database_uri, lock))

        with (
            before_each(LAST_LOOK, change_and_lock),
            changed_settings(app_context, lock_timeout=0.5),
        ):
            code, body = post(board(-30), pack_sample("UNKNOWN", at(0), dock=None))
    assert code == 503
    assert "The registry is being changed" in body["message"]
    assert stored.belief_count(site.account_id) == before
    assert stored.waiting(site.account_id) == []


def wait_in_quarantine(post: Post) -> None:
    """Let two samples wait: one of the pack that is locked first, and one of a board."""
    contradicting = pack_sample("1", at(-900), dock=None, amps=7.5)
    assert post(contradicting, NEW)[1]["receipt"]["quarantined"] == 2


NEW = pack_sample("B9", at(30), dock=None)


def register_without_effects(site: Site) -> None:
    """Put board B9 into case A; nothing follows from it, as after a crash."""
    with editing(site.account_id, AUTHOR) as changeset:
        view = changeset.view
        added = registration.register(changeset, "acquisition-board", "B9")
        moves.remove(changeset, view.entry(site.number(*BOARD)), at(20))
        moves.install(changeset, added, view.entry(site.number("case", "A")), at=at(20))
    db.session.commit()


def remove_without_effects(site: Site) -> None:
    with editing(site.account_id, AUTHOR) as changeset:
        board = changeset.view.entry(site.number("acquisition-board", "B9"))
        moves.remove(changeset, board, at(25))
    db.session.commit()


def test_what_is_replayed_is_not_discarded_meanwhile(site: Site, post: Post, people: Race) -> None:
    wait_in_quarantine(post)
    contradicting, new = (row.id for row in stored.waiting(site.account_id))
    register_without_effects(site)

    def discard() -> list[int]:
        gone = quarantine.discard(site.account_id, [new, contradicting], author="me", note="gone")
        db.session.commit()
        return gone

    with people.held(site.number("case", "1")):
        replayed = people.start(lambda: replay(site.account_id, [contradicting, new]))
        people.wait_until_waiting()
        discarded = people.start(discard)
        people.wait_until_waiting(2)
    assert replayed.result(60).released == 1
    assert discarded.result(60) == [contradicting]
    assert times(site, "A") == [at(30)]


def test_a_sample_whose_board_is_taken_out_during_its_replay_waits_on(
    site: Site, post: Post, people: Race
) -> None:
    wait_in_quarantine(post)
    ids = [row.id for row in stored.waiting(site.account_id)]
    register_without_effects(site)
    with people.held(site.number("case", "1")):
        replayed = people.start(lambda: replay(site.account_id, ids))
        people.wait_until_waiting()
        people.do(lambda: remove_without_effects(site))
    assert replayed.result(60) == Replayed(0, 2, 0)
    assert times(site, "A") == []
    assert [row.id for row in stored.waiting(site.account_id)] == ids


def test_a_discarded_sample_that_is_sent_again_waits_again(site: Site, post: Post) -> None:
    assert post(NEW)[1]["receipt"]["quarantined"] == 1
    (before,) = stored.waiting(site.account_id)
    assert quarantine.discard(site.account_id, [before.id], author="me", note="a test")
    db.session.commit()

    assert post(NEW)[1]["receipt"]["quarantined"] == 1
    (row,) = stored.waiting(site.account_id)
    assert (row.id, row.discarded_by, row.note) == (before.id, "me", "a test")
    assert replay(site.account_id, [row.id]).waiting == 1


def test_a_queued_request_is_done_again_in_its_place(
    site: Site, post: Post, queue: RealQueue, people: Race
) -> None:
    contradicting = pack_sample(BOARD[1], at(-30), dock=None, amps=7.5)
    assert [post(sample)[0] for sample in (board(-30), contradicting)] == [202, 202]
    change, left = changing_docks(site, people), iter([True])

    def change_once() -> None:
        if next(left, False):
            change()

    with before_each(LAST_LOOK, change_once, site.account_id) as looks:
        queue.work()
    assert len(looks) == 3
    assert stored.readings(site.account_id, "case:A", at(-30))["pack current"] == -0.625
    assert [row.reason for row in stored.waiting(site.account_id)] == ["conflict"]


def hand_over(organisation: Organisation, of: Site, case: str) -> None:
    """Move an asset to another organisation, as an administrator may."""
    key = GenericAsset.account_id == of.account_id, GenericAsset.external_id == f"case:{case}"
    db.session.execute(sa.update(GenericAsset).where(*key).values(account_id=organisation.id))
    db.session.commit()


def test_a_correction_leaves_what_is_in_an_asset_of_others(
    site: Site, post: Post, other_organisation: Organisation
) -> None:
    post(board(-30))
    hand_over(other_organisation, site, "A")
    before = stored.beliefs(other_organisation.id, "case:A")

    lines = site.correct(BOARD, since=at(-60), into="B").lines

    assert stored.beliefs(other_organisation.id, "case:A") == before
    assert times(site, "B") == []
    assert any("another organisation's now" in str(line) for line in lines)


def test_a_correction_writes_nothing_into_an_asset_of_others(
    site: Site, post: Post, other_organisation: Organisation
) -> None:
    post(board(-30))
    hand_over(other_organisation, site, "B")
    before = stored.beliefs(other_organisation.id, "case:B")

    site.correct(BOARD, since=at(-60), into="B")

    assert stored.beliefs(other_organisation.id, "case:B") == before
    (row,) = stored.waiting(site.account_id)
    assert "Register the case again" in row.message


def test_an_asset_that_is_handed_over_meanwhile_gets_nothing(
    site: Site, post: Post, people: Race, other_organisation: Organisation
) -> None:
    with people.held(site.number("case", "1")):
        sent = people.start(lambda: post(first_of_all(1), board(30)))
        people.wait_until_waiting()
        people.do(lambda: hand_over(other_organisation, site, "B"))
    assert receipt(sent)["quarantined"] == 1
    assert at(30) not in stored.times(other_organisation.id, "case:B")
