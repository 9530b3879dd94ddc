"""One PMS with its devices, and its power flows at a moment."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import UTC, datetime

from flexmeasures_pms.simulator import bus, pack, power
from flexmeasures_pms.simulator.cells import CAPACITY, CELLS
from flexmeasures_pms.simulator.layout import DockPosition, Layout, System
from flexmeasures_pms.simulator.loads import Loads, loads
from flexmeasures_pms.simulator.pack import PackState, SimulatedPack
from flexmeasures_pms.simulator.weather import Weather

MPPT_PEAK = 600.0  # W of modules per pack
INVERTER_PEAK = 300.0  # W of modules per pack
DARK = 8.0  # W/m² below which strings give nothing
WARMER_INSIDE = 3.0  # K between a cabinet and the air
AFTERGLOW = 0.15  # K left in the evening of the day's charge

# The grid helps to have the packs full in time, and holds them full: so a cloudy day
# ends like a sunny one, and each evening starts from a known state.
TOP_UP = 6 * 3600.0  # s before the evening
HOLD = 2 * 3600.0  # s before the evening
RESERVE = 0.12  # state of charge below which the grid takes over
_SHARED = 0.85  # of the packs' limits together: they never share quite evenly

States = tuple[PackState, ...]
PackPlaces = tuple[DockPosition | None, ...]


@dataclass(frozen=True, slots=True)
class Flows:
    """The flows at a moment.

    :param volts: of the bus [V].
    :param amps: of each pack [A], charging positive; 0 while it is carried.
    :param places: where each pack is.
    :param irradiance: [W/m²].
    :param loads: per pack [W].
    :param supply: what was available and requested.
    :param dispatch: the result.
    """

    volts: float
    amps: tuple[float, ...]
    places: PackPlaces
    irradiance: float
    loads: Loads
    supply: power.Supply
    dispatch: power.Dispatch


@dataclass(frozen=True)
class Plant:
    """A system of a layout with the physics of its packs and weather."""

    layout: Layout
    system: System
    seed: int
    weather: Weather
    packs: tuple[SimulatedPack, ...]
    _changes: tuple[float, ...] = ()
    _places: dict[int, PackPlaces] = field(default_factory=dict)

    def places(self, seconds: float) -> PackPlaces:
        """Return where each pack is; the same tuple until something is moved."""
        index = bisect_right(self._changes, seconds)
        if index not in self._places:
            at = datetime.fromtimestamp(seconds, UTC)
            self._places[index] = tuple(
                self.layout.place(self.system, case, at) for case in self.system.cases()
            )
        return self._places[index]

    def inside(self, seconds: float) -> float:
        """Return the temperature in the cabinets [°C]."""
        return self.weather.air(seconds) + WARMER_INSIDE


def make_plant(layout: Layout, system: System, seed: int) -> Plant:
    """Return the plant of one system of a layout."""
    weather = Weather(seed, layout.latitude, layout.longitude)
    weak = dict(layout.weak)
    packs = tuple(pack.make_pack(seed, c.ident, weak.get(c.ident)) for c in system.cases())
    moments = {t for m in layout.moves for t in (m.at - m.away, m.at)}
    return Plant(
        layout, system, seed, weather, packs, tuple(sorted(t.timestamp() for t in moments))
    )


def evening_states(plant: Plant, seconds: float) -> States:
    """Return the packs as they are each evening: full, balanced, at rest."""
    warmth = plant.weather.settled(seconds, pack.THERMAL_LAG) + WARMER_INSIDE + AFTERGLOW
    return tuple(pack.full(p, warmth) for p in plant.packs)


def solve(plant: Plant, states: States, seconds: float, evening: float) -> Flows:
    """Return the flows at a moment.

    :param states: of the packs.
    :param seconds: Unix time [s].
    :param evening: Unix time of the next evening [s].
    """
    places = plant.places(seconds)
    irradiance = plant.weather.irradiance(seconds)
    used = loads(plant.weather, plant.system.pms, seconds)
    supply = _supply(plant, irradiance, plant.weather.air(seconds), used)
    docked = [i for i, place in enumerate(places) if place is not None]
    branches = [_branch(plant.packs[i], states[i], places[i]) for i in docked]
    least = _SHARED * sum(b.lowest for b in branches)
    most = min(_SHARED * sum(b.highest for b in branches), bus.accepted(pack.CEILING, branches))
    wanted = _wanted([states[i] for i in docked], evening - seconds)
    volts = sum(b.volts for b in branches) / len(branches) if branches else bus.RESTING
    for _ in range(4):  # power over voltage: each round gains three digits
        bounds = power.PowerBounds(
            least * volts, max(0.0, most) * volts, None if wanted is None else wanted * volts
        )
        flows = power.dispatch(supply, bounds)
        volts, shared = bus.share(flows.bus / volts, branches)
    amps = [0.0] * len(states)
    for i, current in zip(docked, shared, strict=True):
        amps[i] = current
    return Flows(volts, tuple(amps), places, irradiance, used, supply, flows)


def _branch(one: SimulatedPack, state: PackState, place: DockPosition | None) -> bus.BusBranch:
    lowest, highest = pack.limits(state)
    leads = pack.LEADS + pack.PER_DOCK * (place.dock if place else 0)
    return bus.BusBranch(pack.at_rest(one, state), one.resistance + leads, lowest, highest)


def _supply(plant: Plant, irradiance: float, air: float, used: Loads) -> power.Supply:
    warm = 1 - 0.004 * (air + 0.03 * irradiance - 25)
    sun = irradiance / 1000 * warm if irradiance > DARK else 0.0
    count = len(plant.packs)
    return power.Supply(
        mppt=count * MPPT_PEAK * sun * power.MPPT_EFFICIENCY,
        inverter=count * INVERTER_PEAK * sun * power.STRING_EFFICIENCY,
        dc_load=count * (used.vsat + used.bts),
        ac_load=count * (used.cooling + used.lights),
    )


def _wanted(states: list[PackState], left: float) -> float | None:
    """Return the current [A] that the grid has to ensure; None if there is none.

    :param left: time until the evening [s].
    """
    if left <= HOLD:
        return float("inf")
    charges = [sum(state.soc) / CELLS for state in states]
    if left <= TOP_UP:
        missing = sum(max(0.0, 0.95 - soc) for soc in charges) * CAPACITY
        return missing * 3600 / max(left - HOLD, 1800.0)
    return 0.0 if charges and min(charges) < RESERVE else None


def step(plant: Plant, states: States, flows: Flows, seconds: float, length: float) -> States:
    """Return the packs' states after a time under the currents of its beginning."""
    air = plant.inside(seconds)
    return tuple(
        pack.advance(one, state, amps, length, air)
        for one, state, amps in zip(plant.packs, states, flows.amps, strict=True)
    )


def supervise(plant: Plant, states: States, flows: Flows) -> States:
    """Return the states after each pack's board set its switches."""
    return tuple(
        pack.supervise(one, state, amps)
        for one, state, amps in zip(plant.packs, states, flows.amps, strict=True)
    )
