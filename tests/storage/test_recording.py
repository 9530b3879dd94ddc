"""The law of the recording policy: the history filled forward is as if all was written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import zip_longest
from math import isnan
from typing import Any

from flexmeasures.data import db
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from support.profiles import examples
from support.recording import (
    NAMES,
    QUANTITIES,
    Key,
    Stage,
    blocks_of,
    stage,
    time_of,
    written,
)
from support.telemetry import NOON

from flexmeasures_pms.catalogue.recording import SNAPSHOT
from flexmeasures_pms.storage.log import days
from flexmeasures_pms.storage.log import folding as log_folding
from flexmeasures_pms.storage.readings.folded import ToThaw
from flexmeasures_pms.storage.readings.latest import latest_of
from flexmeasures_pms.storage.readings.turns import rebuild
from flexmeasures_pms.storage.readings.write import write

__all__ = ["stage"]

EXAMPLES = 300
FOLDS = 120
SLOW = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]

# Minutes enough for several snapshots, values few enough to repeat each other.
steps = st.integers(0, 45)
values = st.integers(0, 2)
samples = st.tuples(
    st.integers(0, 1),
    steps,
    st.dictionaries(st.sampled_from(NAMES), values, min_size=1),
)
requests_of_samples = st.lists(samples, min_size=1, max_size=6)
# The server's clock at each request: readings after it are ahead.
deliveries = st.lists(st.tuples(steps, requests_of_samples), min_size=1, max_size=6)
policies = st.dictionaries(st.sampled_from(NAMES), st.sampled_from([Decimal(0), Decimal(1)]))


def filled_forward(rows: Mapping[Key, float], key: Key) -> tuple[datetime, float] | None:
    """The last row at or before a reading."""
    device, time, name = key
    before = [t for d, t, n in rows if (d, n) == (device, name) and t <= time]
    return (max(before), rows[device, max(before), name]) if before else None


def told(known: Mapping[Key, int], device: int, sample: Any) -> dict[Key, bool]:
    """Whether each reading of a sample is known already."""
    _, step, readings = sample
    return {key: key in known for key in ((device, time_of(step), name) for name in readings)}


def fate_of(known: dict[Key, int], device: int, sample: Any) -> str:
    """What becomes of a sample where everything is written: what was first stands."""
    found = told(known, device, sample)
    readings = sample[2]
    if any(known[key] != readings[key[2]] for key, there in found.items() if there):
        return "conflict"
    return "duplicate" if all(found.values()) else "stored"


@settings(max_examples=examples(EXAMPLES), suppress_health_check=SLOW)
@given(requests=deliveries, on_change=st.sets(st.sampled_from(NAMES)))
def test_the_history_filled_forward_is_what_was_sent(
    stage: Stage, requests: Any, on_change: set[str]
) -> None:
    bands = dict.fromkeys(on_change, Decimal(0))
    clocks = sorted(clock for clock, _ in requests)
    in_order = [(clock, request) for clock, (_, request) in zip(clocks, requests, strict=True)]
    known = deliver(stage, in_order, bands)
    holds(stage, known, bands)
    assert_newest(stage, known, time_of(clocks[-1]))


@settings(max_examples=examples(EXAMPLES), suppress_health_check=SLOW)
@given(requests=deliveries, bands=policies)
def test_with_a_deadband_it_is_within_the_deadband(
    stage: Stage, requests: Any, bands: Mapping[str, Decimal]
) -> None:
    known = deliver(stage, requests, bands)
    holds(stage, known, bands)


@settings(max_examples=examples(EXAMPLES), suppress_health_check=SLOW)
@given(parts=st.lists(st.tuples(deliveries, policies), min_size=2, max_size=3))
# What was not written within a deadband is not what is shown.
@example(
    parts=[
        ([(45, [(0, 0, {NAMES[0]: 1}), (0, 1, {NAMES[0]: 2})])], {NAMES[0]: Decimal(1)}),
        ([(45, [(0, 2, {NAMES[0]: 2})])], {NAMES[0]: Decimal(0)}),
    ]
)
@example(
    parts=[
        (
            [(45, [(0, 0, {NAMES[0]: 1}), (0, 2, {NAMES[0]: 2}), (0, 3, {NAMES[0]: 0})])],
            {NAMES[0]: Decimal(1)},
        ),
        ([(45, [(0, 1, {NAMES[0]: 7})])], {}),
    ]
)
def test_a_reading_is_shown_as_the_policies_since_it_came_promise(stage: Stage, parts: Any) -> None:
    db.session.rollback()
    known: dict[Key, int] = {}
    allowed: dict[Key, Decimal] = {}
    for requests, bands in parts:
        deliver_on(stage, requests, bands, known)
        for key in known:
            allowed[key] = max(allowed.get(key, Decimal(0)), bands.get(key[2], Decimal(0)))
    rows = written(stage)
    for key, value in known.items():
        found = filled_forward(rows, key)
        assert found is not None
        assert abs(found[1] - value) <= allowed[key]


# Requests shortly after each other, with readings a few minutes before and ahead of the clock.
near_the_clock = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.lists(
            st.tuples(st.just(0), st.integers(-2, 4), st.fixed_dictionaries({NAMES[1]: values})),
            min_size=1,
            max_size=3,
        ),
    ),
    min_size=3,
    max_size=8,
)


@settings(max_examples=examples(EXAMPLES), suppress_health_check=SLOW)
@given(requests=near_the_clock)
# What was written before a reading that was ahead is the same as what comes after it.
@example(
    requests=[
        (0, [(0, 0, {NAMES[1]: 0}), (0, 2, {NAMES[1]: 1})]),
        (3, [(0, 0, {NAMES[1]: 0})]),
    ],
)
def test_what_is_ahead_of_the_clock_changes_no_history(stage: Stage, requests: Any) -> None:
    bands = {NAMES[1]: Decimal(0)}
    clock, in_order = 2, []
    for passed, samples_ in requests:
        clock += passed
        in_order.append((clock, [(d, clock + after, values_) for d, after, values_ in samples_]))
    known = deliver(stage, in_order, bands)
    holds(stage, known, bands)
    assert_newest(stage, known, time_of(clock))


DAYS = (NOON.date(), NOON.date() + timedelta(days=1))
# Days that are folded after a request, and such that are thawed.
foldings = st.lists(
    st.tuples(st.sets(st.sampled_from(DAYS)), st.sets(st.sampled_from(DAYS))), max_size=6
)


@settings(max_examples=examples(FOLDS), suppress_health_check=SLOW)
@given(requests=deliveries, on_change=st.sets(st.sampled_from(NAMES)), folds=foldings)
def test_folded_days_change_nothing(
    stage: Stage, requests: Any, on_change: set[str], folds: Any
) -> None:
    bands = dict.fromkeys(on_change, Decimal(0))
    clock = max(clock for clock, _ in requests)
    requests = [(clock, request) for _, request in requests]
    deliver(stage, requests, bands)
    expected = written(stage), log(stage)
    known = deliver(stage, requests, bands, folds)
    assert_newest(stage, known, time_of(clock))
    rebuild([stage.case.id], time_of(clock))
    assert_newest(stage, known, time_of(clock))
    assert (written(stage), log(stage)) == expected


def log(stage: Stage) -> list[Any]:
    """All samples of the case, with the places that they have readings at."""
    days.thaw(stage.case.id, DAYS)
    query = text(
        "SELECT event_time, device_id, source_id, board_id, repeats, readings "
        "FROM pms_sample WHERE subject_id = :id ORDER BY 1, 2"
    )
    found = db.session.execute(query, {"id": stage.case.id})
    return [
        (*row[:-1], {n: value for n, value in enumerate(row.readings) if not isnan(value)})
        for row in found
    ]


def deliver(
    stage: Stage, requests: Any, bands: Mapping[str, Decimal], folds: Sequence[Any] = ()
) -> dict[Key, int]:
    """Write requests, and return the readings that were accepted: the first of each."""
    db.session.rollback()
    known: dict[Key, int] = {}
    deliver_on(stage, requests, bands, known, folds)
    return known


def deliver_on(
    stage: Stage,
    requests: Any,
    bands: Mapping[str, Decimal],
    known: dict[Key, int],
    folds: Sequence[Any] = (),
) -> None:
    """Write requests, and add the readings that were accepted to those that are known."""
    host = tuple((QUANTITIES[name], bands.get(name)) for name in NAMES)
    devices = list(stage.sources)
    nothing: Any = ((), ())
    for (clock, request), (folded, thawed) in zip_longest(
        requests, folds[: len(requests)], fillvalue=nothing
    ):
        blocks = blocks_of(stage, request)
        try:
            outcomes = write(stage.account_id, blocks, host, until=time_of(clock))
        except ToThaw as found_folded:
            for day, thing in found_folded.thing_days:
                days.thaw(thing, [day])
            outcomes = write(stage.account_id, blocks, host, until=time_of(clock))
        for i in sorted(range(len(request)), key=lambda i: request[i][1]):
            device, receipt_of = devices[request[i][0]], outcomes[i].result
            assert receipt_of == fate_of(known, device, request[i])
            if receipt_of == "stored":
                found = told(known, device, request[i])
                known |= {k: request[i][2][k[2]] for k, there in found.items() if not there}
        for day in folded:
            log_folding.fold(stage.case.id, day)
        days.thaw(stage.case.id, thawed)


def holds(stage: Stage, known: Mapping[Key, int], bands: Mapping[str, Decimal]) -> None:
    """The law, and that what is filled forward is never older than a snapshot."""
    rows = written(stage)
    for key, value in known.items():
        found = filled_forward(rows, key)
        assert found is not None
        assert abs(found[1] - value) <= bands.get(key[2], 0)
        assert key[1] - found[0] < SNAPSHOT
        assert key[2] in bands or key in rows
    assert {key for key in rows if key not in known} == set()


def assert_newest(stage: Stage, known: Mapping[Key, int], until: datetime) -> None:
    """The latest reading is the newest that is not ahead, with all that was told of it."""
    row = latest_of([stage.case.id]).get(stage.case.id)
    times = [time for _, time, _ in known if time <= until]
    assert (row and row.event_time) == max(times, default=None)
    if row is None:
        return
    of_moment = {
        name: value for (d, t, name), value in known.items()
        if (d, t) == (row.device_id, row.event_time)
    }  # fmt: skip
    assert row.readings == of_moment
