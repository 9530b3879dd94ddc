"""Simulated telemetry as files: JSON lines of requests, or CSV of ``pms`` samples."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec

from flexmeasures_pms.simulator.cells import CELLS
from flexmeasures_pms.simulator.site import SimulatedRequest

HEADER = (
    "pms_id,status.code,status.temp,time_local,pack.id,pack.dock,pack.amps,"
    + ",".join(
        f"{name}.{n}"
        for name, count in (
            ("pack.temp", 3),
            ("cell.volts", CELLS),
            ("cell.open", CELLS),
            ("fet.temp", 2),
            ("fet.open", 2),
        )
        for n in range(1, count + 1)
    )
    + "\n"
)


def json_line(request: SimulatedRequest) -> bytes:
    """Return a request's body as a line."""
    return request.body + b"\n"


def csv_rows(request: SimulatedRequest) -> bytes:
    """Return a line for each sample of a ``pms`` request, under :data:`HEADER`."""
    lines = []
    for dataset in msgspec.json.decode(request.body)["datasets"]:
        start = f"{dataset['pms_id']},{dataset['status']['code']},{dataset['status']['temp']}"
        lines += [
            f"{start},{_row(sample['time_local'], sample['pack'])}\n" for sample in dataset["data"]
        ]
    return "".join(lines).encode()


def _row(time: str, pack: dict[str, Any]) -> str:
    cell, fet = pack["cell"], pack["fet"]
    values: list[object] = [
        time,
        pack["id"],
        pack["dock"],
        pack["amps"],
        *pack["temp"],
        *cell["volts"],
        *_flags(cell["open"], CELLS),
        *fet["temp"],
        *_flags(fet["open"], 2),
    ]
    return ",".join(map(str, values))


def _flags(ordinals: list[int], size: int) -> list[str]:
    return ["1" if n in ordinals else "" for n in range(1, size + 1)]


@contextmanager
def written(path: Path) -> Iterator[Callable[[SimulatedRequest], object]]:
    """Open a file and return a function that writes a request to it.

    Its name decides the format: ``.csv`` or JSON lines, ``.gz`` compressed. The same requests give
    the same bytes: a compressed file carries neither a time nor a name.
    """
    with ExitStack() as stack:
        write: Callable[[bytes], object]
        raw = stack.enter_context(path.open("wb"))
        write = raw.write
        if path.suffix == ".gz":
            packed = gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0)
            write = stack.enter_context(packed).write
        if ".csv" in path.suffixes:
            write(HEADER.encode())
            yield lambda request: write(csv_rows(request))
        else:
            yield lambda request: write(json_line(request))
