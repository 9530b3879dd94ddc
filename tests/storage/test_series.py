"""Columns of readings: the same as when all of them are looked at one by one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from math import fsum
from typing import Any

import numpy as np
import pytest
from conftest import Organisation
from flexmeasures.data import db
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from support.profiles import examples
from support.site import Site
from support.telemetry import NOON

from flexmeasures_pms.registry.kinds import CASE
from flexmeasures_pms.storage.log import day_rows, samples, series
from flexmeasures_pms.storage.log import folding as log_folding
from flexmeasures_pms.storage.log.columns import EPOCH, Columns, joined, level_of
from flexmeasures_pms.storage.log.moments import around, ends_of_quarters
from flexmeasures_pms.storage.log.places import places_of
from flexmeasures_pms.storage.log.samples import LoggedSample, SampleKey
from flexmeasures_pms.storage.log.series import Readable, bounds, chunks, summed
from flexmeasures_pms.storage.log.values import BeliefValue

MINUTE = timedelta(minutes=1)
NONE = float("nan")
NAMES = ("pack voltage", "pack current", "dock")
Rows = dict[tuple[int, int], dict[str, float]]
Reading = tuple[datetime, int, float]


class Case:
    """A case, two PMSes that report it, and the places of three of its sensors."""

    def __init__(self, account_id: int) -> None:
        site = Site(account_id)
        with site.at_once() as new:
            new.pms("PMS-1")
            new.pms("PMS-2")
            new.case("0241", "PMS-1-A", 1)
        self.number = site.number("case", "0241")
        self.devices = [site.number("pms", name) for name in ("PMS-1", "PMS-2")]
        self.of = places_of(CASE)
        self.places = [self.of[name] for name in NAMES]
        db.session.commit()

    def put(self, rows: Rows, length: int | None = None) -> None:
        """Write samples by (second after noon, device).

        :param length: of their readings, in places.
        """
        samples.add(
            [
                LoggedSample(
                    SampleKey(self.number, after(second), device), 1, None, 0,
                    self._readings(values)[:length],
                )
                for (second, device), values in rows.items()
            ]
        )  # fmt: skip

    def _readings(self, values: dict[str, float]) -> list[BeliefValue]:
        found: list[BeliefValue] = [NONE] * len(self.of)
        for name, value in values.items():
            found[self.of[name]] = value
        return found

    def columns(
        self, begin: datetime, end: datetime, step: timedelta, readable: Readable = series.ALL
    ) -> Columns:
        """The columns of a period, of all devices together."""
        found = summed(self.number, begin, end, step, self.places, readable)
        return joined(list(found.values()), step, len(self.places))


@pytest.fixture
def case(organisation: Organisation) -> Case:
    return Case(organisation.id)


@contextmanager
def undone() -> Iterator[None]:
    """Leave nothing of the block behind."""
    try:
        yield
    finally:
        db.session.rollback()


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_columns_are_what_all_readings_one_by_one_come_to(case: Case) -> None:
    values = st.dictionaries(
        st.sampled_from(NAMES), st.integers(-5000, 5000).map(lambda n: n / 1000), min_size=1
    )
    moments = st.tuples(st.integers(-200, 90_000), st.sampled_from(case.devices))

    @settings(max_examples=examples(60))
    @given(
        rows=st.dictionaries(moments, values, max_size=40),
        start=st.integers(-100, 2000),
        length=st.integers(1, 100_000),
        step=st.sampled_from([1, 5, 60, 600, 900, 1800, 3600, 43_200, 86_400]),
    )
    def check(rows: Rows, start: int, length: int, step: int) -> None:
        with undone():
            case.put(rows)
            begin, end = after(start), after(start + length)
            found = case.columns(begin, end, timedelta(seconds=step))
            for place, name in enumerate(NAMES):
                expected = one_by_one(rows, name, begin, end, timedelta(seconds=step))
                there = np.flatnonzero(found.count[place])
                assert found.begins[there].tolist() == [ms(at) for at in sorted(expected)]
                for column, at in zip(there, sorted(expected), strict=True):
                    same(found, place, int(column), expected[at])

    check()


def one_by_one(
    rows: Rows, name: str, begin: datetime, end: datetime, step: timedelta
) -> dict[datetime, list[Reading]]:
    found: dict[datetime, list[Reading]] = defaultdict(list)
    for (second, device), values in rows.items():
        time = after(second)
        if name in values and begin <= time < end:
            found[EPOCH + (time - EPOCH) // step * step].append((time, device, values[name]))
    return found


def same(found: Columns, place: int, column: int, readings: Sequence[Reading]) -> None:
    values = [value for _, _, value in readings]
    mean = found.means[place, column]
    assert found.low[place, column] == min(values) <= mean <= max(values)
    assert found.high[place, column] == max(values)
    assert found.count[place, column] == len(values)
    assert mean == pytest.approx(fsum(values) / len(values), abs=1e-9)
    # Of two devices at one moment, the one that was registered first.
    newest, _, last = max(readings, key=lambda one: (one[0], -one[1]))
    assert found.newest[place, column] == ms(newest)
    assert found.last[place, column] == last


def ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def test_wide_columns_are_summed_up_from_those_of_a_level() -> None:
    minutes = {n: level_of(n * MINUTE) for n in (10, 15, 20, 30, 60, 90, 120, 360, 540, 1440)}
    assert minutes == {
        10: "samples", 15: "quarter", 20: "samples", 30: "quarter", 60: "hour", 90: "quarter",
        120: "hour", 360: "six_hours", 540: "hour", 1440: "six_hours",
    }  # fmt: skip


def test_a_mean_is_never_beyond_its_readings(case: Case) -> None:
    with undone():
        case.put({(n, case.devices[0]): {"pack voltage": 0.1} for n in range(10)})
        found = case.columns(NOON, after(60), MINUTE)
        assert (found.low[0], found.means[0], found.high[0]) == (0.1, 0.1, 0.1)


def test_what_may_not_be_read_does_not_count(case: Case) -> None:
    first, second = case.devices
    with undone():
        case.put({(0, first): {"dock": 1}, (1, second): {"dock": 9}, (2, first): {"dock": 2}})
        own = case.columns(NOON, after(60), MINUTE, Readable([first]))
        assert (own.high[2], own.count[2]) == (2, 2)
        then = case.columns(NOON, after(60), MINUTE, Readable(None, [(after(1), after(2))]))
        assert (then.low[2], then.count[2]) == (9, 1)
        never = case.columns(NOON, after(60), MINUTE, Readable(case.devices, []))
        assert len(never.begins) == 0


def test_samples_from_before_a_quantity_was_known_have_no_reading_of_it(case: Case) -> None:
    device, places = case.devices[0], len(case.of)
    for wanted in (range(places), range(places - 2, places), range(places // 2), [places - 1]):
        with undone():
            case.put({(0, device): dict.fromkeys(case.of, 1.5)}, places - 1)
            case.put({(1, device): dict.fromkeys(case.of, 2.5)})
            (found,) = chunks([case.number], NOON, after(60), list(wanted))
            assert found.times.tolist() == [ms(NOON), ms(after(1))]
            assert found.readings[:, 1].tolist() == [2.5] * len(wanted)
            known = [place < places - 1 for place in wanted]
            assert (found.readings[:, 0] == 1.5).tolist() == known
            assert np.isnan(found.readings[:, 0]).tolist() == [not one for one in known]


def test_samples_come_thing_by_thing_and_day_by_day(case: Case) -> None:
    first, second = case.devices
    day = 24 * 60 * 60
    with undone():
        case.put({(n, device): {"dock": 1} for n in (0, 9 * day) for device in (second, first)})
        found = list(chunks([case.number], NOON, after(10 * day), case.places))
        times = [(chunk.device_id, chunk.times.tolist()) for chunk in found]
        last = ms(after(9 * day))
        assert times == [
            (first, [ms(NOON)]), (second, [ms(NOON)]), (first, [last]), (second, [last]),
        ]  # fmt: skip
        assert list(chunks([case.number], after(1), after(9 * day), case.places)) == []


def test_the_first_and_the_newest_sample_are_found(case: Case) -> None:
    with undone():
        assert bounds(case.number) is None
        case.put({(30, case.devices[0]): {"dock": 1}, (90, case.devices[1]): {"dock": 2}})
        assert bounds(case.number) == (after(30), after(90))


def test_folded_days_read_the_same_to_the_last_bit(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(day_rows, "PART", 70)  # samples in a part of a day, of some 300
    first, second = case.devices
    chance = np.random.default_rng(7)
    seconds = np.sort(chance.choice(3 * 86_400, 900, replace=False)).tolist()
    rows: Rows = {
        (second_, first if chance.random() < 0.8 else second): {
            name: round(chance.normal(50, 3), 3) for name in NAMES if chance.random() < 0.9
        }
        for second_ in seconds
    }
    steps = [60, 600, 900, 3600, 43_200, 172_800]
    whole, part = (NOON, after(3 * 86_400)), (after(21_600), after(2.5 * 86_400))
    within = Readable([first], [(after(3_000), after(100_000)), (after(110_000), after(200_000))])

    def read() -> list[bytes]:
        asked = [(*time, step, seen) for time in (whole, part) for step in steps
                 for seen in (series.ALL, within)]  # fmt: skip
        found = [summed(case.number, b, e, timedelta(seconds=s), case.places, seen)
                 for b, e, s, seen in asked]  # fmt: skip
        runs = [chunk for time in (whole, part)
                for chunk in chunks([case.number], *time, case.places)]  # fmt: skip
        return [
            *(getattr(columns, name).tobytes() for one in found for columns in one.values()
              for name in Columns.__slots__),
            *(array.tobytes() for run in runs for array in (run.times, run.readings)),
            repr(bounds(case.number)).encode(),
        ]  # fmt: skip

    with undone():
        case.put(rows)
        hot = read()
        for days in (1, 0, 2, 3):
            assert log_folding.fold(case.number, (NOON + timedelta(days=days)).date()) > 0
            assert read() == hot
        # A process of an earlier version has folded it.
        db.session.execute(text("DELETE FROM pms_level WHERE minutes = 360"))
        assert read() == hot


def test_moments_of_folded_days_read_the_same(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(day_rows, "PART", 70)
    first, second = case.devices
    near = [after(n) for n in range(-30, 4_000, 97)]
    quarters = [NOON + n * 15 * MINUTE for n in range(-2, 300, 7)]
    hours = [NOON + n * 60 * MINUTE for n in range(-2, 75)]
    chance = np.random.default_rng(7)
    rows: Rows = {
        (n, first if n % 360 else second): {name: float(chance.integers(99)) for name in NAMES}
        for n in (*range(0, 7_200, 10), *range(7_200, 200_000, 120))
        if n // 900 % 7 != 3  # so that some hours end with a quarter without samples
    }

    def read() -> list[Any]:
        ones, both = [case.number], None
        found = [around(ones, near, case.places, seen) for seen in (both, [first])]
        ends = [ends_of_quarters(ones, moments, case.places, seen)
                for seen in (both, [first]) for moments in (quarters, hours)]  # fmt: skip
        # Between two milliseconds, and just before or after a midnight.
        odd = [after(n) - timedelta(microseconds=300) for n in (50, 900)]
        some = [odd, odd[1:], [after(43_200)], [after(43_210), after(43_330)]]
        short = [around(ones, moments, case.places, both) for moments in some]
        return [
            *((np.round([one.ages[0].T, one.ahead[0].T], 6) + 0.0).tolist() for one in short),
            *(one.readings.tolist() for one in short),
            *(one.newest().within(3 * one.usual_steps()).tolist() for one in found),
            *(np.round([*one.ages[0].T, *one.readings[0].T], 6).tolist() for one in ends),
        ]

    with undone():
        case.put(rows)
        hot = read()
        assert not any(np.isnan(part).all() for part in hot)
        for days in range(3):
            log_folding.fold(case.number, (NOON + timedelta(days=days)).date())
        assert repr(read()) == repr(hot)
