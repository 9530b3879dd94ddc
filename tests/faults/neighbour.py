"""One organisation does its worst within its rates, while another's gateway reports.

Phases alternate: the other alone, and beside the wild one. So both are measured on the same
machine in the same minutes, whatever else runs there.
"""

from __future__ import annotations

import gzip
import itertools
import json
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.client import HTTPConnection, HTTPException
from typing import Any

from faults import plant
from faults.world import World
from support.telemetry import CELLS, pack_sample, wire_time

from flexmeasures_pms.config import Settings

HOST, PATH = "127.0.0.1", "/pms/api/v1/devices/dataset/pms"
CONNECTIONS = 8
PATIENCE = 10
JSON, CSV = "application/json", "text/csv"
PACKS = sorted(plant.DOCKS)
# What a host has that changes nothing: the rates are a part of what is tried here.
DEFAULTS: dict[str, object] = {
    f"PMS_{item.upper()}": Settings.__dataclass_fields__[item].metadata["default"]
    for item in (
        "gateway_requests_per_minute",
        "gateway_samples_per_minute",
        "gateway_bytes_per_minute",
        "organisation_requests",
    )
}

Wire = tuple[str, bytes, bool]
"""Content type, body, and whether it is compressed."""


def _json(samples: Sequence[object], **head: object) -> Wire:
    body = json.dumps({"datasets": [{"pms_id": plant.PMS, **head, "data": samples}]}).encode()
    return JSON, body, False


def _packed(wire: Wire) -> Wire:
    return wire[0], gzip.compress(wire[1], mtime=0), True


def _time(n: float) -> str:
    return wire_time(plant.START + timedelta(seconds=n))


def _samples(count: int, start: int, **changed: object) -> list[object]:
    """Samples of all packs in turns, in their docks."""
    return [_sample(n, start, **changed) for n in range(count)]


def _sample(n: int, start: int, **changed: object) -> dict[str, Any]:
    pack = PACKS[n % len(PACKS)]
    time = plant.START + timedelta(seconds=start + n // len(PACKS))
    return pack_sample(pack, time, **{"dock": plant.DOCKS[pack], **changed})


def worst(turn: int) -> dict[str, Wire]:
    """Return bodies that cost as much as the limits let them.

    :param turn: other times in each, so that they are no repetition.
    """
    start = turn * 10_000
    many = _samples(10_000, start)
    unknown = [pack_sample(f"X{n}", plant.START + timedelta(seconds=start)) for n in range(2_000)]
    odd = [
        {"time_local": _time(start + n), "pack": {"id": PACKS[0], "fet": {"open": [-1] * 5_000}}}
        for n in range(4)
    ]
    rows = [f"P{n},{_time(start)},0241,1," + ",".join(CELLS) for n in range(1_000)]
    cells = ",".join(f"cell.volts.{n}" for n in range(1, 15))
    moving = [
        pack_sample(PACKS[n % 2], plant.START + timedelta(seconds=start + n), dock=1 + n % 12)
        for n in range(200)
    ]
    ones = [{"pms_id": plant.PMS, "data": _samples(1, start + n)} for n in range(1_000)]
    whole = _json(many)[1]
    return {
        "as many samples as fit": _packed(_json(many)),
        "alternating docks": _json(moving),
        "unknown packs under a long head": _json(unknown, note="x" * 15_000),
        "damaged": (JSON, whole[: 2 << 20].replace(b'"pack"', b'"pack', 3), False),
        "high ratio": _packed((JSON, b" " * (32 << 20), False)),
        "impossible lists": _packed(_json(list(odd))),
        "many datasets": (JSON, json.dumps({"datasets": ones}).encode(), False),
        "many devices": (CSV, "\n".join([f"pms_id,time_local,pack.id,pack.dock,{cells}", *rows])
                         .encode(), False),
        "conflicts with its own late data": _json(_samples(1_000, 0, amps=turn / 10)),
        "too many devices": (CSV, "\n".join(["pms_id,time_local,pack.id", *(
            f"P{n},{_time(start)},0241" for n in range(20_000))]).encode(), False),
    }  # fmt: skip


@dataclass
class Wild:
    """Many connections of one organisation, which do not wait for each other.

    :param replies: by the name of the body and the status.
    :param longest: the longest wait for a reply to each body [s].
    """

    port: int
    credentials: list[dict[str, str]]
    bodies: Iterator[tuple[str, Wire]]
    replies: Counter[str] = field(default_factory=Counter)
    longest: dict[str, float] = field(default_factory=dict)
    stopping: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, number: int) -> None:
        """Send one body after another until told to stop; a little later after a refusal."""
        credential = self.credentials[number % len(self.credentials)]
        while not self.stopping.is_set():
            with self._lock:
                name, wire = next(self.bodies)
            begin = time.monotonic()
            status = send(self.port, credential, wire)
            with self._lock:
                self.replies[f"{name}: {status}"] += 1
                took = time.monotonic() - begin
                self.longest[name] = max(took, self.longest.get(name, 0))
            if status in (429, 503):
                self.stopping.wait(0.3)


def send(port: int, credential: dict[str, str], wire: Wire) -> int:
    """Send a body on a connection of its own, and return the status; 0 without a reply."""
    kind, body, packed = wire
    headers = {**credential, "Content-Type": kind, "Connection": "close"}
    if packed:
        headers["Content-Encoding"] = "gzip"
    try:
        with closing(HTTPConnection(HOST, port, timeout=PATIENCE)) as connection:
            connection.request("POST", PATH, body, headers)
            reply = connection.getresponse()
            reply.read()
            return reply.status
    except (OSError, HTTPException):
        return 0


@dataclass
class Waits:
    """How long the other organisation's gateway waited for its replies [s].

    :param wrong: replies that were no acknowledgement.
    """

    alone: list[float] = field(default_factory=list)
    beside: list[float] = field(default_factory=list)
    wrong: Counter[int] = field(default_factory=Counter)
    replies: Counter[str] = field(default_factory=Counter)
    longest: dict[str, float] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Whether the neighbour noticed no more than it may."""
        slowest, usual = p99(self.beside), p99(self.alone)
        return not self.wrong and slowest < 2 and slowest <= 5 * usual

    def __str__(self) -> str:
        lines = [
            f"{name}: {len(waits)} requests, p50 {1000 * p50(waits):.0f} ms, "
            f"p99 {1000 * p99(waits):.0f} ms"
            for name, waits in (("alone", self.alone), ("beside", self.beside))
        ]
        longest = ", ".join(f"{name} {took:.1f} s" for name, took in self.longest.items())
        lines += [f"wrong: {dict(self.wrong)}", f"wild: {dict(self.replies)}"]
        return "\n".join([*lines, f"the wild one waited: {longest}"])


def p50(waits: list[float]) -> float:
    """Return the median."""
    return sorted(waits)[len(waits) // 2]


def p99(waits: list[float]) -> float:
    """Return what one of a hundred exceeds; of fewer, the longest."""
    return sorted(waits)[math.ceil(len(waits) * 0.99) - 1]


def run(world: World, *, phases: int, seconds: float, every: float) -> Waits:
    """Measure what a gateway waits alone and beside the wild one, in turns.

    :param phases: how many there are of each.
    :param seconds: how long one lasts.
    :param every: time between two of the gateway's requests [s].
    """
    wild, calm = world.accounts
    waits = Waits()
    credential = calm["all"]["gateway:mast"]
    numbers = itertools.count()
    turns = [worst(turn) for turn in range(2)]
    bodies = itertools.cycle([item for turn in turns for item in turn.items()])

    def report(found: list[float]) -> Callable[[], None]:
        def post() -> None:
            n = next(numbers)
            wire = _json(_samples(len(PACKS), 100_000 + n))
            begin = time.monotonic()
            status = send(world.port, credential, wire)
            found.append(time.monotonic() - begin)
            if status not in (200, 202):
                waits.wrong[status] += 1

        return post

    for _ in range(5):
        report([])()  # fills caches
    for _ in range(phases):
        _each(every, seconds, report(waits.alone))
        crowd = Wild(world.port, [*wild["all"].values(), *wild["some"].values()], bodies)
        with _running(crowd):
            _each(every, seconds, report(waits.beside))
        world.settle()
        waits.replies += crowd.replies
        waits.longest |= crowd.longest
    return waits


@contextmanager
def _running(crowd: Wild) -> Iterator[None]:
    """Let the wild organisation send for the time of a block, and until its last reply."""
    threads = [
        threading.Thread(target=crowd.run, args=(n,), daemon=True) for n in range(CONNECTIONS)
    ]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    try:
        yield
    finally:
        crowd.stopping.set()
        for thread in threads:
            thread.join()


def _each(every: float, seconds: float, work: Callable[[], None]) -> None:
    begin = time.monotonic()
    for n in range(max(1, round(seconds / every))):
        time.sleep(max(0.0, begin + n * every - time.monotonic()))
        work()
