"""Columns of readings: the same as when all of them are looked at one by one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from conftest import Organisation
from flexmeasures.data import db
from hypothesis import given, settings
from hypothesis import strategies as st
from support.profiles import examples
from support.site import Site
from support.telemetry import NOON

from flexmeasures_pms.beliefs.sensors import sensor_ids
from flexmeasures_pms.beliefs.sources import make_sources, reporters, source_ids
from flexmeasures_pms.registry.loading.load import load_directory
from flexmeasures_pms.storage.queries import history
from flexmeasures_pms.storage.queries.history import (
    EPOCH,
    HistoryColumn,
    HistoryQuery,
    bounds,
    columns,
    estimated,
    read,
    sampled,
)
from flexmeasures_pms.storage.readings.beliefs import copy_rows

MINUTE = timedelta(minutes=1)
Rows = dict[tuple[int, int], dict[int, float]]


class Case:
    """A case with two sources, and its sensors of two measurements and a state."""

    def __init__(self, account_id: int) -> None:
        site = Site(account_id)
        with site.at_once() as new:
            new.pms("PMS-1")
            new.pms("PMS-2")
            new.case("0241", "PMS-1-A", 1)
        registered = load_directory(account_id)
        entry, first, second = (
            registered.find(*thing)
            for thing in (("case", "0241"), ("pms", "PMS-1"), ("pms", "PMS-2"))
        )
        assert entry and entry.asset_id and first and second
        ids = sensor_ids([entry.asset_id])[entry.asset_id]
        self.account_id = account_id
        self.entry = entry
        self.volts, self.amps, self.dock = (
            ids[name] for name in ("pack voltage", "pack current", "dock")
        )
        make_sources(account_id, [first, second])
        self.sources = list(source_ids(account_id, [first, second]).values())
        db.session.commit()

    @property
    def wanted(self) -> HistoryQuery:
        return HistoryQuery([self.volts, self.amps, self.dock], [self.dock], self.sources)


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


def put(rows: Rows) -> None:
    """Write readings by (second after noon, source) and sensor."""
    copy_rows(
        [(after(second), sensor, source, value) for sensor, value in values.items()]
        for (second, source), values in rows.items()
    )


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_columns_are_what_all_readings_one_by_one_come_to(case: Case) -> None:
    values = st.dictionaries(
        st.sampled_from([case.volts, case.amps, case.dock]),
        st.integers(-5000, 5000).map(lambda n: n / 1000),
        min_size=1,
    )
    moments = st.tuples(st.integers(-200, 4000), st.sampled_from(case.sources))

    @settings(max_examples=examples(60))
    @given(
        rows=st.dictionaries(moments, values, max_size=40),
        start=st.integers(-100, 2000),
        length=st.integers(1, 3000),
        step=st.sampled_from([1, 7, 60, 600]),
    )
    def check(rows: Rows, start: int, length: int, step: int) -> None:
        with undone():
            put(rows)
            begin, end = after(start), after(start + length)
            found = columns(case.wanted, begin, end, timedelta(seconds=step))
            expected = one_by_one(rows, begin, end, timedelta(seconds=step))
            assert {sensor: [c.begin for c in one] for sensor, one in found.items() if one} == {
                sensor: sorted(one) for sensor, one in expected.items()
            }
            for sensor, one in found.items():
                for column in one:
                    same(column, expected[sensor][column.begin], state=sensor == case.dock)

    check()


def test_a_sample_is_what_the_begin_of_each_column_reads(case: Case) -> None:
    minutes, step, sample = range(600), 60 * MINUTE, 5 * MINUTE
    with undone():
        put({(60 * n, case.sources[0]): {case.volts: n, case.dock: n // 100} for n in minutes})
        found = sampled(case.wanted, NOON, after(36_000), step, sample, kept=15 * MINUTE)
        assert [(c.begin, c.low, c.mean, c.high, c.readings) for c in found[case.volts]] == [
            (after(3600 * h), 60 * h, 60 * h + 2, 60 * h + 4, 5) for h in range(10)
        ]
        assert [c.last for c in found[case.dock]] == [60 * h // 100 for h in range(10)]
        assert found[case.amps] == []


def test_more_readings_than_can_be_summed_up_are_sampled(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    minutes, end = range(3000), after(180_000)
    with undone():
        put({(60 * n, case.sources[0]): {case.volts: n} for n in minutes})
        count = estimated(case.wanted, NOON, end)
        assert count == pytest.approx(3000, rel=0.1)
        assert estimated(case.wanted, NOON - 9 * 365 * 24 * 60 * MINUTE, end) == count
        whole = read(case.wanted, NOON, end, 120 * MINUTE, 15 * MINUTE)
        assert whole.sample is None
        assert sum(c.readings for c in whole.columns[case.volts]) == 3000

        monkeypatch.setattr(history, "MOST_READINGS", 2000)
        some = read(case.wanted, NOON, end, 120 * MINUTE, 15 * MINUTE)
        assert some.sample
        assert len(some.columns[case.volts]) == len(whole.columns[case.volts])
        assert sum(c.readings for c in some.columns[case.volts]) < 2000


def one_by_one(
    rows: Rows, begin: datetime, end: datetime, step: timedelta
) -> dict[int, dict[datetime, list[tuple[datetime, int, float]]]]:
    found: dict[int, dict[datetime, list[tuple[datetime, int, float]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for (second, source), values in rows.items():
        time = after(second)
        for sensor, value in values.items() if begin <= time < end else ():
            column = EPOCH + (time - EPOCH) // step * step
            found[sensor][column].append((time, source, value))
    return found


def same(
    column: HistoryColumn, readings: list[tuple[datetime, int, float]], *, state: bool
) -> None:
    values = [value for _, _, value in readings]
    assert (column.low, column.high, column.readings) == (min(values), max(values), len(values))
    assert column.mean == pytest.approx(sum(values) / len(values), abs=1e-9)
    assert column.newest == max(time for time, _, _ in readings)
    assert set(column.sources) == {source for _, source, _ in readings}
    newest = [value for time, _, value in readings if time == column.newest]
    # Of a measurement the last reading matters to nobody.
    assert column.last in newest or (column.last is None and not state)


def test_a_mean_is_never_beyond_its_readings(case: Case) -> None:
    with undone():
        put({(n, case.sources[0]): {case.volts: 0.1} for n in range(10)})
        (column,) = columns(case.wanted, NOON, after(60), MINUTE)[case.volts]
        assert (column.low, column.mean, column.high) == (0.1, 0.1, 0.1)


def test_other_sources_do_not_count(case: Case) -> None:
    with undone():
        put({(0, case.sources[0]): {case.volts: 1.0}, (1, case.sources[1]): {case.volts: 9.0}})
        wanted = HistoryQuery([case.volts], [], case.sources[:1])
        (column,) = columns(wanted, NOON, after(60), MINUTE)[case.volts]
        assert (column.high, column.readings) == (1.0, 1)


def test_the_first_and_the_newest_reading_are_found(case: Case) -> None:
    wanted = HistoryQuery([case.volts, case.dock], [], case.sources)
    with undone():
        assert bounds(wanted) is None
        put({(30, case.sources[0]): {case.volts: 1}, (90, case.sources[1]): {case.dock: 2}})
        assert bounds(wanted) == (after(30), after(90))


def test_reporters_are_those_of_the_organisation(
    case: Case, other_organisation: Organisation
) -> None:
    assert [reporters(case.account_id)[s] for s in case.sources] == [
        ("pms", "PMS-1"), ("pms", "PMS-2"),
    ]  # fmt: skip
    assert reporters(other_organisation.id) == {}
