"""A simulated site: the requests that its gateway POSTs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby

import msgspec

from flexmeasures_pms.catalogue.asset_types import DatasetName
from flexmeasures_pms.simulator.devices import inverter_reports, mppt_reports
from flexmeasures_pms.simulator.ehub import pack_reports
from flexmeasures_pms.simulator.fleet import demo_layout
from flexmeasures_pms.simulator.layout import Layout
from flexmeasures_pms.simulator.plant import make_plant
from flexmeasures_pms.simulator.reports import DeviceReport, datasets
from flexmeasures_pms.simulator.track import TrackSnapshot, snapshots

_ENCODER = msgspec.json.Encoder()
_REPORTS: dict[DatasetName, Callable[[TrackSnapshot], list[DeviceReport]]] = {
    "pms": pack_reports,
    "mppt": mppt_reports,
    "inverter": inverter_reports,
}
SIMULATED: tuple[DatasetName, ...] = tuple(_REPORTS)
"""The datasets that the site's devices send, in the order of their requests."""


@dataclass(frozen=True, slots=True)
class SimulatedRequest:
    """One request as a gateway would POST it.

    :param dataset: one of :data:`SIMULATED`.
    :param body: JSON of the current wire shape.
    :param time: of its newest samples, in the site's timezone.
    :param samples: how many it holds.
    """

    dataset: DatasetName
    body: bytes
    time: datetime
    samples: int


class Site:
    """A site of one or more PMSs that share a location and its weather.

    What it reports at a moment depends only on the layout, the seed and the moment.
    Nothing is kept between calls.

    :param layout: the layout; by default the demo's site.
    :param seed: of weather, loads, cells and sensor noise.
    """

    def __init__(self, layout: Layout | None = None, seed: int = 1) -> None:
        """Make the site's packs from its layout and seed."""
        self.layout = demo_layout() if layout is None else layout
        self.seed = seed
        self._plants = tuple(
            make_plant(self.layout, system, seed) for system in self.layout.systems
        )

    def snapshots(
        self, start: datetime, end: datetime, step: timedelta
    ) -> Iterator[tuple[TrackSnapshot, ...]]:
        """Yield for each moment the true state of each PMS, which no gateway measures.

        :param start: first moment, aware.
        :param end: the moments end before it, aware.
        :param step: between two moments.
        :raises ValueError: a naive time or a step that does not go forward.
        """
        if start.tzinfo is None or end.tzinfo is None:
            raise ValueError("A period needs times with an offset, such as 2026-01-05T00:00+07:00.")
        if step <= timedelta(0):
            raise ValueError(f"A step of {step} does not go forward.")
        tracks = [snapshots(plant, _moments(start, end, step)) for plant in self._plants]
        return zip(*tracks, strict=True)

    def requests(
        self, start: datetime, end: datetime, step: timedelta, *, samples_per_request: int = 1
    ) -> Iterator[SimulatedRequest]:
        """Yield the requests of a period, in order of time.

        A request holds ``samples_per_request`` readings of all devices of one dataset of
        one PMS; such batches end at fixed times, so that two adjoining periods that meet
        there give the same requests as the whole.

        :param start: time of the first reading, aware.
        :param end: the readings end before it, aware.
        :param step: between two readings.
        :param samples_per_request: readings of each device in one request.
        :raises ValueError: a naive time, or a step or number that is not positive.
        """
        if samples_per_request < 1:
            raise ValueError(f"A request holds 1 or more readings, not {samples_per_request}.")
        moments = self.snapshots(start, end, step)
        span = step * samples_per_request
        return _requests(moments, lambda at: at.timestamp() // span.total_seconds())


def _moments(start: datetime, end: datetime, step: timedelta) -> Iterator[datetime]:
    moment, last = start.astimezone(UTC), end.astimezone(UTC)
    while moment < last:
        yield moment
        moment += step


def _requests(
    moments: Iterator[tuple[TrackSnapshot, ...]], batch: Callable[[datetime], float]
) -> Iterator[SimulatedRequest]:
    for _, readings in groupby(moments, key=lambda systems: batch(systems[0].time)):
        for history in zip(*readings, strict=True):
            for dataset, report in _REPORTS.items():
                reports = [r for snapshot in history for r in report(snapshot)]
                if reports:
                    yield _request(dataset, reports, history[-1].time)


def _request(dataset: DatasetName, reports: list[DeviceReport], time: datetime) -> SimulatedRequest:
    body = {"datasets": datasets(f"{dataset}_id", reports)}
    samples = sum(len(report.samples) for report in reports)
    return SimulatedRequest(dataset, _ENCODER.encode(body), time, samples)
