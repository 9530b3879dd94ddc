"""The parts of the simulated physics, each held to a law."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexmeasures_pms.simulator import pack
from flexmeasures_pms.simulator.bus import BusBranch, accepted, share
from flexmeasures_pms.simulator.cells import (
    CELLS,
    SimulatedCell,
    open_circuit,
    state_of_charge,
    stored_energy,
)
from flexmeasures_pms.simulator.noise import smooth, unit
from flexmeasures_pms.simulator.power import (
    INVERTER_EFFICIENCY,
    PowerBounds,
    Supply,
    dispatch,
)
from flexmeasures_pms.simulator.sun import clear_sky, sine_of_elevation
from flexmeasures_pms.simulator.weather import Weather

socs = st.floats(0, 1)
watts = st.floats(0, 20_000)
branches = st.lists(
    st.builds(
        BusBranch,
        volts=st.floats(45, 58),
        resistance=st.floats(0.01, 0.2),
        lowest=st.sampled_from([0.0, -15.0]),
        highest=st.sampled_from([0.0, 15.0]),
    ),
    min_size=1,
    max_size=12,
)


def moment(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def test_noon_of_the_equinox_on_the_equator_has_the_sun_overhead() -> None:
    assert sine_of_elevation(moment("2026-03-20T12:07"), 0.0, 0.0) == pytest.approx(1, abs=0.001)


def test_midsummer_noon_has_the_sun_at_its_textbook_elevation() -> None:
    elevation = math.degrees(math.asin(sine_of_elevation(moment("2026-06-21T12:02"), 52.0, 0.0)))
    assert elevation == pytest.approx(90 - 52 + 23.44, abs=0.5)


def test_the_sun_rises_about_six_on_the_equator() -> None:
    assert clear_sky(moment("2026-03-20T05:55"), 0.0, 0.0) == 0
    assert clear_sky(moment("2026-03-20T06:30"), 0.0, 0.0) > 30


def test_clear_sky_overhead_is_haurwitz() -> None:
    brightest = max(clear_sky(moment(f"2026-03-20T12:{m:02d}"), 0.0, 0.0) for m in range(20))
    assert brightest == pytest.approx(1098 * math.exp(-0.057), rel=0.001)


@given(st.floats(0, 4e9))
def test_clouds_only_ever_take_sun_away(seconds: float) -> None:
    weather = Weather(3, -6.2, 106.8)
    clear = clear_sky(seconds, -6.2, 106.8)
    assert 0.19 * clear <= weather.irradiance(seconds) <= clear


@given(st.floats(0, 4e9), st.floats(0.001, 1))
def test_smooth_noise_has_no_jumps(seconds: float, ahead: float) -> None:
    before, after = (smooth(1, "x", t, 100.0) for t in (seconds, seconds + ahead))
    assert abs(after - before) <= math.pi / 2 * (ahead + 1e-6) / 100.0


def test_a_body_that_follows_the_air_closely_has_its_temperature() -> None:
    weather = Weather(3, -6.2, 106.8)
    now = moment("2026-01-05T03:00")
    assert weather.settled(now, 30.0) == pytest.approx(weather.air(now), abs=0.02)


def test_draws_differ_by_seed_name_and_index() -> None:
    draws = {unit(1, "a", 0), unit(2, "a", 0), unit(1, "b", 0), unit(1, "a", 1)}
    assert len(draws) == 4


@given(socs, socs)
def test_open_circuit_voltage_rises_with_charge(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 3.0 <= open_circuit(low) <= open_circuit(high) <= 4.12 + 1e-9


@given(socs)
def test_state_of_charge_is_found_from_the_voltage_at_rest(soc: float) -> None:
    assert state_of_charge(open_circuit(soc)) == pytest.approx(soc, abs=1e-6)


@given(socs, socs)
def test_stored_energy_is_the_area_under_the_curve(one: float, other: float) -> None:
    cell = SimulatedCell(50.0, 0.002, 0.0, 0.0)
    low, high = sorted((one, other))
    steps = 200
    width = (high - low) / steps
    area = sum(open_circuit(low + (i + 0.5) * width) * width for i in range(steps))
    assert stored_energy(cell, high) - stored_energy(cell, low) == pytest.approx(
        50.0 * area, abs=0.01
    )


@given(branches, st.floats(-0.85, 0.85))
def test_packs_share_a_current_at_one_voltage_within_their_limits(
    packs: list[BusBranch], part: float
) -> None:
    total = (
        part * sum(b.highest for b in packs) if part > 0 else -part * sum(b.lowest for b in packs)
    )
    volts, amps = share(total, packs)
    assert sum(amps) == pytest.approx(total, abs=1e-6)
    for branch, current in zip(packs, amps, strict=True):
        assert branch.lowest - 1e-6 <= current <= branch.highest + 1e-6
        if branch.lowest + 1e-6 < current < branch.highest - 1e-6:
            assert volts == pytest.approx(branch.volts + current * branch.resistance, abs=1e-6)


def test_the_stronger_of_two_packs_gives_more() -> None:
    packs = [BusBranch(52.0, 0.05, -15.0, 15.0), BusBranch(51.9, 0.05, -15.0, 15.0)]
    volts, amps = share(-6.0, packs)
    assert amps == pytest.approx([-4.0, -2.0])
    assert volts == pytest.approx(51.8)


def test_a_bus_held_at_a_voltage_takes_what_ohm_says() -> None:
    packs = [BusBranch(56.0, 0.1, -15.0, 15.0), BusBranch(50.0, 0.1, -15.0, 15.0)]
    assert accepted(56.5, packs) == pytest.approx(5.0 + 15.0)


@given(
    st.builds(Supply, mppt=watts, inverter=watts, dc_load=watts, ac_load=watts),
    st.floats(-20_000, 0),
    watts,
    st.none() | watts,
)
def test_power_balances_at_each_node_and_sun_goes_first(
    supply: Supply, least: float, most: float, wanted: float | None
) -> None:
    flows = dispatch(supply, PowerBounds(least, most, wanted))
    assert flows.bus == pytest.approx(flows.mppt - supply.dc_load + flows.inverter, abs=1e-6)
    assert least - 1e-6 <= flows.bus <= most + 1e-6
    assert 0 <= flows.mppt <= supply.mppt
    converted = supply.inverter - flows.inverter
    ac = converted * (INVERTER_EFFICIENCY if converted >= 0 else 1 / INVERTER_EFFICIENCY)
    assert ac == pytest.approx(supply.ac_load + flows.grid, abs=1e-5)
    if flows.grid < -1 and wanted is None and least < flows.bus < most:
        pytest.fail("power was bought that the packs could have given")
    if flows.mppt < supply.mppt - 1e-6:
        assert flows.bus == pytest.approx(most, abs=1e-6)


def test_a_surplus_is_fed_into_the_grid_before_the_mppts_are_throttled() -> None:
    flows = dispatch(Supply(1000, 600, 500, 190), PowerBounds(-5000, 700))
    assert flows.mppt == 1000
    assert flows.inverter == pytest.approx(200)
    assert flows.grid == pytest.approx(0.95 * 400 - 190)


@given(st.lists(st.floats(-14, 14), min_size=1, max_size=60), st.booleans())
def test_state_of_charge_stays_between_empty_and_full(amps: list[float], ends_full: bool) -> None:
    one = pack.make_pack(1, "0244", weak=5)
    state = pack.full(one, 25.0)
    for current in [*amps, *([12.0] * 30 if ends_full else [-12.0] * 300)]:
        lowest, highest = pack.limits(state)
        held = min(highest, max(lowest, current))
        state = pack.supervise(one, pack.advance(one, state, held, 60, 25.0), held)
        assert all(0 <= soc <= 1 for soc in state.soc)
        assert min(pack.cell_volts(one, state, 0.0)) > 2.9
        assert max(pack.cell_volts(one, state, 0.0)) < 4.2


def test_the_energy_put_into_a_pack_is_stored_or_lost_as_heat() -> None:
    one = pack.make_pack(1, "0241")
    state = pack.PackState((0.3,) * CELLS, 0.0, 25.0)
    held, given_in, lost = pack.energy(one, state), 0.0, 0.0
    for minute in range(600):
        amps = 4.0 if minute < 300 else 0.0 if minute < 330 else -4.0
        volts = sum(pack.cell_volts(one, state, amps)) + amps * pack.LEADS
        following = pack.advance(one, state, amps, 60, 25.0)
        lost += (pack.heating(one, following, amps) + pack.bled(state)) / 60
        given_in += volts * amps / 60
        state = following
    leaked = sum(c.leakage * 3.7 * 10 for c in one.cells)
    assert given_in == pytest.approx(pack.energy(one, state) - held + lost + leaked, rel=0.02)


def test_a_pack_warms_by_its_losses_and_no_further() -> None:
    one = pack.make_pack(1, "0241")
    state = pack.PackState((0.5,) * CELLS, 10.0, 30.0)
    heat = pack.heating(one, state, 10.0)
    for _ in range(24):
        state = pack.advance(one, state, 10.0 if state.soc[0] < 0.9 else 0.0, 300, 30.0)
    assert 30.0 < state.temperature < 30.0 + heat / pack.COOLING


def test_a_discharged_cell_opens_the_discharge_fet_until_it_is_charged() -> None:
    one = pack.make_pack(1, "0244", weak=5)
    state = pack.PackState(tuple(0.005 if n == 5 else 0.2 for n in range(1, 15)), 0.0, 25.0)
    opened = pack.supervise(one, state, -12.0)
    assert opened.no_discharge
    assert pack.limits(opened) == (0.0, pack.MOST_AMPS)
    assert pack.supervise(one, opened, 0.0).no_discharge
    charged = pack.supervise(one, pack.advance(one, opened, 14.0, 3600, 25.0), 14.0)
    assert not charged.no_discharge


def test_balancing_bypasses_the_higher_cells_of_a_nearly_full_pack_being_charged() -> None:
    one = pack.make_pack(1, "0241")
    soc = tuple(0.96 if n in (2, 9) else 0.94 for n in range(1, 15))
    state = pack.PackState(soc, 0.0, 25.0)
    charging = pack.supervise(one, state, 0.5)
    assert charging.bypassed == (2, 9)
    assert pack.supervise(one, state, -0.5).bypassed == ()
    later = pack.advance(one, charging, 0.0, 3600, 25.0)
    assert later.soc[1] < charging.soc[1] - 0.004
