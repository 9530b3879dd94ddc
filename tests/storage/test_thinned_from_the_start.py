"""With ``PMS_BELIEFS = "thinned"`` the first reading of each five minutes is written alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from conftest import Organisation
from flask import Flask
from flask.testing import FlaskClient
from flexmeasures.data import db
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support import stored
from support.profiles import examples
from support.queue import set_mode
from support.recording import NAMES, Key, Stage, blocks_of, stage, time_of, written
from support.site import Site
from support.telemetry import NOON, at, pack_sample, request

from flexmeasures_pms.storage.log_tables import sample
from flexmeasures_pms.storage.readings.write import write

__all__ = ["stage"]

EXAMPLES = 200
SLOW = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
FIVE = timedelta(minutes=5)

samples = st.tuples(
    st.integers(0, 1),
    st.integers(0, 14),
    st.dictionaries(st.sampled_from(NAMES), st.integers(0, 2), min_size=1),
)
# Some are ahead of the clock.
deliveries = st.lists(
    st.tuples(st.integers(0, 20), st.lists(samples, min_size=1, max_size=4)),
    min_size=1,
    max_size=8,
)


def deliver(stage: Stage, clock: int, several: Sequence[Any], known: dict[Key, int]) -> None:
    """Write a request, and add the readings that were accepted."""
    blocks = blocks_of(stage, several)
    outcomes = write(stage.account_id, blocks, until=time_of(clock), thinned=True)
    for block, outcome in zip(blocks, outcomes, strict=True):
        if outcome.result == "stored":
            for name, value in block.values.items():
                known.setdefault((block.device_id, block.time, name), int(value))


def firsts(keys: Any) -> dict[tuple[int, datetime, str], list[datetime]]:
    """The times of some readings in each five minutes of a device and sensor."""
    found: dict[tuple[int, datetime, str], list[datetime]] = {}
    for device, time, name in keys:
        bucket = NOON + (time - NOON) // FIVE * FIVE
        found.setdefault((device, bucket, name), []).append(time)
    return found


@settings(max_examples=examples(EXAMPLES), suppress_health_check=SLOW)
@given(requests=deliveries)
def test_the_first_of_each_five_minutes_is_written(stage: Stage, requests: Any) -> None:
    db.session.rollback()
    known: dict[Key, int] = {}
    for clock, several in requests:
        before = set(written(stage))
        deliver(stage, clock, several, known)
        rows = written(stage)
        assert before <= rows.keys(), "what is written is never taken back"
        assert {key: known[key] for key in rows} == rows
        there = firsts(rows)
        assert {k: min(times) for k, times in firsts(known).items()} == {
            k: min(times) for k, times in there.items()
        }


@settings(max_examples=examples(EXAMPLES), suppress_health_check=SLOW)
@given(requests=st.lists(st.tuples(st.integers(0, 20), samples), min_size=1, max_size=12))
@example(
    requests=[
        (20, (0, 0, {NAMES[0]: 0, NAMES[1]: 0})),
        (20, (0, 8, {NAMES[0]: 0})),
        (20, (0, 6, {NAMES[1]: 0})),
        (20, (0, 9, {NAMES[1]: 1})),
    ]
)
@example(
    requests=[
        (0, (0, 0, {NAMES[0]: 0})),
        (0, (0, 10, {NAMES[0]: 0})),
        (10, (0, 1, {NAMES[0]: 0})),
        (11, (0, 11, {NAMES[0]: 0})),
    ]
)
def test_what_is_known_to_come_after_the_first_is_not(stage: Stage, requests: Any) -> None:
    db.session.rollback()
    known: dict[Key, int] = {}
    expected: set[Key] = set()
    for clock, one in requests:
        before = dict(known)
        deliver(stage, clock, [one], known)
        of_before = firsts(before)
        for key in known.keys() - before.keys():
            ((bucket, (time,)),) = firsts([key]).items()
            if time < min(of_before.get(bucket, [datetime.max.replace(tzinfo=time.tzinfo)])):
                expected.add(key)
        assert set(written(stage)) == expected


def test_the_log_has_all_of_them(
    client: FlaskClient, app_context: Flask, organisation: Organisation, monkeypatch: Any
) -> None:
    site = Site(organisation.id)
    site.pms("PMS-1")
    site.case("0241", "PMS-1-A", 1)
    set_mode(app_context, "direct", PMS_BELIEFS="thinned")
    try:
        receipt = client.post(
            "/pms/api/v1/devices/dataset/pms",
            data=request({"pms_id": "PMS-1"}, *(pack_sample("0241", at(m)) for m in range(8))),
            headers=organisation.headers,
            content_type="application/json",
        ).get_json()["receipt"]
    finally:
        del app_context.config["PMS_BELIEFS"]
        set_mode(app_context, "direct")
    assert receipt["stored"] == 8
    assert stored.times(site.account_id, "case:0241") == {at(0), at(5)}
    case = site.number("case", "0241")
    rows = db.session.execute(sample.select().where(sample.c.subject_id == case)).all()
    assert len(rows) == 8
    assert {row.event_time for row in rows if not row.repeats} == {at(0), at(5)}
