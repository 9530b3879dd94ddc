"""A board's telemetry is its case's, at that moment, also when that is corrected later."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from support import stored
from support.site import AUTHOR, Site, commit
from support.telemetry import at, pack_sample, request

from flexmeasures_pms.registry.editing import moves
from flexmeasures_pms.registry.editing.writer import editing

Post = Callable[..., dict[str, Any]]
BOARD = ("acquisition-board", "66CFF353734574E43231516")
LOWER = "66cff353734574e43231516"


@pytest.fixture
def site(organisation: Organisation) -> Site:
    """A board in case A until noon, and in case B since."""
    site = Site(organisation.id)
    site.pms()
    site.case("A", "PMS-1-A", 1)
    site.case("B", "PMS-1-A", 2)
    site.register(*BOARD)
    site.install(BOARD, ("case", "A"))
    site.install(BOARD, ("case", "B"), at=at(0))
    return site


@pytest.fixture
def post(client: FlaskClient, organisation: Organisation) -> Post:
    def send(*samples: dict[str, Any]) -> dict[str, Any]:
        reply = client.post(
            "/pms/api/v1/devices/dataset/pms",
            data=request({"pms_id": "PMS-1"}, *samples),
            headers=organisation.headers,
            content_type="application/json",
        )
        assert reply.status_code == 200, reply.get_data(as_text=True)
        body: dict[str, Any] = reply.get_json()
        return body

    return send


def board_sample(minutes: float) -> dict[str, Any]:
    return pack_sample(LOWER, at(minutes), dock=None)


def correct(site: Site, **changed: Any) -> tuple[str, ...]:
    return tuple(map(str, site.correct(BOARD, **changed).lines))


def times(site: Site, case: str) -> list[datetime]:
    return sorted(stored.times(site.account_id, f"case:{case}"))


def test_samples_of_both_sides_of_a_swap_land_right_in_any_order(site: Site, post: Post) -> None:
    minutes = [-90, -30, -1, 0, 1, 30]
    samples = [board_sample(n) for n in minutes]
    random.Random(1).shuffle(samples)

    assert post(*samples)["receipt"]["stored"] == 6
    assert times(site, "A") == [at(-90), at(-30), at(-1)]
    assert times(site, "B") == [at(0), at(1), at(30)]


def test_a_correction_moves_the_hour_and_says_how_much(site: Site, post: Post) -> None:
    post(*(board_sample(n) for n in (-90, -60, -30, -1, 0)))
    before = stored.readings(site.account_id, "case:A", at(-30))

    lines = correct(site, since=at(-60), into="B")

    # A sample without its dock is 41 beliefs.
    assert lines == ("Moved 123 beliefs of 3 samples from case A to case B.",)
    assert times(site, "A") == [at(-90)]
    assert times(site, "B") == [at(-60), at(-30), at(-1), at(0)]
    assert stored.readings(site.account_id, "case:B", at(-30)) == before


def test_a_retry_after_the_correction_is_still_a_duplicate(site: Site, post: Post) -> None:
    post(board_sample(-30))
    correct(site, since=at(-60), into="B")
    assert post(board_sample(-30))["receipt"]["duplicate"] == 1


def test_a_correction_back_restores_what_was(site: Site, post: Post) -> None:
    post(*(board_sample(n) for n in (-30, 30)))
    before = stored.beliefs(site.account_id, "case:A")

    correct(site, since=at(-60), into="B")
    correct(site, since=at(0), into="B")
    correct(site, until=at(0), into="A")

    assert stored.beliefs(site.account_id, "case:A") == before
    assert times(site, "B") == [at(30)]
    assert stored.waiting(site.account_id) == []


def test_samples_sent_under_the_case_id_stay(site: Site, post: Post) -> None:
    post(pack_sample("A", at(-30), dock=None), board_sample(-20))
    correct(site, since=at(-60), into="B")
    assert times(site, "A") == [at(-30)]


def test_what_belongs_to_no_case_any_more_waits_and_comes_back(site: Site, post: Post) -> None:
    post(*(board_sample(n) for n in (30, 90)))
    before = stored.beliefs(site.account_id, "case:B")

    lines = correct(site, until=at(60), into="B")
    assert lines == ("Put 1 sample back into quarantine: no case, or another reading came first.",)
    assert times(site, "B") == [at(30)]
    assert [row.reason for row in stored.waiting(site.account_id)] == ["unknown_pack"]

    site.install(BOARD, ("case", "B"), at=at(60))
    assert stored.beliefs(site.account_id, "case:B") == before
    assert stored.waiting(site.account_id) == []


def test_what_contradicts_the_other_cases_own_reading_waits(site: Site, post: Post) -> None:
    post(board_sample(-30), pack_sample("B", at(-30), dock=None, amps=7.5))

    lines = correct(site, since=at(-60), into="B")

    assert lines == ("Put 1 sample back into quarantine: no case, or another reading came first.",)
    assert times(site, "A") == []
    assert stored.readings(site.account_id, "case:B", at(-30))["pack current"] == 7.5
    (row,) = stored.waiting(site.account_id)
    assert (row.reason, row.event_time) == ("conflict", at(-30))
    assert "-0.625" in row.text


def test_two_boards_that_were_registered_the_wrong_way_round_change_places(
    site: Site, post: Post
) -> None:
    site.case("C", "PMS-1-A", 3)
    site.case("D", "PMS-1-A", 4)
    for board, case in (("B1", "C"), ("B2", "D")):
        site.register("acquisition-board", board)
        site.install(("acquisition-board", board), ("case", case))
    samples = [pack_sample("B1", at(1), dock=None), pack_sample("B2", at(1), dock=None, amps=7.5)]
    post(*samples)

    with editing(site.account_id, AUTHOR) as changeset:
        view = changeset.view
        b1, b2 = (view.entry(site.number("acquisition-board", b)) for b in ("B1", "B2"))
        c, d = (view.entry(site.number("case", case)) for case in ("C", "D"))
        moves.remove(changeset, b2, at(0))
        moves.install(changeset, b1, d, at=at(0))
        moves.install(changeset, b2, c, at=at(0))
    commit(changeset.change())

    assert stored.readings(site.account_id, "case:C", at(1))["pack current"] == 7.5
    assert stored.readings(site.account_id, "case:D", at(1))["pack current"] == -0.625
    assert stored.waiting(site.account_id) == []
