"""What gateways have to say: bodies drawn from a seed, no two organisations alike.

Both organisations send the same ids at the same times. Their readings differ in the
last digit: even in the one, odd in the other, so that a reading tells whose it is.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from faults import plant

# What a body is about, and how often.
CHANCES = {
    "cabinet": 30,
    "system": 15,  # both cabinets, a dataset each
    "backlog": 10,
    "csv": 8,
    "mppt": 8,
    "inverter": 8,
    "odd": 10,  # what can't be stored, among what can
    "conflict": 6,  # a time that was sent before, with another reading
    "again": 6,  # what was sent before, cut anew
    "swap": 4,  # packs by board ids, and in other docks than registered
}
# Of these a gateway relies on what it has sent before.
REPEATING = ("again", "conflict", "boards_again", "bench")
FORGETFUL = 0.1
STEP = timedelta(milliseconds=997)
MOST_REMEMBERED = 200


@dataclass(slots=True)
class Body:
    """One request as the gateway keeps it until it is acknowledged.

    :param samples: how many samples it has.
    :param tries: after how many it is given up, as by a gateway that loses its power;
        0 for never.
    :param sender: as whom it is sent, as receipts name them.
    :param first_sent: when it may first have reached the server.
    :param last_sent: when the attempt began that was acknowledged last.
    :param acknowledged_at: when its first acknowledgement had come.
    :param reply: to that attempt.
    :param receipts: that acknowledgements named.
    """

    organisation: int
    dataset: str
    content_type: str
    text: str
    samples: int
    tries: int = 0
    compressed: bool = False
    attempts: int = 0
    acknowledged: bool = False
    sender: str = ""
    first_sent: float = math.inf
    last_sent: float = -math.inf
    acknowledged_at: float = math.inf
    reply: bytes = b""
    receipts: list[int] = field(default_factory=list)


@dataclass
class Traffic:
    """The gateways of one organisation."""

    organisation: int
    seed: int
    chance: random.Random = field(init=False)
    now: datetime = plant.START
    chances: dict[str, int] = field(default_factory=lambda: CHANCES)
    past: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(f"{self.seed} traffic {self.organisation}")

    def bodies(self) -> Iterator[Body]:
        """Yield bodies without end."""
        while True:
            kind = self.chance.choices([*self.chances], [*self.chances.values()])[0]
            body: Body = getattr(self, f"_{kind}")()
            body.compressed = self.chance.random() < 0.3
            if kind not in REPEATING and self.chance.random() < FORGETFUL:
                body.tries = self.chance.randint(1, 2)
            else:
                self._remember(kind, body)
            yield body

    def _remember(self, kind: str, body: Body) -> None:
        """Keep what may be sent again: of what a gateway gave up nobody knows."""
        if kind not in ("cabinet", "mppt"):
            return
        for dataset in json.loads(body.text)["datasets"]:
            self.past += [(body.dataset, sample) for sample in dataset["data"]]
        del self.past[:-MOST_REMEMBERED]

    def _tick(self) -> str:
        self.now += STEP
        return written(self.now)

    def _number(self, low: float, high: float, digits: int) -> float:
        """Draw a number whose last digit is even or odd, as the organisation is."""
        scale: int = 10**digits
        whole = self.chance.randrange(int(low * scale) // 2, int(high * scale) // 2)
        return (2 * whole + self.organisation) / scale

    def _numbers(self, count: int, low: float, high: float, digits: int) -> list[float]:
        return [self._number(low, high, digits) for _ in range(count)]

    def _pack(self, pack_id: str, time: str, **changed: Any) -> dict[str, Any]:
        dock = plant.DOCKS.get(pack_id, 1)
        pack = {
            "id": pack_id,
            "dock": dock,
            "amps": self._number(-20, 20, 3),
            "temp": self._numbers(3, 10, 50, 1),
            "cell": {
                "volts": self._numbers(14, 3.2, 4.1, 3),
                "open": sorted(self.chance.sample(range(1, 15), self.chance.randrange(4))),
            },
            "fet": {
                "temp": self._numbers(2, 20, 60, 1),
                "open": self.chance.choice([[], [1], [2], [1, 2]]),
            },
        }
        if self.chance.random() < 0.1:
            pack["volts"] = self._number(45, 55, 2)
        return {"time_local": time, "pack": pack | changed}

    def _cabinet_samples(self, cabinet: str, time: str) -> list[dict[str, Any]]:
        cases = plant.CABINETS[cabinet]
        chosen = self.chance.sample(cases, self.chance.randint(2, len(cases)))
        return [self._pack(case, time) for case in chosen]

    def _status(self) -> dict[str, Any]:
        code = self.chance.choice(["0001", "0000"])
        return {"status": {"code": code, "temp": self._number(30, 60, 1)}}

    def _json(self, dataset: str, *parts: dict[str, Any]) -> Body:
        count = sum(len(part["data"]) for part in parts)
        text = json.dumps({"datasets": parts})
        return Body(self.organisation, dataset, "application/json", text, count)

    def _part(self, samples: list[dict[str, Any]], **head: Any) -> dict[str, Any]:
        return {"pms_id": plant.PMS, **head, "data": samples}

    def _cabinet(self) -> Body:
        cabinet = self.chance.choice([*plant.CABINETS])
        samples = self._cabinet_samples(cabinet, self._tick())
        return self._json("pms", self._part(samples, **self._status()))

    def _system(self) -> Body:
        time = self._tick()
        parts = (
            self._part(self._cabinet_samples(cabinet, time), **self._status())
            for cabinet in plant.CABINETS
        )
        return self._json("pms", *parts)

    def _backlog(self) -> Body:
        cabinet = self.chance.choice([*plant.CABINETS])
        times = [self._tick() for _ in range(self.chance.randint(3, 8))]
        samples = [s for time in times for s in self._cabinet_samples(cabinet, time)]
        self.chance.shuffle(samples)
        return self._json("pms", self._part(samples, **self._status()))

    def _csv(self) -> Body:
        cells = [f"cell.{part}.{n}" for part in ("volts", "open") for n in range(1, 15)]
        names = "pms_id,time_local,pack.id,pack.dock,pack.amps,pack.temp.1,pack.temp.2,pack.temp.3"
        lines = [",".join([names, *cells])]
        for _ in range(self.chance.randint(1, 3)):
            for sample in self._cabinet_samples("PMS-1-A", self._tick()):
                pack = sample["pack"]
                flags = [int(n in pack["cell"]["open"]) for n in range(1, 15)]
                row = [plant.PMS, sample["time_local"], pack["id"], pack["dock"], pack["amps"]]
                lines.append(
                    ",".join(map(str, [*row, *pack["temp"], *pack["cell"]["volts"], *flags]))
                )
        text = "\n".join(lines) + "\n"
        return Body(self.organisation, "pms", "text/csv", text, len(lines) - 1)

    def _converter(self, **parts: Any) -> dict[str, Any]:
        return {
            "time_local": self._tick(),
            "pv": {"volts": self._numbers(2, 30, 90, 1), "amps": self._numbers(2, 0, 9, 2)},
            "battery": {"volts": self._number(45, 55, 2), "amps": self._number(-9, 9, 2)},
            "load": {"volts": self._numbers(1, 45, 50, 1), "amps": self._numbers(1, -3, 3, 2)},
            **parts,
        }

    def _mppt(self) -> Body:
        head = {"mppt_id": plant.MPPT, "status": {"code": self.chance.choice(["2801", "1042"])}}
        samples = [self._converter() for _ in range(self.chance.randint(1, 4))]
        return self._json("mppt", {**head, "data": samples})

    def _inverter(self) -> Body:
        phases = self.chance.choice([1, 3])
        grid = {
            "volts": self._numbers(phases, 220, 240, 1),
            "amps": self._numbers(phases, -9, 9, 2),
            "pf": self._numbers(phases, 0.5, 1, 2),
        }
        part = {"inverter_id": plant.INVERTER, "data": [self._converter(grid=grid)]}
        return self._json("inverter", part)

    def _odd(self) -> Body:
        time = self._tick()
        good = self._cabinet_samples("PMS-1-A", time)
        cells = {"volts": self._numbers(13, 3.2, 4.1, 3), "open": []}
        bad = [
            *(self._pack(pack, time) for pack in plant.UNKNOWN_PACKS),
            self._pack("0251", time, cell=cells),
            self._pack("0252", time, cell={"volts": [0] * 14, "open": []}),
            self._pack("0", time),
            self._pack("0253", time, amps=6553.5),
            self._pack("0254", time, dock=99),
            self._pack("0255", time.replace("2025", "2099", 1)),  # no two alike
        ]
        elsewhere = {"pms_id": plant.UNKNOWN_PMS, "data": [self._pack("0256", time)]}
        samples = good + self.chance.sample(bad, self.chance.randint(1, len(bad)))
        self.chance.shuffle(samples)
        return self._json("pms", self._part(samples), elsewhere)

    def _conflict(self) -> Body:
        if not self.past:
            return self._cabinet()
        dataset, sample = self.chance.choice(self.past)
        if dataset == "mppt":
            other = sample | {"battery": {**sample["battery"], "amps": self._number(-9, 9, 2)}}
            return self._json("mppt", {"mppt_id": plant.MPPT, "data": [other]})
        other = {**sample, "pack": sample["pack"] | {"amps": self._number(-20, 20, 3)}}
        new = self._cabinet_samples("PMS-1-B", self._tick())
        return self._json("pms", self._part([*new, other]))

    def _again(self) -> Body:
        packs = [sample for dataset, sample in self.past if dataset == "pms"]
        if not packs:
            return self._cabinet()
        return self._json(
            "pms", self._part(self.chance.sample(packs, min(len(packs), self.chance.randint(1, 9))))
        )

    def _swap(self) -> Body:
        time = self._tick()
        boards = [self._pack(board, time) for board in plant.BOARDS[self.organisation]]
        moved = self._pack("0246", time, dock=self.chance.choice([6, 19, 20]))
        return self._json("pms", self._part([*boards, moved]))


def written(time: datetime) -> str:
    """Return a time as gateways write it."""
    local = time + timedelta(hours=7)
    return local.strftime("%Y%m%dT%H%M%S.") + f"{local.microsecond // 1000:03d}+0700"
