"""From a snapshot to what the EHubs report: their own status and a sample per pack."""

from __future__ import annotations

from flexmeasures_pms.simulator import pack, shapes
from flexmeasures_pms.simulator.layout import Case, DockPosition
from flexmeasures_pms.simulator.noise import between, jitter
from flexmeasures_pms.simulator.track import TrackSnapshot

CELL_NOISE = 0.0006  # V either way
TEMPERATURE_NOISE = 0.15  # K either way
# An acquisition board filters what it measures: in a log of the field a cell's voltage is
# another in 12 of 100 samples a minute apart. So its noise is drawn once a minute [s].
FILTERED = 60
CONNECTED = "0001"


def pack_reports(snapshot: TrackSnapshot) -> list[shapes.DeviceReport]:
    """Return a report per cabinet, each with the packs that are docked in it now."""
    system = snapshot.plant.system
    text = shapes.local_text(snapshot.time)
    packs: list[list[shapes.SampleMessage]] = [[] for _ in system.cabinets]
    for index, (case, place) in enumerate(zip(system.cases(), snapshot.flows.places, strict=True)):
        if place is not None:
            packs[place.position - 1].append(_sample(snapshot, index, case, place, text))
    return [
        shapes.DeviceReport(
            cabinet.ident, system.pms, _status(snapshot, cabinet.ident), tuple(samples)
        )
        for cabinet, samples in zip(system.cabinets, packs, strict=True)
        if samples
    ]


def _status(snapshot: TrackSnapshot, cabinet: str) -> shapes.DatasetStatus:
    plant = snapshot.plant
    own = between(3.5, 6.0, plant.seed, f"{cabinet} EHub")
    return shapes.DatasetStatus(CONNECTED, shapes.tenth(plant.inside(snapshot.seconds) + own))


def _sample(
    snapshot: TrackSnapshot, index: int, case: Case, place: DockPosition, text: str
) -> shapes.PackSample:
    one, state = snapshot.plant.packs[index], snapshot.states[index]
    amps = snapshot.flows.amps[index]
    noise = jitter(snapshot.plant.seed, case.ident, int(snapshot.seconds // FILTERED))
    volts = [
        shapes.milli(v + CELL_NOISE * (n - 127.5) / 127.5)
        for v, n in zip(pack.cell_volts(one, state, amps), noise, strict=False)
    ]
    warmth = state.temperature
    top = warmth + 0.6 + 0.1 * pack.heating(one, state, amps) + 0.06 * pack.bled(state)
    body = shapes.PackBody(
        id=case.pack_id,
        dock=place.across,
        amps=shapes.milli(amps),
        temp=_noisy((top, warmth, warmth - 0.9), noise[20:]),
        cell=shapes.CellReadings(list(state.bypassed), volts),
        fet=shapes.Fets(
            [n for n, is_open in ((1, state.no_charge), (2, state.no_discharge)) if is_open],
            _noisy((warmth + 1.5 + 0.07 * amps * amps, warmth + 1.1), noise[30:]),
        ),
    )
    return shapes.PackSample(text, body)


def _noisy(temperatures: tuple[float, ...], noise: bytes) -> list[float]:
    return [
        shapes.tenth(t + TEMPERATURE_NOISE * (n - 127.5) / 127.5)
        for t, n in zip(temperatures, noise, strict=False)
    ]
