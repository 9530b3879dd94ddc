"""A board's telemetry is its case's, at that moment, also when that is corrected later."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from unittest import mock

import pytest
import sqlalchemy as sa
from conftest import Organisation
from flask.testing import FlaskClient
from flexmeasures.data import db
from support import folding, stored
from support.site import AUTHOR, Site, commit
from support.telemetry import at, pack_sample, request

from flexmeasures_pms.ingest import follow_up, strays
from flexmeasures_pms.registry.editing import moves, registration
from flexmeasures_pms.registry.editing.change import Change
from flexmeasures_pms.registry.editing.writer import editing
from flexmeasures_pms.registry.tables import installation
from flexmeasures_pms.storage.intake import quarantine
from flexmeasures_pms.storage.log import days as log_days

Post = Callable[..., dict[str, Any]]
BOARD = ("acquisition-board", "66CFF353734574E43231516")
LOWER = "66cff353734574e43231516"


@pytest.fixture
def site(organisation: Organisation) -> Site:
    """A board in case A until noon, and in case B since."""
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms()
        new.case("A", "PMS-1-A", 1)
        new.case("B", "PMS-1-A", 2)
        new.register(*BOARD)
    site.install(BOARD, ("case", "A"))
    site.install(BOARD, ("case", "B"), at=at(0))
    return site


@pytest.fixture(params=["hot", "folded"])
def is_folded(request: pytest.FixtureRequest) -> bool:
    """Whether what is stored is folded after each request."""
    return bool(request.param == "folded")


@pytest.fixture
def post(client: FlaskClient, organisation: Organisation, is_folded: bool) -> Post:
    def send(*samples: dict[str, Any]) -> dict[str, Any]:
        reply = client.post(
            "/pms/api/v1/devices/dataset/pms",
            data=request({"pms_id": "PMS-1"}, *samples),
            headers=organisation.headers,
            content_type="application/json",
        )
        assert reply.status_code == 200, reply.get_data(as_text=True)
        body: dict[str, Any] = reply.get_json()
        if is_folded:
            folding.fold(organisation.id)
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


@pytest.fixture
def exchange(site: Site, post: Post) -> Callable[[], Change]:
    """Two boards that report from cases C and D; then one goes to new case N, one to C."""
    boards = ("B1", "B2")
    for board, case in zip(boards, "CD", strict=True):
        site.case(case)
        site.register("acquisition-board", board)
        site.install(("acquisition-board", board), ("case", case))
    post(pack_sample("B1", at(1), dock=None), pack_sample("B2", at(1), dock=None, amps=7.5))

    def change() -> Change:
        with editing(site.account_id, AUTHOR) as changeset:
            view = changeset.view
            new = registration.register(changeset, "case", "N")
            b1, b2 = (view.entry(site.number("acquisition-board", b)) for b in boards)
            moves.remove(changeset, b2, at(0))
            moves.install(changeset, b1, new, at=at(0))
            moves.install(changeset, b2, view.entry(site.number("case", "C")), at=at(0))
        return changeset.change()

    return change


def current(site: Site, case: str) -> float | None:
    return stored.readings(site.account_id, f"case:{case}", at(1)).get("pack current")


def test_a_correction_into_a_new_case_moves_when_its_asset_is_made(
    site: Site, exchange: Callable[[], Change]
) -> None:
    with mock.patch.object(quarantine, "concerning", return_value=[]) as replayed:
        lines = [str(line) for line in commit(exchange()).lines]
    assert replayed.called
    assert lines[0] == "Made 1 FlexMeasures asset with sensors."
    assert [line.split(" from ")[1] for line in lines[1:]] == [
        "case C to case N.",
        "case D to case C.",
    ]
    assert [current(site, case) for case in "NCD"] == [-0.625, 7.5, None]
    assert stored.waiting(site.account_id) == []
    assert follow_up.complete(site.account_id).left == 0


def test_a_correction_that_was_cut_off_before_the_asset_was_made_moves_later(
    site: Site, exchange: Callable[[], Change]
) -> None:
    with (
        mock.patch.object(follow_up, "make_ready", side_effect=KeyboardInterrupt),
        pytest.raises(KeyboardInterrupt),
    ):
        commit(exchange())
    db.session.rollback()
    assert [current(site, case) for case in "CD"] == [-0.625, 7.5]

    boards = {site.number("acquisition-board", board) for board in ("B1", "B2")}
    follow_up.complete(site.account_id, boards)
    assert [current(site, case) for case in "NCD"] == [-0.625, 7.5, None]
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
    with site.at_once() as new:
        new.case("C", "PMS-1-A", 3)
        new.case("D", "PMS-1-A", 4)
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


DAY = 24 * 60


@pytest.mark.parametrize("is_folded", ["folded"], indirect=True)
def test_a_correction_reads_the_days_that_it_changes(
    site: Site, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All else that was sent under the board stays folded, and is not looked at."""
    days = range(-4, 5)
    post(*(board_sample(day * DAY) for day in days))
    thawed: list[Any] = []
    seen: set[Any] = set()
    thaw = log_days.thaw

    def noted(subject_id: int, some: list[date]) -> None:
        seen.update(looked_at(site))
        thawed.extend((subject_id, day) for day in some)
        thaw(subject_id, some)

    monkeypatch.setattr(strays, "thaw", noted)
    correct(site, since=at(-2 * DAY - 60), into="B")

    a = site.number("case", "A")
    assert thawed == [(a, at(day * DAY).date()) for day in (-2, -1)]
    assert seen == set(thawed)
    assert times(site, "A") == [at(day * DAY) for day in (-4, -3)]
    assert times(site, "B") == [at(day * DAY) for day in days if day >= -2]


def looked_at(site: Site) -> set[tuple[int, date]]:
    """The folded days that are read to find what is to be moved, by case."""
    wrong = strays._wrong([site.number(*BOARD)], strays._UNTIL_GIVEN_UP)
    rows = db.session.execute(strays._folded(wrong))
    return {(row.subject_id, row.event_time.date()) for row in rows}


@pytest.mark.parametrize("is_folded", ["folded"], indirect=True)
def test_days_after_a_move_was_known_are_not_looked_at(site: Site, post: Post) -> None:
    """A board went from A to B at noon; nothing of it was stored at A long after."""
    post(*(board_sample(day * DAY) for day in range(-3, 4)))
    board = site.number(*BOARD)
    # It was written down at noon, when it was so.
    is_given_up = sa.and_(installation.c.part_id == board, ~sa.func.upper_inf(installation.c.known))
    moved = sa.func.tstzrange(at(-9 * DAY), at(0))
    db.session.execute(sa.update(installation).where(is_given_up).values(known=moved))
    # And now case A has samples that say they are of this board.
    a, b = site.number("case", "A"), site.number("case", "B")
    for table in ("pms_day", "pms_day_reading", "pms_level"):
        db.session.execute(
            sa.text(f"UPDATE {table} SET subject_id = :a WHERE subject_id = :b AND day > :day"),
            {"a": a, "b": b, "day": at(0).date()},
        )
    assert looked_at(site) == {(a, at(day * DAY).date()) for day in (1, 2)}
    db.session.rollback()
