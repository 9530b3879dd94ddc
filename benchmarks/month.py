"""Some 700,000 samples and their 30 million beliefs, copied straight into the tables.

All are in the order of their time, as requests would have written them.

A month of readings for the pages: 12 packs with a reading a minute for 30 days, 12 packs with one
every 5 seconds for the last day, and all 48 packs with one every 5 seconds for the last hour. The
12 packs of the month have copies of one of its days for the rest of a year.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from typing import Any

import numpy as np
import psycopg2

from flexmeasures_pms.catalogue.quantities import CELLS, FETS
from flexmeasures_pms.catalogue.readings import sensor_specs
from flexmeasures_pms.simulator.layout import System
from flexmeasures_pms.storage.readings import belief_tables

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
# What is sent at most; the reported pack voltage is not.
NAMES = tuple(name for name in sensor_specs("case") if name != "reported pack voltage")
WEAK_CELL = 5
_CHUNK = 2_000_000
# A row of COPY's binary format: each value behind its length in bytes.
_ROW = np.dtype(
    [
        ("fields", ">i2"),
        ("l1", ">i4"), ("event_start", ">i8"),
        ("l2", ">i4"), ("horizon", "V16"),
        ("l3", ">i4"), ("probability", ">f8"),
        ("l4", ">i4"), ("value", ">f8"),
        ("l5", ">i4"), ("sensor", ">i4"),
        ("l6", ">i4"), ("source", ">i4"),
    ]
)  # fmt: skip
_COPY = """
    COPY {table} (
      event_start, belief_horizon, cumulative_probability, event_value, sensor_id, source_id
    ) FROM STDIN (FORMAT binary)"""
_COPY_SAMPLES = """
    COPY pms_sample (event_time, repeats, device_id, subject_id, source_id, board_id, readings)
    FROM STDIN (FORMAT binary)"""
_FLOAT8 = 701
_KEYS = """
    SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE conrelid = %s::regclass AND contype IN ('p', 'f')"""
_INDEXES = """
    SELECT indexname, indexdef FROM pg_indexes
    WHERE tablename = %s AND indexname NOT IN (SELECT conname FROM pg_constraint)"""


_REPEAT = """
    INSERT INTO {table} ({columns}) SELECT {other} FROM {table}
    CROSS JOIN unnest(%s::int[]) AS n WHERE day = %s AND subject_id = ANY (%s::int[])"""
_COLUMNS = """
    SELECT array_agg(attname::text ORDER BY attnum) FROM pg_attribute
    WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''"""


@dataclass(frozen=True, slots=True)
class Packs:
    """Some packs, and the PMS that reports them.

    :param cases: their numbers in the registry.
    :param sensors: for each pack, its sensor ids by name.
    :param device: the PMS's number, and ``source`` that of its data source.
    :param places: of the readings in a sample, by the names of their sensors.
    """

    cases: Sequence[int]
    sensors: Sequence[Mapping[str, int]]
    device: int
    source: int
    places: Mapping[str, int]

    def __getitem__(self, some: slice) -> Packs:
        """Return some of them."""
        return replace(self, cases=self.cases[some], sensors=self.sensors[some])


def packs_of(account_id: int, system: System) -> Packs:
    """Return the packs of a registered PMS."""
    from flexmeasures.data import db

    from flexmeasures_pms.beliefs.sensors import sensor_ids
    from flexmeasures_pms.beliefs.sources import make_sources, source_ids
    from flexmeasures_pms.registry.loading.load import load_directory
    from flexmeasures_pms.storage.log.places import places_of

    registered = load_directory(account_id)
    found = (registered.find("case", case.ident) for case in system.cases())
    assets = {case.id: case.asset_id for case in found if case and case.asset_id}
    known = sensor_ids(assets.values())
    pms = registered.find("pms", system.pms)
    assert pms is not None  # noqa: S101 - registered above
    make_sources(account_id, [pms])
    source, places = source_ids(account_id, [pms])[pms.id], places_of("case")
    db.session.commit()
    return Packs(list(assets), [known[one] for one in assets.values()], pms.id, source, places)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some packs that report at one step from a time up to, not including, another."""

    packs: Packs
    begin: datetime
    end: datetime
    step: timedelta

    @property
    def samples(self) -> int:
        """How many samples each pack has."""
        return (self.end - self.begin) // self.step

    @property
    def beliefs(self) -> int:
        """How many rows it makes."""
        return self.samples * len(self.packs.sensors) * len(NAMES)


def month(packs: Packs, end: datetime) -> tuple[Stretch, ...]:
    """Return the stretches of a month that ends at a time, for 48 packs, oldest first."""
    minute, five = timedelta(minutes=1), timedelta(seconds=5)
    hour, day = end - timedelta(hours=1), end - timedelta(days=1)
    return (
        Stretch(packs[12:24], end - timedelta(days=30), hour, minute),
        Stretch(packs[:12], day, hour, five),
        Stretch(packs, hour, end, five),
    )


def fill(database_uri: str, stretches: Sequence[Stretch]) -> None:
    """Copy the samples and the beliefs of some stretches, as if they were received now."""
    fill_samples(database_uri, stretches)
    fill_beliefs(database_uri, stretches, belief_tables.table_of(datetime.now(UTC)))


def fill_samples(database_uri: str, stretches: Sequence[Stretch]) -> None:
    """Copy the samples of some stretches to the log."""
    connection = psycopg2.connect(database_uri)
    with connection, connection.cursor() as cursor:
        for stretch in stretches:
            for times in _moments(stretch):
                rows = _samples(stretch.packs, times)
                cursor.copy_expert(_COPY_SAMPLES, BytesIO(_file(rows)))
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE) pms_sample")
    connection.close()


def fill_beliefs(database_uri: str, stretches: Sequence[Stretch], table: str) -> None:
    """Copy the beliefs of some stretches to a table, which is made if it is not there.

    Keys and indexes are created again afterwards.
    """
    connection = psycopg2.connect(database_uri)
    with connection, connection.cursor() as cursor:
        cursor.execute(belief_tables.MAKE.format(name=table))
        cursor.execute(_KEYS, (table,))
        keys = cursor.fetchall()
        cursor.execute(_INDEXES, (table,))
        indexes = cursor.fetchall()
        for name, _ in keys:
            cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
        for name, _ in indexes:
            cursor.execute(f'DROP INDEX "{name}"')
        for stretch in stretches:
            for rows in _chunks(stretch):
                cursor.copy_expert(_COPY.format(table=table), BytesIO(_file(rows)))
        cursor.execute("SET LOCAL maintenance_work_mem = '1GB'")
        for name, definition in sorted(keys, key=lambda key: "FOREIGN" in key[1]):
            cursor.execute(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}')
        for _, definition in indexes:
            cursor.execute(definition)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"VACUUM (ANALYZE) {table}")
    connection.close()


def repeat_day(database_uri: str, cases: Sequence[int], day: date, others: Sequence[int]) -> None:
    """Copy a folded day of some packs to other days.

    :param others: how many days after it they are.
    """
    with psycopg2.connect(database_uri) as connection, connection.cursor() as cursor:
        for table in ("pms_day", "pms_day_reading", "pms_level"):
            cursor.execute(_COLUMNS, (table,))
            ((names,),) = cursor.fetchall()
            columns = ", ".join(names)
            other = ", ".join("day + n" if name == "day" else name for name in names)
            statement = _REPEAT.format(table=table, columns=columns, other=other)
            cursor.execute(statement, (list(others), day, list(cases)))
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE) pms_day, pms_day_reading, pms_level")
    connection.close()


def _moments(stretch: Stretch) -> Iterator[np.ndarray[Any, Any]]:
    """Yield the times of samples, as many as are copied at once."""
    at_once = max(1, _CHUNK // (len(stretch.packs.cases) * len(NAMES)))
    begin = (stretch.begin - EPOCH) // timedelta(microseconds=1)
    step = stretch.step // timedelta(microseconds=1)
    for first in range(0, stretch.samples, at_once):
        count = min(at_once, stretch.samples - first)
        yield begin + step * np.arange(first, first + count)


def _samples(packs: Packs, times: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return rows in order of time and pack."""
    values, places = _values(times, len(packs.cases)), packs.places
    rows = np.zeros(len(times) * len(packs.cases), _sample_row(len(places)))
    rows["fields"] = 7
    for length, size in zip(("l1", "l2", "l3", "l4", "l5", "l6"), (8, 8, 4, 4, 4, -1), strict=True):
        rows[length] = size
    rows["l7"] = 20 + 12 * len(places)
    rows["header"] = (1, 0, _FLOAT8, len(places), 1)
    rows["event_time"] = np.repeat(times, len(packs.cases))
    rows["device"], rows["source"] = packs.device, packs.source
    rows["subject"] = np.tile(packs.cases, len(times))
    rows["readings"]["length"] = 8
    rows["readings"]["value"] = np.nan
    rows["readings"]["value"][:, [places[name] for name in NAMES]] = values.reshape(len(rows), -1)
    return rows


def _sample_row(places: int) -> np.dtype[Any]:
    element = np.dtype([("length", ">i4"), ("value", ">f8")])
    return np.dtype(
        [
            ("fields", ">i2"),
            ("l1", ">i4"), ("event_time", ">i8"),
            ("l2", ">i4"), ("repeats", ">i8"),
            ("l3", ">i4"), ("device", ">i4"),
            ("l4", ">i4"), ("subject", ">i4"),
            ("l5", ">i4"), ("source", ">i4"),
            ("l6", ">i4"),
            ("l7", ">i4"), ("header", ">i4", 5), ("readings", element, places),
        ]
    )  # fmt: skip


def _chunks(stretch: Stretch) -> Iterator[np.ndarray[Any, Any]]:
    """Yield rows in order of time, pack and sensor, as requests would have written them."""
    ids = np.array([[sensors[name] for name in NAMES] for sensors in stretch.packs.sensors])
    for times in _moments(stretch):
        values = _values(times, len(ids))
        rows = np.zeros(values.size, _ROW)
        rows["fields"] = 6
        for length, size in zip(
            ("l1", "l2", "l3", "l4", "l5", "l6"), (8, 16, 8, 8, 4, 4), strict=True
        ):
            rows[length] = size
        rows["event_start"] = np.repeat(times, ids.size)
        rows["probability"] = 0.5
        rows["value"] = values.reshape(-1)
        rows["sensor"] = np.tile(ids.reshape(-1), len(times))
        rows["source"] = stretch.packs.source
        yield rows


def _file(rows: np.ndarray[Any, Any]) -> bytes:
    header = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
    return header + rows.tobytes() + b"\xff\xff"


def _values(times: np.ndarray[Any, Any], packs: int) -> np.ndarray[Any, Any]:
    """Return readings by time, pack and sensor: charged by day, discharged by night."""
    noise = np.random.default_rng(int(times[0]))
    day = times[:, None] / 86.4e9 * 2 * np.pi
    amps = np.round(
        4 * np.sin(day + np.arange(packs) / 50) + noise.normal(0, 0.2, (len(times), packs)), 3
    )
    weak = np.zeros(CELLS)
    weak[WEAK_CELL - 1] = -0.04
    spread = np.linspace(-0.006, 0.006, CELLS) + weak
    level = 3.7 - 0.15 * np.cos(day) + 0.01 * amps
    cells = level[:, :, None] + spread + noise.normal(0, 0.002, (len(times), packs, CELLS))
    cells = np.round(cells, 3)
    warm = 30 + 5 * np.sin(day - 1)[:, :, None] + noise.normal(0, 0.3, (len(times), packs, 5))
    warm = np.round(warm, 1)
    open_cells = (np.sin(day * 3)[:, :, None] > 0.98 - np.arange(CELLS) / 1000).astype(float)
    volts, low, high = cells.sum(2).round(4), cells.min(2), cells.max(2)
    columns = {
        "pack voltage": volts,
        "pack current": amps,
        "pack power": (volts * amps).round(4),
        "dock": np.broadcast_to(np.arange(packs) + 1.0, amps.shape),
        "lowest cell voltage": low,
        "highest cell voltage": high,
        "cell spread": ((high - low) * 1000).round(),
        **{f"temperature {w}": warm[:, :, i] for i, w in enumerate(("top", "middle", "bottom"))},
        **{f"cell {n + 1:02d} voltage": cells[:, :, n] for n in range(CELLS)},
        **{f"cell {n + 1:02d} open": open_cells[:, :, n] for n in range(CELLS)},
        **{f"FET {n + 1} temperature": warm[:, :, 3 + n] for n in range(FETS)},
        **{f"FET {n + 1} open": np.zeros_like(amps) for n in range(FETS)},
    }
    return np.stack([np.broadcast_to(columns[name], amps.shape) for name in NAMES], axis=2)
