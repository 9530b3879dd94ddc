"""Days that are over are folded: the rows are fewer, and nothing else is different."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from math import nan
from typing import Any

import numpy as np
import psycopg2
import pytest
import sqlalchemy as sa
from conftest import Organisation
from flask.testing import FlaskClient
from flexmeasures.data import db
from support import folding, stored
from support.elsewhere import elsewhere
from support.site import Site
from support.telemetry import at, pack_sample, request

from flexmeasures_pms.storage.log import day_rows, days, rest
from flexmeasures_pms.storage.log import folding as log_folding
from flexmeasures_pms.storage.log.chunk import Chunk
from flexmeasures_pms.storage.log.folding import Folded
from flexmeasures_pms.storage.log.levels import MINUTES, Spans, read_levels, reduce, write_levels
from flexmeasures_pms.storage.log.places import places_of
from flexmeasures_pms.storage.log_tables import day_rest
from flexmeasures_pms.storage.queries.docks import dock_readings
from flexmeasures_pms.storage.readings.latest import latest_of

CASE = "case:0241"
DAY = date(2026, 3, 1)
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
END = BEGIN + timedelta(days=1)
LATER = datetime(2026, 3, 2, 2, tzinfo=UTC)
Post = Callable[..., dict[str, int]]


@pytest.fixture
def site(organisation: Organisation) -> Site:
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms("PMS-1")
        new.case("0241", "PMS-1-A", 1)
    return site


@pytest.fixture
def post(client: FlaskClient, organisation: Organisation, site: Site) -> Post:
    def send(*samples: object) -> dict[str, int]:
        reply = client.post(
            "/pms/api/v1/devices/dataset/pms",
            data=request({"pms_id": "PMS-1"}, *samples),
            headers=organisation.headers,
            content_type="application/json",
        )
        assert reply.status_code == 200, reply.get_data(as_text=True)
        receipt: dict[str, int] = reply.get_json()["receipt"]
        return receipt

    return send


@pytest.fixture
def case(site: Site, monkeypatch: pytest.MonkeyPatch) -> int:
    """A case; what other tests have left is none of what is to be folded."""
    number = site.number("case", "0241")
    everywhere = log_folding.foldable

    def foldable(now: datetime) -> list[tuple[int, date]]:
        return [(thing, day) for thing, day in everywhere(now) if thing == number]

    monkeypatch.setattr(log_folding, "foldable", foldable)
    return number


@pytest.fixture(autouse=True)
def parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(day_rows, "PART", folding.PART)


def hot(case: int) -> list[Any]:
    query = sa.text(
        "SELECT event_time, device_id, source_id, board_id, repeats, readings::text "
        "FROM pms_sample WHERE subject_id = :id ORDER BY 1, 2"
    )
    return list(db.session.execute(query, {"id": case}))


def is_folded(case: int) -> bool:
    return bool(days.folded_days([case], BEGIN, END))


# --- folding


def test_samples_are_what_they_were_when_a_day_is_thawed(post: Post, case: int) -> None:
    odd = [pack_sample("0241", at(1.00025), amps=0.001), pack_sample("0241", at(3), temp=None)]
    post(pack_sample("0241"), *odd, pack_sample("0241", at(4), amps=None, dock=3))
    before = hot(case)
    assert len(before) == 4
    assert log_folding.fold(case, DAY) == 4
    assert hot(case) == []
    days.thaw(case, [DAY])
    assert hot(case) == before
    assert not is_folded(case)


def test_a_day_is_folded_when_it_has_been_over_for_two_hours(
    post: Post, case: int, site: Site
) -> None:
    post(pack_sample("0241"), pack_sample("0241", at(24 * 60)))
    assert log_folding.fold_all(LATER - timedelta(seconds=1)) == Folded(0, 0, 0, 0)
    folded = log_folding.fold_all(LATER)
    assert folded == Folded(days=1, samples=1, kept=0, left=0)
    assert is_folded(case)
    assert [row[0] for row in hot(case)] == [at(24 * 60)]
    assert log_folding.fold_all(LATER) == Folded(0, 0, 0, 0)


def test_folding_ends_when_it_is_told_to(post: Post, case: int) -> None:
    post(pack_sample("0241"))
    assert log_folding.fold_all(LATER, stop=lambda: True) == Folded(0, 0, 0, left=1)
    assert not is_folded(case)


@pytest.fixture
def rests(case: int) -> Iterator[Callable[[], None]]:
    """Let the case's days have rested; nothing of that is left for other tests."""

    def end() -> None:
        db.session.execute(sa.delete(day_rest).where(day_rest.c.subject_id == case))
        db.session.commit()

    yield end
    db.session.rollback()
    db.session.execute(sa.text("DELETE FROM pms_sample WHERE subject_id = :id"), {"id": case})
    end()


@pytest.mark.parametrize("change", ["event_time = event_time + '1 us'", "source_id = 1"])
def test_what_a_folded_day_cannot_tell_stays_rows(
    post: Post, case: int, rests: Callable[[], None], change: str
) -> None:
    post(pack_sample("0241"), pack_sample("0241", at(1)), pack_sample("0241", at(-24 * 60)))
    one = sa.text(f"UPDATE pms_sample SET {change} WHERE subject_id = :id AND event_time = :at")
    db.session.execute(one, {"id": case, "at": at(1)})
    db.session.commit()
    before = hot(case)[1:]
    for _ in range(2):
        assert log_folding.fold_all(LATER) == Folded(days=1, samples=1, kept=1, left=0)
        assert hot(case) == before
        # It is tried once a day.
        assert log_folding.fold_all(LATER) == Folded(0, 0, 0, 0)
        assert ("case", "0241", DAY) in rest.unfoldable()
        days.thaw(case, [DAY - timedelta(days=1)])
        rests()


def test_a_day_whose_folding_fails_keeps_no_other_from_it(
    post: Post,
    case: int,
    rests: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    post(pack_sample("0241"), pack_sample("0241", at(-24 * 60)))

    def broken(chunk: Chunk, day: date, places: Sequence[int]) -> None:
        if day < DAY:
            raise ValueError("These numbers are odd.")
        write_levels(chunk, day, places)

    monkeypatch.setattr("flexmeasures_pms.storage.log.folding.write_levels", broken)
    assert log_folding.fold_all(LATER) == Folded(days=1, samples=1, kept=1, left=0)
    assert is_folded(case)
    assert len(hot(case)) == 1
    assert "These numbers are odd." in caplog.text
    assert f"Thing {case} on 2026-02-28" in caplog.text


def test_a_lost_connection_ends_folding(
    post: Post, case: int, rests: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    post(pack_sample("0241"))

    def lost(_subject_id: int) -> None:
        raise psycopg2.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(log_folding, "lock_thing", lost)
    with pytest.raises(psycopg2.OperationalError):
        log_folding.fold_all(LATER)
    assert not any(found.ident == "0241" and found.day == DAY for found in rest.unfoldable())


def test_a_day_is_not_folded_while_its_thing_is_written_to(
    post: Post, case: int, database_uri: str
) -> None:
    post(pack_sample("0241"))
    lock = f"SELECT FROM pms_latest WHERE trackable_id = {case} FOR UPDATE"
    with elsewhere(database_uri, lock):
        db.session.execute(sa.text("SET LOCAL lock_timeout = '100ms'"))
        with pytest.raises(Exception, match="lock timeout"):
            log_folding.fold(case, DAY)
    db.session.rollback()
    assert len(hot(case)) == 1


@pytest.mark.parametrize("is_old_folded", [False, True])
def test_old_days_are_forgotten_where_the_host_wants_it(
    post: Post, case: int, site: Site, is_old_folded: bool
) -> None:
    """Also those that can't be folded."""
    old = at(-24 * 60)
    post(pack_sample("0241", old), pack_sample("0241", old + timedelta(minutes=1)))
    post(pack_sample("0241", at(-12 * 60)), pack_sample("0241"))
    if is_old_folded:
        folding.fold(site.account_id)
    everything = len(hot(case)) + sum(day.samples for day in all_folded(case))
    log_folding.forget_days(LATER, 1, 10_000)
    left = len(hot(case)) + sum(day.samples for day in all_folded(case))
    assert (everything, left) == (4, 2)
    assert {day.day for day in all_folded(case)} == ({DAY} if is_old_folded else set())
    assert all(row[0] >= BEGIN for row in hot(case))


def all_folded(case: int) -> list[days.FoldedDay]:
    return days.folded_days([case], BEGIN - timedelta(days=9), END)


# --- what is sent to a folded day


def test_what_is_known_is_told_without_thawing(post: Post, case: int, site: Site) -> None:
    sent = [pack_sample("0241", at(n)) for n in range(3)]
    post(*sent)
    folding.fold(site.account_id)
    assert post(*sent)["duplicate"] == 3
    assert post(pack_sample("0241", at(1), amps=None))["duplicate"] == 1
    assert post(pack_sample("0241", at(1), amps=9))["quarantined"] == 1
    assert is_folded(case)
    assert hot(case) == []


@pytest.mark.parametrize("late", [pack_sample("0241", at(0.5)), pack_sample("0241", at(1), amps=4)])
def test_what_adds_to_a_day_thaws_it(post: Post, case: int, site: Site, late: Any) -> None:
    post(
        pack_sample("0241", at(0)),
        pack_sample("0241", at(1), amps=None),
        pack_sample("0241", at(2)),
    )
    folding.fold(site.account_id)
    assert post(late, pack_sample("0241", at(0), amps=7))["stored"] == 1
    assert not is_folded(case)
    assert len(stored.times(site.account_id, CASE)) == len(hot(case))
    folding.fold(site.account_id)
    assert post(late, pack_sample("0241", at(2)))["duplicate"] == 2


def test_newer_samples_of_a_folded_day_are_folded_with_it_the_next_time(
    post: Post, case: int, site: Site
) -> None:
    post(pack_sample("0241"))
    folding.fold(site.account_id)
    assert post(pack_sample("0241", at(1)))["stored"] == 1
    assert is_folded(case)
    folding.fold(site.account_id)
    (chunk,) = days.read_days([case], BEGIN, END, [0])
    assert len(chunk.times) == 2


def test_the_newest_reading_is_found_among_folded_days(post: Post, case: int, site: Site) -> None:
    post(pack_sample("0241", at(-24 * 60)), pack_sample("0241", amps=4.5))
    folding.fold(site.account_id)
    db.session.execute(sa.text("DELETE FROM pms_latest WHERE trackable_id = :id"), {"id": case})
    db.session.commit()
    assert post(pack_sample("0241", at(-24 * 60)))["duplicate"] == 1
    newest = latest_of([case])[case]
    assert (newest.event_time, newest.readings["pack current"]) == (at(0), 4.5)


def test_docks_of_before_are_found_in_folded_days(post: Post, case: int, site: Site) -> None:
    post(*(pack_sample("0241", at(n), dock=dock) for n, dock in enumerate((1, 1, 2, 2, 1))))
    period = (case, at(1), at(4))
    stays = dock_readings([period])
    assert [(stay.time, stay.dock) for stay in stays[case]] == [(at(1), 1), (at(2), 2), (at(4), 1)]
    folding.fold(site.account_id)
    assert dock_readings([period]) == stays


@pytest.mark.parametrize("has_other", [True, False])
def test_days_stay_folded_when_a_sensor_is_deleted(
    post: Post, case: int, site: Site, has_other: bool
) -> None:
    """Unless a sample has no other reading: it goes with its only one."""
    post(*(pack_sample("0241", at(n), amps=n, dock=n % 2 + 1) for n in range(3)))
    post(pack_sample("0241", at(40)))
    places = places_of("case")
    gone = places["pack current"]
    if not has_other:
        query = sa.text(
            "UPDATE pms_sample SET readings = array("
            "SELECT CASE WHEN n = :n THEN r ELSE 'NaN' END"
            " FROM unnest(readings) WITH ORDINALITY AS u (r, n) ORDER BY n)"
            " WHERE subject_id = :case AND event_time = :at"
        )
        db.session.execute(query, {"n": gone + 1, "case": case, "at": at(1)})
        db.session.commit()
    before = {row.event_time: row for row in hot(case)}
    folding.fold(site.account_id)
    db.session.execute(
        sa.text(
            "DELETE FROM sensor s USING pms_trackable t WHERE t.id = :case"
            " AND s.generic_asset_id = t.asset_id AND s.name = 'pack current'"
        ),
        {"case": case},
    )
    db.session.commit()
    assert is_folded(case) == has_other
    for minutes in MINUTES if has_other else ():
        wanted = sorted(places.values())
        (chunk,) = days.read_days([case], BEGIN, END, wanted)
        (level,) = read_levels([case], BEGIN, END, minutes, wanted)
        assert same(level, reduce(chunk, minutes))
        assert level.count[wanted.index(gone)].sum() == 0
    days.thaw(case, [DAY])
    after = {row.event_time: row for row in hot(case)}
    assert before.keys() - after.keys() == (set() if has_other else {at(1)})
    for time, row in after.items():
        whole = before[time].readings.strip("{}").split(",")
        assert row.readings.strip("{}").split(",") == [*whole[:gone], "NaN", *whole[gone + 1 :]]
        assert row.repeats == before[time].repeats & ~(1 << gone)


# --- reading


def test_folded_days_are_read_by_place_and_period(post: Post, case: int, site: Site) -> None:
    post(*(pack_sample("0241", at(n), amps=n, dock=None if n == 1 else 2) for n in range(4)))
    folding.fold(site.account_id)
    places = places_of("case")
    wanted = [places["dock"], 200, places["pack current"]]
    (chunk,) = days.read_days([case, case + 10_000], at(1), at(3), wanted)
    assert [datetime.fromtimestamp(ms / 1000, UTC) for ms in chunk.times] == [at(1), at(2)]
    assert equal(chunk.readings, [[nan, 2], [nan, nan], [1, 2]])
    assert list(days.read_days([case], END, END + timedelta(days=1), wanted)) == []


def test_a_day_is_read_across_its_parts(post: Post, case: int, site: Site) -> None:
    post(*(pack_sample("0241", at(n), amps=n) for n in range(7)))
    folding.fold(site.account_id)
    current = places_of("case")["pack current"]
    for first in range(7):
        for last in range(first + 1, 8):
            (chunk,) = days.read_days([case], at(first), at(last), [current])
            assert chunk.readings.tolist() == [list(range(first, last))]


@pytest.mark.parametrize("minutes", MINUTES)
def test_levels_are_what_samples_come_to(post: Post, case: int, site: Site, minutes: int) -> None:
    post(*(pack_sample("0241", at(n * 35), amps=n * 0.1) for n in range(20)))
    folding.fold(site.account_id)
    current = places_of("case")["pack current"]
    (chunk,) = days.read_days([case], BEGIN, END, [current, 200])
    (level,) = read_levels([case], BEGIN, END, minutes, [current, 200])
    assert same(level, reduce(chunk, minutes))
    assert level.count.sum() == 20
    (cut,) = read_levels([case], at(360), at(720), minutes, [current])
    assert cut.begins.tolist() == [b for b in level.begins if ms(at(360)) <= b < ms(at(720))]
    assert list(read_levels([case], at(0), at(0), minutes, [current])) == []


def test_a_span_comes_to_its_readings_one_after_the_other() -> None:
    times = np.array([0, 1, 2, 3_600_000])
    readings = np.array([[0.1, np.nan, 0.2, np.nan], [np.nan, np.nan, 5.0, 6.0]])
    level = reduce(Chunk(1, 2, 3, times, readings), 60)
    assert level.begins.tolist() == [0, 3_600_000]
    assert level.total.tolist() == [[0.1 + 0.2, 0.0], [5.0, 6.0]]
    assert level.count.tolist() == [[2, 0], [1, 1]]
    assert equal(level.low, [[0.1, nan], [5, 6]])
    assert equal(level.high, [[0.2, nan], [5, 6]])
    assert equal(level.last, [[0.2, nan], [5, 6]])
    assert level.newest[level.count > 0].tolist() == [2, 2, 3_600_000]


def test_six_hours_come_to_what_their_hours_do() -> None:
    hour, day = 3_600_000, 86_400_000
    times = np.array([0, 1, 2, hour, 6 * hour, day + 23 * hour])
    readings = np.array([[0.1, 0.2, 0.3, 0.4, nan, nan], [nan, 7, 2, nan, nan, 6]])
    level = reduce(Chunk(1, 2, 3, times, readings), 360)
    assert level.begins.tolist() == [0, 6 * hour, day + 18 * hour]
    assert level.total.tolist() == [[0.1 + 0.2 + 0.3 + 0.4, 0, 0], [9, 0, 6]]
    assert level.count.tolist() == [[4, 0, 0], [2, 0, 1]]
    assert equal(level.low, [[0.1, nan, nan], [2, nan, 6]])
    assert equal(level.high, [[0.4, nan, nan], [7, nan, 6]])
    assert equal(level.last, [[0.4, nan, nan], [2, nan, 6]])
    assert level.newest[level.count > 0].tolist() == [hour, 2, day + 23 * hour]


def equal(found: Any, expected: Any) -> bool:
    return np.array_equal(found, np.array(expected, dtype=float), equal_nan=True)


def same(one: Spans, two: Spans) -> bool:
    names = ("begins", "low", "high", "total", "count", "last")
    alike = all(equal(getattr(one, name), getattr(two, name)) for name in names)
    there = one.count > 0
    return alike and np.array_equal(one.newest[there], two.newest[there])


def ms(time: datetime) -> int:
    return round(time.timestamp() * 1000)
