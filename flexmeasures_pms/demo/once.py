"""The demo's check: FlexMeasures returns exactly the telemetry of a day that was sent.

What was sent is read from the bodies of the requests by a few lines here, on purpose not
by the plugin's own decoder.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Protocol

from flexmeasures_pms.simulator import SimulatedRequest
from flexmeasures_pms.simulator.layout import Layout

DAY_MINUTES = 24 * 60
TOLERANCE = 1e-9
# Written when they change, and again after 15 minutes.
STATES = ("dock",)
SNAPSHOT_MINUTES = 15
WATTS = Decimal("0.0001")  # what power is rounded to

MinuteReadings = list[float | None]


class SensorDataReader(Protocol):
    """What is needed of FlexMeasures' API; see :mod:`flexmeasures_pms.demo.reader`."""

    def assets(self, account_id: int) -> dict[str, int]:
        """Return the ids of an organisation's assets by their external id."""

    def sensors(self, asset_id: int) -> dict[str, dict[str, Any]]:
        """Return id and unit of an asset's sensors by their name."""

    def day(self, sensor: dict[str, Any], start: datetime) -> MinuteReadings:
        """Return the reading of each minute of a day, None where there is none."""


@dataclass(frozen=True, slots=True)
class SensorDay:
    """A day of one sensor: a reading for each minute, None where there is none."""

    asset: str
    sensor: str
    unit: str
    sent: MinuteReadings
    found: MinuteReadings

    @property
    def agrees(self) -> bool:
        """Whether something was sent, and all of it found, and nothing else."""
        return any(value is not None for value in self.sent) and all(
            map(_same, self.sent, self.found)
        )


def compare(
    requests: Iterable[SimulatedRequest],
    layout: Layout,
    start: datetime,
    flexmeasures: SensorDataReader,
    account_id: int,
) -> list[SensorDay]:
    """Read back what the requests of a day sent, for some sensors of each kind of asset."""
    sent: dict[tuple[str, str], MinuteReadings] = {
        key: [None] * DAY_MINUTES for key in _chosen(layout)
    }
    for request in requests:
        for at, asset, values in _samples(request, layout):
            minute = (at - start) // timedelta(minutes=1)
            for name, value in values.items():
                if (asset, name) in sent:
                    sent[asset, name][minute] = float(value)
    assets = flexmeasures.assets(account_id)
    rows = []
    for (asset, name), readings in sent.items():
        sensor = flexmeasures.sensors(assets[asset])[name]
        found = flexmeasures.day(sensor, start)
        if name in STATES:
            found = _filled_forward(found, readings)
        rows.append(SensorDay(asset, name, sensor["unit"], readings, found))
    return rows


def table(rows: Iterable[SensorDay]) -> str:
    """Return the comparison as text."""
    form = "{:30} {:20} {:>5} {:>6} {:>6} {:>19}  {}"
    lines = [form.format("asset", "sensor", "unit", "sent", "found", "lowest to highest", "")]
    for row in rows:
        values = [value for value in row.found if value is not None] or [float("nan")]
        lines.append(
            form.format(
                row.asset,
                row.sensor,
                "" if row.unit == "dimensionless" else row.unit,
                sum(value is not None for value in row.sent),
                sum(value is not None for value in row.found),
                f"{min(values):.3f} to {max(values):.3f}",
                "agree" if row.agrees else "DIFFER",
            )
        )
    return "\n".join(lines)


def _filled_forward(found: MinuteReadings, sent: MinuteReadings) -> MinuteReadings:
    """Return a state at each minute with a reading: as it was last written."""
    last, age, filled = None, 0, []
    for value, told in zip(found, sent, strict=True):
        last, age = (last, age + 1) if value is None else (value, 0)
        repeats = told is not None and age < SNAPSHOT_MINUTES
        filled.append(last if value is not None or repeats else None)
    return filled


def _same(sent: float | None, found: float | None) -> bool:
    if sent is None or found is None:
        return sent is found
    return abs(sent - found) < TOLERANCE


def _chosen(layout: Layout) -> Iterator[tuple[str, str]]:
    """Yield what is compared: the weak cell, the swapped pack, one with a board id, devices."""
    system = layout.systems[0]
    weak, cell = layout.weak[0]
    by_board = next(case.ident for case in system.cases() if case.reports_board)
    yield f"case:{weak}", f"cell {cell:02d} voltage"
    yield f"case:{weak}", "pack voltage"
    yield f"case:{layout.moves[0].case}", "dock"
    yield f"case:{layout.moves[0].case}", "pack current"
    yield f"case:{by_board}", "temperature top"
    yield f"case:{by_board}", "pack current"
    yield f"mppt:{system.mppts[0]}", "PV 1 power"
    yield f"mppt:{system.mppts[0]}", "battery current"
    yield f"inverter:{system.inverters[0]}", "load 1 voltage"
    yield f"inverter:{system.inverters[0]}", "grid 1 current"


def _samples(
    request: SimulatedRequest, layout: Layout
) -> Iterator[tuple[datetime, str, dict[str, Decimal]]]:
    """Yield time, asset and some readings of each sample of a request."""
    packs = {case.pack_id: case.ident for s in layout.systems for case in s.cases()}
    for dataset in json.loads(request.body, parse_float=Decimal)["datasets"]:
        for sample in dataset["data"]:
            at = datetime.strptime(sample["time_local"], "%Y%m%dT%H%M%S.%f%z")
            if request.dataset == "pms":
                yield at, f"case:{packs[sample['pack']['id']]}", _pack(sample["pack"])
            else:
                device = dataset[f"{request.dataset}_id"]
                yield at, f"{request.dataset}:{device}", _device(sample)


def _pack(pack: dict[str, Any]) -> dict[str, Decimal]:
    cells = pack["cell"]["volts"]
    return {
        "pack voltage": sum(cells, Decimal(0)),
        "pack current": pack["amps"],
        "temperature top": pack["temp"][0],
        "dock": pack["dock"],
        **{f"cell {number:02d} voltage": volts for number, volts in enumerate(cells, 1)},
    }


def _device(sample: dict[str, Any]) -> dict[str, Decimal]:
    pv, load, grid = sample["pv"], sample["load"], sample.get("grid")
    return {
        "PV 1 power": (pv["volts"][0] * pv["amps"][0]).quantize(WATTS, ROUND_HALF_UP),
        "battery current": sample["battery"]["amps"],
        "load 1 voltage": load["volts"][0],
        **({"grid 1 current": grid["amps"][0]} if grid else {}),
    }
