"""What a simulated site reports, and that it reports it again when asked again."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.profiles import examples

from flexmeasures_pms.catalogue.asset_types import DATASETS
from flexmeasures_pms.catalogue.derive import SQRT_3
from flexmeasures_pms.catalogue.limits import WEAK_CELL
from flexmeasures_pms.overview.states import deviations
from flexmeasures_pms.simulator import SimulatedRequest, Site, demo_layout, fleet_layout, pack
from flexmeasures_pms.simulator.power import INVERTER_EFFICIENCY, MPPT_EFFICIENCY, STRING_EFFICIENCY
from flexmeasures_pms.simulator.track import TrackSnapshot
from flexmeasures_pms.wire import Limits, decode

MIDNIGHT = datetime.fromisoformat("2026-01-05T00:00+07:00")
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
SWAP = MIDNIGHT + 10 * HOUR
AMPLE = Limits(bytes=10**7, datasets=1000, samples=10**5, depth=20, sample_bytes=10**5)


@cache
def a_day(seed: int = 1) -> tuple[TrackSnapshot, ...]:
    """Return a day from one evening to the next and a little further, every ten minutes."""
    site = Site(demo_layout(SWAP), seed)
    start = MIDNIGHT - 7 * HOUR
    return tuple(s for (s,) in site.snapshots(start, start + DAY + HOUR, 10 * MINUTE))


def requests(site: Site, start: datetime, end: datetime, **how: Any) -> list[SimulatedRequest]:
    return list(site.requests(start, end, how.pop("step", HOUR), **how))


def datasets(request: SimulatedRequest) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(request.body)["datasets"]
    return found


def samples(request: SimulatedRequest) -> list[dict[str, Any]]:
    return [sample for dataset in datasets(request) for sample in dataset["data"]]


@cache
def at(hour: float, seed: int = 1) -> dict[str, SimulatedRequest]:
    """Return the three requests of the demo at an hour of the day, by dataset."""
    start = MIDNIGHT + hour * HOUR
    return {r.dataset: r for r in requests(Site(seed=seed), start, start + MINUTE)}


def test_each_moment_gives_a_request_for_each_dataset_in_order_of_time() -> None:
    found = requests(Site(), MIDNIGHT, MIDNIGHT + 3 * HOUR)
    assert [r.dataset for r in found] == [*DATASETS] * 3
    assert [r.samples for r in found] == [12, 2, 1] * 3
    assert [r.time for r in found[::3]] == [MIDNIGHT + n * HOUR for n in range(3)]


def test_a_dataset_per_cabinet_shares_the_pms_id_and_has_its_own_status() -> None:
    first, second = datasets(at(12)["pms"])
    assert first["pms_id"] == second["pms_id"] == "PMS-01-001"
    assert first["status"]["code"] == second["status"]["code"] == "0001"
    assert first["status"]["temp"] != second["status"]["temp"]
    assert [s["pack"]["dock"] for s in first["data"]] == [1, 2, 3, 4, 5]
    assert [s["pack"]["dock"] for s in second["data"]] == [19, 13, 14, 15, 16, 17, 18]


def test_times_are_local_with_their_offset() -> None:
    utc = datetime.fromisoformat("2026-01-05T05:00:00.250+00:00")
    (request, *_) = requests(Site(), utc, utc + MINUTE)
    assert samples(request)[0]["time_local"] == "20260105T120000.250+0700"
    assert request.time == utc


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    one, again = (requests(Site(seed=3), MIDNIGHT, MIDNIGHT + 4 * HOUR) for _ in range(2))
    assert one == again
    assert one != requests(Site(seed=4), MIDNIGHT, MIDNIGHT + 4 * HOUR)


@settings(max_examples=examples(8))
@given(
    begin=st.integers(0, 72),
    first=st.integers(0, 12),
    second=st.integers(0, 12),
)
def test_two_adjoining_periods_give_what_the_whole_gives(
    begin: int, first: int, second: int
) -> None:
    site = Site(fleet_layout(1, 2, 2, swap_at=SWAP), seed=5)
    step = 47 * MINUTE
    start = MIDNIGHT - DAY + begin * HOUR
    middle = start + first * step
    end = middle + second * step
    parts = requests(site, start, middle, step=step) + requests(site, middle, end, step=step)
    assert parts == requests(site, start, end, step=step)


def test_batches_hold_the_same_samples_and_end_at_fixed_times() -> None:
    site, span = Site(fleet_layout(1, 2, 2)), 2 * HOUR
    step = 10 * MINUTE
    single = requests(site, MIDNIGHT, MIDNIGHT + span, step=step)
    batched = requests(site, MIDNIGHT, MIDNIGHT + span, step=step, samples_per_request=6)
    assert [r.dataset for r in batched] == [*DATASETS] * 2
    assert sum(r.samples for r in batched) == sum(r.samples for r in single)

    def key(sample: dict[str, Any]) -> str:
        return json.dumps(sample)

    assert sorted(key(s) for r in batched for s in samples(r)) == sorted(
        key(s) for r in single for s in samples(r)
    )
    halves = [
        r
        for start in (MIDNIGHT, MIDNIGHT + HOUR)
        for r in requests(site, start, start + HOUR, step=step, samples_per_request=6)
    ]
    assert halves == batched


def test_every_request_is_decoded_without_a_fault() -> None:
    for request in requests(Site(), MIDNIGHT, MIDNIGHT + DAY, step=97 * MINUTE):
        decoded = decode(request.body, dataset=request.dataset, limits=AMPLE)
        assert len(decoded.samples) == request.samples
        assert not decoded.warnings
        assert not decoded.ignored
        for sample in decoded.samples:
            assert not sample.invalid and not sample.faulty and not sample.no_answer
            assert sample.time == request.time


def test_numbers_carry_no_binary_noise() -> None:
    for request in at(10.25).values():
        body = request.body.decode()
        assert "-0.0," not in body and "e-" not in body
        numbers = [n for n in body.replace("[", ",").replace("]", ",").split(",") if "." in n]
        assert all(len(n.rstrip("}").rsplit(".", 1)[1]) <= 3 for n in numbers if n[-1].isdigit())


def test_packs_discharge_by_night_and_charge_by_day() -> None:
    night = [s["pack"]["amps"] for s in samples(at(3)["pms"])]
    day = [s["pack"]["amps"] for s in samples(at(10.5)["pms"])]
    assert all(amps < -0.5 for amps in night)
    assert all(amps > 0.5 for amps in day)


def test_the_currents_of_devices_and_packs_add_up_on_the_bus() -> None:
    for hour in (2, 7, 9.5, 11.2, 13.7, 18.3):
        found = at(hour)
        devices = samples(found["mppt"]) + samples(found["inverter"])
        into_packs = sum(s["pack"]["amps"] for s in samples(found["pms"]))
        assert sum(d["battery"]["amps"] for d in devices) == pytest.approx(into_packs, abs=0.01)


def test_each_device_gives_out_what_it_takes_in() -> None:
    for hour in (2, 7, 9.5, 11.2, 13.7, 18.3):
        found = at(hour)
        for mppt in samples(found["mppt"]):
            assert power(mppt["pv"]) * MPPT_EFFICIENCY == pytest.approx(
                power(mppt["battery"]) + power(mppt["load"]), abs=1.0
            )
        (inverter,) = samples(found["inverter"])
        dc = power(inverter["pv"]) * STRING_EFFICIENCY - power(inverter["battery"])
        ac = power(inverter["load"]) + grid_watts(inverter["grid"])
        efficiency = INVERTER_EFFICIENCY if dc > 0 else 1 / INVERTER_EFFICIENCY
        assert dc * efficiency == pytest.approx(ac, abs=2.0)


def power(terminals: dict[str, Any]) -> float:
    volts, amps = terminals["volts"], terminals["amps"]
    if isinstance(volts, list):
        return float(sum(v * a for v, a in zip(volts, amps, strict=True)))
    return float(volts * amps)


def grid_watts(grid: dict[str, list[float]]) -> float:
    phases = zip(grid["volts"], grid["amps"], grid["pf"], strict=True)
    return float(SQRT_3) * sum(v * a * pf for v, a, pf in phases) / 3


def test_mppts_are_idle_by_night_and_charge_in_the_morning() -> None:
    night, morning = at(1)["mppt"], at(10.5)["mppt"]
    assert {d["status"]["code"] for d in datasets(night)} == {"0005"}
    assert all(s["pv"]["amps"] == [0.0, 0.0] for s in samples(night))
    assert {d["status"]["code"] for d in datasets(morning)} == {"2401"}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_charge_and_bus_voltage_stay_within_bounds_over_a_day(seed: int) -> None:
    day = a_day(seed)
    for snapshot in day:
        assert all(0 < soc < 1 for state in snapshot.states for soc in state.soc)
        assert 47 < snapshot.flows.volts <= pack.CEILING + 1e-6
    assert min(min(state.soc) for s in day for state in s.states) < 0.3


def test_the_energy_into_the_packs_over_a_night_is_what_their_cells_lost() -> None:
    site = Site(fleet_layout(1, 1, 4), seed=2)
    start = MIDNIGHT - 6 * HOUR
    night = [s for (s,) in site.snapshots(start, start + 11 * HOUR + MINUTE, MINUTE)]
    flows = [sum(s.flows.amps) * s.flows.volts / 60 for s in night[:-1]]
    heat = [sum(map(pack.heating, s.plant.packs, s.states, s.flows.amps)) / 60 for s in night[:-1]]
    before, after = (sum(map(pack.energy, s.plant.packs, s.states)) for s in (night[0], night[-1]))
    assert sum(flows) == pytest.approx(after - before + sum(heat), rel=0.01)


@pytest.mark.parametrize("seed", range(1, 9))
def test_the_weak_cell_is_lowest_at_the_end_of_the_discharge(seed: int) -> None:
    (request, *_) = requests(Site(seed=seed), MIDNIGHT + 5.75 * HOUR, MIDNIGHT + 6 * HOUR)
    cells = {
        (s["pack"]["id"], n): volts
        for s in samples(request)
        for n, volts in enumerate(s["pack"]["cell"]["volts"], 1)
    }
    lowest = min(cells, key=lambda key: cells[key])
    spreads = Counter(
        {
            s["pack"]["id"]: max(s["pack"]["cell"]["volts"]) - min(s["pack"]["cell"]["volts"])
            for s in samples(request)
        }
    )
    assert lowest == ("0244", 5)
    (weak, spread), (_, next_spread) = spreads.most_common(2)
    assert weak == "0244"
    assert spread > 0.06 and next_spread < 0.025


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_weak_cell_is_found_at_any_time_of_a_day_and_keeps_its_pack_working(seed: int) -> None:
    below: dict[str, list[float]] = {}
    for snapshot in a_day(seed):
        for one, state, amps in zip(
            snapshot.plant.packs, snapshot.states, snapshot.flows.amps, strict=True
        ):
            volts = pack.cell_volts(one, state, amps)
            off = [found or 0.0 for found in deviations(volts)]
            below.setdefault(one.case, []).append(-(off[4] if one.case == "0244" else min(off)))
            assert not state.no_charge and not state.no_discharge
    weak = below.pop("0244")
    assert min(weak) >= WEAK_CELL
    assert max(by for others in below.values() for by in others) < WEAK_CELL


def test_balancing_opens_cells_while_the_packs_are_topped_up() -> None:
    opened = [any(state.bypassed for state in s.states) for s in a_day()]
    clock = [s.time.hour for s, is_open in zip(a_day(), opened, strict=True) if is_open]
    assert clock
    assert min(clock) >= 9 and max(clock) <= 17


@pytest.mark.parametrize("seed", range(1, 7))
def test_the_evening_brings_no_jump(seed: int) -> None:
    evening = MIDNIGHT + 17 * HOUR
    site = Site(demo_layout(SWAP), seed)
    (before,), (after,) = site.snapshots(evening - MINUTE, evening + MINUTE, MINUTE)
    for one, was, became in zip(before.plant.packs, before.states, after.states, strict=True):
        cells = zip(pack.cell_volts(one, was, 0.0), pack.cell_volts(one, became, 0.0), strict=True)
        assert max(abs(b - a) for a, b in cells) < 0.006
        assert abs(became.temperature - was.temperature) < 0.4


def test_the_moved_pack_is_reported_by_its_new_cabinet_after_a_gap() -> None:
    site = Site(demo_layout(SWAP))
    seen: list[tuple[int, int] | None] = []
    for request in requests(site, SWAP - 10 * MINUTE, SWAP + 10 * MINUTE, step=MINUTE):
        if request.dataset == "pms":
            places = [
                (cabinet, sample["pack"]["dock"])
                for cabinet, dataset in enumerate(datasets(request), 1)
                for sample in dataset["data"]
                if sample["pack"]["id"] == "0246"
            ]
            assert len(places) <= 1
            seen.append(places[0] if places else None)
    assert seen == [(1, 6)] * 5 + [None] * 5 + [(2, 19)] * 10


def test_a_gathering_of_pmss_reports_each_on_its_own() -> None:
    found = requests(Site(fleet_layout(2, 4, 12)), MIDNIGHT, MIDNIGHT + MINUTE)
    assert [(r.dataset, r.samples) for r in found] == [
        ("pms", 48),
        ("mppt", 8),
        ("inverter", 4),
    ] * 2
    docks = [s["pack"]["dock"] for s in samples(found[0])]
    assert docks == list(range(1, 49))


def test_a_day_with_a_change_of_clocks_is_simulated_like_any_other() -> None:
    layout = replace(
        fleet_layout(1, 1, 2), timezone="Europe/Amsterdam", latitude=52.4, longitude=4.9
    )
    start = datetime.fromisoformat("2026-03-28T12:00+01:00")
    found = requests(Site(layout), start, start + 2 * DAY, step=2 * HOUR)
    offsets = [samples(r)[0]["time_local"][-5:] for r in found if r.dataset == "pms"]
    assert offsets == ["+0100"] * 7 + ["+0200"] * 17


def test_a_period_that_makes_no_sense_is_refused() -> None:
    site, naive = Site(), MIDNIGHT.replace(tzinfo=None)
    with pytest.raises(ValueError, match="offset"):
        site.requests(naive, MIDNIGHT, HOUR)
    with pytest.raises(ValueError, match="forward"):
        site.requests(MIDNIGHT, MIDNIGHT + HOUR, timedelta(0))
    with pytest.raises(ValueError, match="1 or more"):
        site.requests(MIDNIGHT, MIDNIGHT + HOUR, HOUR, samples_per_request=0)
    assert requests(site, MIDNIGHT, MIDNIGHT) == []
