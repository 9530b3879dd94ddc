"""The reports of EHubs for a snapshot: their own status and a sample per pack."""

from __future__ import annotations

from flexmeasures_pms.simulator import pack
from flexmeasures_pms.simulator.layout import Case, DockPosition
from flexmeasures_pms.simulator.noise import between, jitter
from flexmeasures_pms.simulator.reports import DeviceReport, local_text, milli, tenth
from flexmeasures_pms.simulator.track import TrackSnapshot
from flexmeasures_pms.wire.messages import (
    CellReadings,
    EhubStatus,
    FetReadings,
    PackBody,
    PackSample,
    SampleMessage,
)

CELL_NOISE = 0.0006  # V in either direction
TEMPERATURE_NOISE = 0.15  # K in either direction
# An acquisition board filters what it measures: in a field log a cell's voltage
# changes in 12 of 100 samples a minute apart. So its noise is drawn once a minute [s].
FILTERED = 60
CONNECTED = "0001"


def pack_reports(snapshot: TrackSnapshot) -> list[DeviceReport]:
    """Return a report per cabinet, each with the packs that are docked in it now."""
    system = snapshot.plant.system
    text = local_text(snapshot.time)
    packs: list[list[SampleMessage]] = [[] for _ in system.cabinets]
    for index, (case, place) in enumerate(zip(system.cases(), snapshot.flows.places, strict=True)):
        if place is not None:
            packs[place.position - 1].append(_sample(snapshot, index, case, place, text))
    return [
        DeviceReport(cabinet.ident, system.pms, _status(snapshot, cabinet.ident), tuple(samples))
        for cabinet, samples in zip(system.cabinets, packs, strict=True)
        if samples
    ]


def _status(snapshot: TrackSnapshot, cabinet: str) -> EhubStatus:
    plant = snapshot.plant
    own = between(3.5, 6.0, plant.seed, f"{cabinet} EHub")
    return EhubStatus(CONNECTED, tenth(plant.inside(snapshot.seconds) + own))


def _sample(
    snapshot: TrackSnapshot, index: int, case: Case, place: DockPosition, text: str
) -> PackSample:
    one, state = snapshot.plant.packs[index], snapshot.states[index]
    amps = snapshot.flows.amps[index]
    noise = jitter(snapshot.plant.seed, case.ident, int(snapshot.seconds // FILTERED))
    volts = [
        milli(v + CELL_NOISE * (n - 127.5) / 127.5)
        for v, n in zip(pack.cell_volts(one, state, amps), noise, strict=False)
    ]
    warmth = state.temperature
    top = warmth + 0.6 + 0.1 * pack.heating(one, state, amps) + 0.06 * pack.bled(state)
    body = PackBody(
        id=case.pack_id,
        dock=place.across,
        amps=milli(amps),
        temp=_noisy((top, warmth, warmth - 0.9), noise[20:]),
        cell=CellReadings(list(state.bypassed), volts),
        fet=FetReadings(
            [n for n, is_open in ((1, state.no_charge), (2, state.no_discharge)) if is_open],
            _noisy((warmth + 1.5 + 0.07 * amps * amps, warmth + 1.1), noise[30:]),
        ),
    )
    return PackSample(text, body)


def _noisy(temperatures: tuple[float, ...], noise: bytes) -> list[float]:
    return [
        tenth(t + TEMPERATURE_NOISE * (n - 127.5) / 127.5)
        for t, n in zip(temperatures, noise, strict=False)
    ]
