"""The log is filled with what was known by the earlier rule, and obeys today's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from conftest import Organisation
from flexmeasures.data import db
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.earlier import earlier, mark, upgraded
from support.profiles import examples
from support.site import Site
from support.telemetry import NOON

from flexmeasures_pms.beliefs.sensors import sensor_ids
from flexmeasures_pms.beliefs.sources import make_sources, source_ids
from flexmeasures_pms.catalogue.recording import SNAPSHOT
from flexmeasures_pms.registry.loading.load import load_directory
from flexmeasures_pms.storage.adoption.adopt import adopt_day, make_tables
from flexmeasures_pms.storage.adoption.comparing import Compared
from flexmeasures_pms.storage.adoption.things import AdoptedThing, things
from flexmeasures_pms.storage.log.places import places_of
from flexmeasures_pms.storage.log.quarters import quarter_of

NAMES = ("pack current", "cell 01 open", "cell 02 open")
MIDNIGHT = NOON.replace(hour=0)
SLOW = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
Key = tuple[int, datetime, str]
"""(source, time, sensor)."""


@dataclass(frozen=True)
class Stage:
    """A case, and two devices that report of it."""

    thing: int
    sensors: Mapping[str, int]
    sources: tuple[int, ...]


@pytest.fixture
def stage(organisation: Organisation) -> Iterator[Stage]:
    make_tables()  # or they would wait for this test's own transaction
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms("PMS-1")
        new.pms("PMS-2")
        new.case("0241")
    registered = load_directory(organisation.id)
    case = registered.entry(site.number("case", "0241"))
    devices = [registered.entry(site.number("pms", ident)) for ident in ("PMS-1", "PMS-2")]
    make_sources(organisation.id, devices)
    sources = source_ids(organisation.id, devices)
    sensors = sensor_ids([case.asset_id or 0])[case.asset_id or 0]
    numbers = {name: sensors[name] for name in NAMES}
    store({(sources[devices[0].id], MIDNIGHT, NAMES[0]): 0.0}, set(), numbers)
    db.session.commit()
    with earlier():
        upgraded()
        places_of("case")
        bits = {"a": NAMES[1], "b": NAMES[2], "c": NAMES[0]}
        statement = (
            "INSERT INTO pms_repeat_bit VALUES ('case', :a, 0), ('case', :b, 5), ('case', :c, 62)"
        )
        db.session.execute(sa.text("DELETE FROM pms_repeat_bit"))
        db.session.execute(sa.text(statement), bits)
        db.session.commit()
        yield Stage(case.id, numbers, tuple(sources.values()))


def store(written: Mapping[Key, float], marked: set[Key], sensors: Mapping[str, int]) -> None:
    """Store beliefs and marks as an earlier version has."""
    db.session.execute(sa.text("ALTER TABLE timed_belief DISABLE TRIGGER pms_belief_added"))
    for (source, time, name), value in written.items():
        db.session.execute(
            sa.text("INSERT INTO timed_belief VALUES (:time, '0', 0.5, :value, :sensor, :source)"),
            {"time": time, "value": value, "sensor": sensors[name], "source": source},
        )
    db.session.execute(sa.text("ALTER TABLE timed_belief ENABLE TRIGGER pms_belief_added"))
    for source, time, name in marked:
        mark(sensors[name], time, source)


# Half minutes around midnight, of two devices: what is written, and what is marked.
readings = st.dictionaries(
    st.tuples(st.integers(0, 1), st.integers(-60, 60), st.sampled_from(NAMES)),
    st.none() | st.sampled_from([0.0, -0.0, 0.1, 1e-7]),
    min_size=1,
    max_size=30,
)


@settings(max_examples=examples(100), suppress_health_check=SLOW)
@given(found=readings)
@example(found={(0, -1, NAMES[0]): 0.1, (0, 2, NAMES[0]): None, (0, 28, NAMES[0]): None})
@example(found={(0, 1, NAMES[0]): 0.1, (0, 30, NAMES[0]): None, (0, 31, NAMES[0]): None})
def test_the_log_is_what_was_known_by_the_earlier_rule(stage: Stage, found: Any) -> None:
    db.session.rollback()
    keys = {
        (stage.sources[source], MIDNIGHT + step * timedelta(seconds=30), name): value
        for (source, step, name), value in found.items()
    }
    before = {key: value for key, value in keys.items() if value is not None}
    marked = {key for key, value in keys.items() if value is None}
    # The fixture's is there.
    kept = (stage.sources[0], MIDNIGHT, NAMES[0])
    store({k: v for k, v in before.items() if k != kept}, marked - {kept}, stage.sensors)
    before[kept] = 0.0
    known = before | filled_forward(before, marked - {kept})

    (thing,) = (thing for thing in things() if thing.id == stage.thing)
    compared = adopt_all(thing)
    assert (compared.lacking, compared.differing, compared.strange) == (0, 0, 0)
    assert compared.unknown == len(marked - {kept}) - len(known) + len(before)

    log = logged(stage)
    assert {key: value for key, (value, _) in log.items()} == known
    assert not any(str(value) == "-0.0" for value, _ in log.values())
    after = beliefs(stage)
    assert after.items() >= before.items()
    for key, (value, repeats) in log.items():
        assert (key in after) == (not repeats)
        last = last_before(after, key)
        assert last is not None
        assert last[1] == value
        assert quarter_of(last[0]) == quarter_of(key[1])

    again = adopt_all(thing)
    assert (again.beliefs, again.lacking, again.unknown) == (len(after), 0, 0)
    assert (logged(stage), beliefs(stage)) == (log, after)


def adopt_all(thing: AdoptedThing) -> Compared:
    compared = Compared()
    for days in (-1, 0):
        adopt_day(thing, MIDNIGHT + timedelta(days=days), compared)
    return compared


def last_before(rows: Mapping[Key, float], key: Key) -> tuple[datetime, float] | None:
    """The last row of a sensor and source at or before a time."""
    source, time, name = key
    times = [t for s, t, n in rows if (s, n) == (source, name) and t <= time]
    return (max(times), rows[source, max(times), name]) if times else None


def filled_forward(before: Mapping[Key, float], marked: set[Key]) -> dict[Key, float]:
    """What a marked reading was: the last one written, if that is not too long ago."""
    return {
        key: last[1]
        for key in marked
        if (last := last_before(before, key)) and key[1] - last[0] < SNAPSHOT
    }


def logged(stage: Stage) -> dict[Key, tuple[float, bool]]:
    """All readings of the log, and whether they repeat."""
    places = places_of("case")
    query = "SELECT source_id, event_time, readings, repeats FROM pms_sample WHERE subject_id = :id"
    return {
        (source, time, name): (values[places[name]], bool(repeats & 1 << places[name]))
        for source, time, values, repeats in db.session.execute(sa.text(query), {"id": stage.thing})
        for name in NAMES
        if values[places[name]] == values[places[name]]
    }


def beliefs(stage: Stage) -> dict[Key, float]:
    names = {number: name for name, number in stage.sensors.items()}
    query = "SELECT source_id, event_start, sensor_id, event_value FROM timed_belief"
    rows = db.session.execute(
        sa.text(f"{query} WHERE sensor_id = ANY (:sensors)"), {"sensors": list(names)}
    )
    return {(source, time, names[sensor]): value for source, time, sensor, value in rows}
