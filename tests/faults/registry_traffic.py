"""What gateways say of what changes in the registry meanwhile."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from faults import plant
from faults import registry_plan as plan
from faults.registry_late import Latecomer
from faults.registry_plan import BENCH, BOARDS_OF, CASES_OF, GROUPS, HOPPERS, MOVERS
from faults.traffic import CHANCES, STEP, Body, Traffic, written

# Beside those of everyday traffic.
CHANGING = {
    "boards": 60,
    "boards_again": 12,  # what was sent before, cut anew
    "late_boards": 25,
    "board_backlog": 8,
    "cases": 8,
    "hopper": 8,
    "latecomers": 12,
    "bench": 6,
}
NO_DOCK = 99  # as long as the EHub has not given the pack a place: it stays where it was
BODIES_A_LATECOMER = 25
LATECOMERS_AT_ONCE = 4
HOP = timedelta(minutes=40)
MOST_REMEMBERED = 120


class ChangingTraffic(Traffic):
    """The gateways of one organisation whose registry changes all the time.

    ``busy`` has the groups that somebody changes just now: most samples are about their boards.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        self.chances = CHANCES | CHANGING
        self.busy: list[str] = []
        self.latecomers = 0
        self._bodies = 0
        self._sent: list[dict[str, Any]] = []
        self._benched: list[dict[str, Any]] = []
        self._taken: set[datetime] = set()
        self._hops = dict.fromkeys(HOPPERS, 0)

    def _changing(self, samples: list[dict[str, Any]]) -> Body:
        self._bodies += 1
        return self._json("pms", {"pms_id": plan.PMS, "data": samples})

    def _undocked(self, pack: str, time: str) -> dict[str, Any]:
        return self._pack(pack, time, dock=NO_DOCK)

    def _earlier(self) -> str:
        """Draw a time that no sample has, usually of the last seconds."""
        while True:
            back = self.chance.choice([10, 60, 120]) * self.chance.random()
            time = self.now - timedelta(milliseconds=int(1 + 1000 * back))
            if time > plant.START and time not in self._taken and (plant.START - time) % STEP:
                self._taken.add(time)
                return written(time)

    def _group(self) -> str:
        busy = [*self.busy]
        return self.chance.choice(busy if busy and self.chance.random() < 0.7 else GROUPS)

    def _boards(self) -> Body:
        """Now, all boards of some groups at once."""
        time = self._tick()
        chosen = {self._group() for _ in range(self.chance.randint(1, len(GROUPS)))}
        samples = [self._undocked(board, time) for g in sorted(chosen) for board in BOARDS_OF[g]]
        self.chance.shuffle(samples)
        return self._changing(samples)

    def _late_boards(self) -> Body:
        """Of the last minutes, each board at another time."""
        self._tick()
        boards = BOARDS_OF[self._group()]
        count = self.chance.randint(2, 12)
        return self._changing(
            [self._undocked(self.chance.choice(boards), self._earlier()) for _ in range(count)]
        )

    def _remember(self, kind: str, body: Body) -> None:
        super()._remember(kind, body)
        keep = {"bench": self._benched}.get(kind, self._sent if "board" in kind else None)
        if keep is not None:
            keep += json.loads(body.text)["datasets"][0]["data"]
            del keep[:-MOST_REMEMBERED]

    def _board_backlog(self) -> Body:
        """Of a minute at once: it takes long enough for the registry to change meanwhile."""
        boards = BOARDS_OF[self._group()]
        times = [self._tick() for _ in range(self.chance.randint(15, 50))]
        return self._changing([self._undocked(board, time) for time in times for board in boards])

    def _boards_again(self) -> Body:
        if not self._sent:
            return self._boards()
        count = min(len(self._sent), self.chance.randint(1, 12))
        return self._changing(self.chance.sample(self._sent, count))

    def _cases(self) -> Body:
        """Under the cases' own ids."""
        cases = [*MOVERS, *(case for g in GROUPS for case in CASES_OF[g])]
        time = self._tick()
        chosen = self.chance.sample(cases, self.chance.randint(1, 5))
        return self._changing([self._undocked(case, time) for case in chosen])

    def _hopper(self) -> Body:
        """Packs that are in another dock each time, rarely enough to be believed."""
        samples = []
        for case in self.chance.sample([*HOPPERS], self.chance.randint(1, len(HOPPERS))):
            self._hops[case] += 1
            time = plant.START + HOP * self._hops[case]
            dock = self.chance.choice(HOPPERS[case]) + plan.DOCKS[plan.BOARDS_CABINET]
            samples.append(self._pack(case, written(time), dock=dock))
        return self._changing(samples)

    def _latecomers(self) -> Body:
        self.latecomers = self._bodies // BODIES_A_LATECOMER + 1
        first = max(0, self.latecomers - LATECOMERS_AT_ONCE)
        number = self.chance.randrange(first, self.latecomers)
        one = Latecomer(number)
        samples = [self._undocked(one.pack, self._tick()) for _ in range(self.chance.randint(1, 4))]
        self._bodies += 1
        return self._json("pms", {"pms_id": one.pms, "data": samples})

    def _bench(self) -> Body:
        if self._benched and self.chance.random() < 0.6:
            return self._changing([self.chance.choice(self._benched)])
        return self._changing([self._undocked(pack, self._tick()) for pack in BENCH])
