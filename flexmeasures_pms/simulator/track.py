"""Integrate a plant from one moment to the next.

The packs are integrated in fixed steps from the last evening, 17:00 local time, when
every pack is full, balanced and at rest (see :data:`~.plant.HOLD`). So the state at
a moment depends only on layout, seed and moment; a simulation that starts again later,
or in another process, continues where the first would have been, after at most a day of
integration.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time

from flexmeasures_pms.simulator.plant import (
    Flows,
    Plant,
    States,
    evening_states,
    solve,
    step,
    supervise,
)

EVENING = clock_time(17, 0)
STEP = 60  # s


@dataclass(frozen=True, slots=True)
class TrackSnapshot:
    """The true state of a plant at a moment.

    :param plant: the plant.
    :param time: the moment, in the site's timezone.
    :param states: of its packs, in the order of the layout's cases.
    :param flows: voltages, currents and powers.
    """

    plant: Plant
    time: datetime
    states: States
    flows: Flows

    @property
    def seconds(self) -> float:
        """The moment as Unix time [s]."""
        return self.time.timestamp()


@dataclass(slots=True)
class _Grid:
    """The state at the latest whole step since the evening."""

    evening: float
    next_evening: float
    seconds: float
    states: States
    flows: Flows


def evening_before(at: datetime) -> datetime:
    """Return the last evening not after a moment that is given in the site's timezone."""
    evening = datetime.combine(at.date(), EVENING, at.tzinfo)
    if evening.timestamp() > at.timestamp():
        evening = datetime.combine(at.date() - timedelta(days=1), EVENING, at.tzinfo)
    return evening


def _start(plant: Plant, at: datetime) -> _Grid:
    """Return the grid at the last evening."""
    evening = evening_before(at)
    following = datetime.combine(evening.date() + timedelta(days=1), EVENING, at.tzinfo)
    seconds, upcoming = evening.timestamp(), following.timestamp()
    states = evening_states(plant, seconds)
    flows = solve(plant, states, seconds, upcoming)
    return _Grid(seconds, upcoming, seconds, states, flows)


def _advance(plant: Plant, grid: _Grid) -> None:
    """Advance the grid by one step."""
    moved = step(plant, grid.states, grid.flows, grid.seconds, STEP)
    grid.states = supervise(plant, moved, grid.flows)
    grid.seconds += STEP
    grid.flows = solve(plant, grid.states, grid.seconds, grid.next_evening)


def snapshots(plant: Plant, times: Iterator[datetime]) -> Iterator[TrackSnapshot]:
    """Yield the plant at each of some moments.

    :param times: aware, in order of time.
    """
    zone = plant.layout.zone
    grid: _Grid | None = None
    for time in times:
        local = time.astimezone(UTC).astimezone(zone)
        seconds = local.timestamp()
        if grid is None or seconds >= grid.next_evening:
            grid = _start(plant, local)
        while grid.seconds + STEP <= seconds:
            _advance(plant, grid)
        states, flows, over = grid.states, grid.flows, seconds - grid.seconds
        if over:
            states = step(plant, states, flows, grid.seconds, over)
            flows = solve(plant, states, seconds, grid.next_evening)
        yield TrackSnapshot(plant, local, states, flows)
