"""The reports of MPPTs and inverters for a snapshot."""

from __future__ import annotations

import math

from flexmeasures_pms.simulator import pack, power
from flexmeasures_pms.simulator.noise import between, smooth
from flexmeasures_pms.simulator.reports import DeviceReport, local_text, milli
from flexmeasures_pms.simulator.track import TrackSnapshot
from flexmeasures_pms.wire.messages import (
    BatteryReadings,
    ChannelReadings,
    DatasetStatus,
    GridReadings,
    InverterSample,
    MpptSample,
)

STRINGS = 2  # per device
MPPT_STRING = 92.0  # V at full power
INVERTER_STRING = 310.0  # V at full power
MAINS = 220.0  # V of the AC loads
GRID = 388.0  # V line to line
FLOAT_AMPS = 0.6  # A per pack below which a charge at the ceiling is a float

_CONNECTED = 0x0001
_RUNNING = 0x2000
_NO_POWER = 0x0004
_BOOST, _FLOAT = 0x0400, 0x0800


def mppt_reports(snapshot: TrackSnapshot) -> list[DeviceReport]:
    """Return a report per MPPT: its strings, its DC loads (VSAT, BTS) and the rest."""
    flows, idents = snapshot.flows, snapshot.plant.system.mppts
    available = flows.supply.mppt / power.MPPT_EFFICIENCY
    used = flows.dispatch.mppt / power.MPPT_EFFICIENCY
    dc_volts = flows.volts - 0.2
    consumed = flows.loads.vsat + flows.loads.bts
    vsat = flows.supply.dc_load * flows.loads.vsat / consumed
    code = DatasetStatus(f"{_mppt_code(snapshot):04X}")
    text = local_text(snapshot.time)
    reports = []
    for ident, strings, load in zip(
        idents, _strings(snapshot, idents), _parts(snapshot, idents, "load"), strict=True
    ):
        charge = sum(strings) * flows.dispatch.mppt - load * flows.supply.dc_load
        sample = MpptSample(
            text,
            _pv(MPPT_STRING, strings, used, available),
            _battery(flows.volts, charge),
            _loads(dc_volts, dc_volts, load * vsat, load * (flows.supply.dc_load - vsat)),
        )
        reports.append(DeviceReport(ident, ident, code, (sample,)))
    return reports


def inverter_reports(snapshot: TrackSnapshot) -> list[DeviceReport]:
    """Return a report per inverter: its strings, AC loads (cooling, lights) and the grid."""
    flows, idents = snapshot.flows, snapshot.plant.system.inverters
    made = flows.supply.inverter / power.STRING_EFFICIENCY
    consumed = flows.loads.cooling + flows.loads.lights
    cooling = flows.supply.ac_load * flows.loads.cooling / consumed
    text = local_text(snapshot.time)
    code = DatasetStatus(f"{_CONNECTED:04X}")
    part = 1 / len(idents)
    reports = []
    for ident in idents:
        mains = MAINS * _wander(snapshot, f"{ident} mains", 0.012)
        sample = InverterSample(
            text,
            _pv(INVERTER_STRING, (part * 0.52, part * 0.48), made, made),
            _battery(flows.volts, part * flows.dispatch.inverter),
            _loads(mains, mains, part * cooling, part * (flows.supply.ac_load - cooling)),
            _grid(snapshot, ident, part * flows.dispatch.grid),
        )
        reports.append(DeviceReport(ident, ident, code, (sample,)))
    return reports


def _mppt_code(snapshot: TrackSnapshot) -> int:
    flows = snapshot.flows
    if flows.supply.mppt <= 0:
        return _CONNECTED | _NO_POWER
    code = _CONNECTED | _RUNNING
    if flows.dispatch.bus <= 0:
        return code
    small = sum(flows.amps) < FLOAT_AMPS * len(flows.amps)
    return code | (_FLOAT if small and flows.volts > pack.CEILING - 0.1 else _BOOST)


def _parts(snapshot: TrackSnapshot, names: tuple[str, ...], what: str) -> list[float]:
    """Return shares of the whole for each name: nearly equal, constant, with the sum 1."""
    raw = [between(0.92, 1.08, snapshot.plant.seed, f"{name} {what}") for name in names]
    return [r / sum(raw) for r in raw]


def _strings(snapshot: TrackSnapshot, idents: tuple[str, ...]) -> list[tuple[float, ...]]:
    names = tuple(f"{ident} string {n}" for ident in idents for n in range(STRINGS))
    parts = _parts(snapshot, names, "peak")
    return [tuple(parts[i : i + STRINGS]) for i in range(0, len(parts), STRINGS)]


def _pv(nominal: float, parts: tuple[float, ...], used: float, available: float) -> ChannelReadings:
    """Return strings that are throttled by a voltage above their maximum power point."""
    if available <= 0:
        return ChannelReadings([0.0] * len(parts), [0.0] * len(parts))
    dim = 0.02 * math.log(max(available * parts[0], 1.0) / 2000)
    volts = milli(nominal * (1 + dim) * (1.2 - 0.2 * used / available))
    return ChannelReadings([volts] * len(parts), [milli(used * p / volts) for p in parts])


def _battery(volts: float, watts: float) -> BatteryReadings:
    return BatteryReadings(milli(volts), milli(watts / volts))


def _loads(volts_1: float, volts_2: float, watts_1: float, watts_2: float) -> ChannelReadings:
    volts = [milli(volts_1), milli(volts_2)]
    return ChannelReadings(volts, [milli(watts_1 / volts_1), milli(watts_2 / volts_2)])


def _wander(snapshot: TrackSnapshot, name: str, share: float) -> float:
    part = smooth(snapshot.plant.seed, name, snapshot.seconds, 600)
    return 1 + share * (2 * part - 1)


def _grid(snapshot: TrackSnapshot, ident: str, watts: float) -> GridReadings:
    """Return three phases whose sqrt(3) x V x A x pf, averaged, is the power [W]."""
    volts = [GRID * _wander(snapshot, f"{ident} phase {n}", 0.015) for n in range(3)]
    parts = _parts(snapshot, (f"{ident} L1", f"{ident} L2", f"{ident} L3"), "share")
    factor = 1.0 if watts == 0 else round(0.99 - 0.04 * math.exp(-abs(watts) / 500), 2)
    return GridReadings(
        [milli(v) for v in volts],
        [milli(math.sqrt(3) * watts * p / (v * factor)) for v, p in zip(volts, parts, strict=True)],
        [factor] * 3,
    )
