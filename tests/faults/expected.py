"""What a body should have become, read from its text by a few lines here.

On purpose not by the plugin's decoder, registry or formulas: a fault of those must not
excuse itself.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from faults import plant
from faults.registry_site import Site, case_of, is_changing_pms
from faults.traffic import Body

Values = dict[str, float]
Key = tuple[str, str | None, str | None, str, str]

# Worked out by hand from the table of bits.
STATUS = {
    "0000": {"status code": 0.0, "bus connected": 0.0},
    "0001": {"status code": 1.0, "bus connected": 1.0},
}
MPPT_STATUS = {
    "2801": {"status code": 10241.0, "bus connected": 1.0, "input status": 0.0,
             "charging status": 1.0, "load status": 0.0, "system fault": 0.0, "running": 1.0,
             "short circuits": 0.0},
    "1042": {"status code": 4162.0, "bus connected": 0.0, "input status": 2.0,
             "charging status": 0.0, "load status": 0.0, "system fault": 1.0, "running": 0.0,
             "short circuits": 8.0},
}  # fmt: skip
NEVER = datetime(2090, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Expected:
    """One sample, or the status of a dataset.

    :param asset: where its readings belong; None for the quarantine.
    :param source: the device that reported.
    :param values: reading by sensor; none for a pack that does not answer.
    :param key: by which it is known in quarantine; None for a status.
    :param changes: whether its pack is among those that are changed in the registry.
    """

    asset: str | None
    source: str
    time: datetime
    values: Values
    key: Key | None
    board: str | None = None
    changes: bool = False


def expected(body: Body, site: Site) -> Iterator[Expected]:
    """Yield what the samples of a body, and its statuses, should have become.

    :param site: what is registered, as authors were told.
    """
    for head, sample in samples(body.text, body.content_type):
        if body.dataset == "pms":
            yield _pack(site, head, sample)
        else:
            yield _device(body.dataset, head, sample)
    if body.dataset == "pms" and body.content_type == "application/json":
        for dataset in _datasets(body.text):
            if "status" in dataset:
                yield _status(dataset)


def samples(text: str, content_type: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield the head of the dataset and the sample, of each sample of a body."""
    if content_type == "application/json":
        for dataset in _datasets(text):
            yield from ((dataset, sample) for sample in dataset["data"])
        return
    for row in csv.DictReader(io.StringIO(text)):
        cell = {
            "volts": [Decimal(row[f"cell.volts.{n}"]) for n in range(1, 15)],
            "open": [n for n in range(1, 15) if row[f"cell.open.{n}"] == "1"],
        }
        pack = {
            "id": row["pack.id"],
            "dock": int(row["pack.dock"]),
            "amps": Decimal(row["pack.amps"]),
            "temp": [Decimal(row[f"pack.temp.{n}"]) for n in (1, 2, 3)],
            "cell": cell,
        }
        yield {"pms_id": row["pms_id"]}, {"time_local": row["time_local"], "pack": pack}


def key(dataset: str, head: dict[str, Any], sample: dict[str, Any]) -> Key:
    """What tells a sample from every other one that its organisation sends."""
    part = sample["pack"] if dataset == "pms" else sample["battery"]
    pack = sample["pack"]["id"] if dataset == "pms" else None
    amps = str(float(part["amps"]))  # what comes back from an asset has no trailing zeros
    return dataset, head[f"{dataset}_id"], pack, _time(sample).isoformat(), amps


def _datasets(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(text, parse_float=Decimal)["datasets"]
    return found


def _time(sample: dict[str, Any]) -> datetime:
    return datetime.strptime(sample["time_local"], "%Y%m%dT%H%M%S.%f%z").astimezone(UTC)


def _pack(site: Site, head: dict[str, Any], sample: dict[str, Any]) -> Expected:
    pack, time, name = sample["pack"], _time(sample), key("pms", head, sample)
    volts = pack["cell"]["volts"]
    case = case_of(site, pack["id"], time)
    changes = site.changes(pack["id"])
    if len(volts) == 14 and (pack["id"] == "0" or not any(volts)):
        return Expected(None, plant.PMS, time, {}, None)
    unknown = head["pms_id"] != plant.PMS and not is_changing_pms(head["pms_id"])
    if unknown or time > NEVER:
        return Expected(None, head["pms_id"], time, {}, name)
    board = site.board_of(pack["id"]) if changes else pack["id"] if pack["id"] != case else None
    asset = f"case:{case}" if case else None
    values = _pack_values(pack) if case or changes else {}
    return Expected(asset, head["pms_id"], time, values, name, board, changes)


def _pack_values(pack: dict[str, Any]) -> Values:
    values: dict[str, Any] = dict(
        zip(("temperature top", "temperature middle", "temperature bottom"), pack["temp"],
            strict=True)
    )  # fmt: skip
    for n in range(1, 15):
        values[f"cell {n:02d} open"] = int(n in pack["cell"]["open"])
    if abs(pack["amps"]) < 6553:
        values["pack current"] = pack["amps"]
    values |= _cell_values(pack)
    if pack["dock"] != 99:
        values["dock"] = pack["dock"]
    if "volts" in pack:
        values["reported pack voltage"] = pack["volts"]
    for n in (1, 2) if "fet" in pack else ():
        values[f"FET {n} temperature"] = pack["fet"]["temp"][n - 1]
        values[f"FET {n} open"] = int(n in pack["fet"]["open"])
    return _floats(values)


def _cell_values(pack: dict[str, Any]) -> dict[str, Any]:
    """The values of the 14 cells; none if there are not 14."""
    cells = [Decimal(volts) for volts in pack["cell"]["volts"]]
    if len(cells) != 14:
        return {}
    total = sum(cells, Decimal(0))
    values: dict[str, Any] = {
        "pack voltage": total,
        "lowest cell voltage": min(cells),
        "highest cell voltage": max(cells),
        "cell spread": (max(cells) - min(cells)) * 1000,
        **{f"cell {n:02d} voltage": volts for n, volts in enumerate(cells, 1)},
    }
    if abs(pack["amps"]) < 6553:
        values["pack power"] = _rounded(total * Decimal(pack["amps"]))
    return values


def _device(dataset: str, head: dict[str, Any], sample: dict[str, Any]) -> Expected:
    values: dict[str, Any] = {}
    for part, name in (("pv", "PV"), ("load", "load")):
        both = zip(sample[part]["volts"], sample[part]["amps"], strict=True)
        for n, (volts, amps) in enumerate(both, 1):
            power = _rounded(volts * amps)
            values[f"{name} {n} voltage"], values[f"{name} {n} current"] = volts, amps
            values[f"{name} {n} power"] = abs(power) if part == "load" else power
    battery = sample["battery"]
    values["battery voltage"], values["battery current"] = battery["volts"], battery["amps"]
    values["battery power"] = _rounded(battery["volts"] * battery["amps"])
    values |= _grid(sample["grid"]) if "grid" in sample else {}
    values |= MPPT_STATUS[head["status"]["code"]] if "status" in head else {}
    ident = head[f"{dataset}_id"]
    which = key(dataset, head, sample)
    return Expected(f"{dataset}:{ident}", ident, _time(sample), _floats(values), which)


def _grid(grid: dict[str, Any]) -> dict[str, Any]:
    """One phase: V x A x pf. Three: sqrt(3)/3 of that each, for volts are line to line."""
    share = Decimal(3).sqrt() / 3 if len(grid["volts"]) == 3 else Decimal(1)
    values: dict[str, Any] = {}
    total = Decimal(0)
    phases = zip(grid["volts"], grid["amps"], grid["pf"], strict=True)
    for n, (volts, amps, factor) in enumerate(phases, 1):
        values[f"grid {n} voltage"], values[f"grid {n} current"] = volts, amps
        values[f"grid {n} power factor"] = factor
        values[f"grid {n} power"] = _rounded(share * volts * amps * factor)
        total += volts * amps * factor
    return values | {"grid power": _rounded(share * total)}


def _status(dataset: dict[str, Any]) -> Expected:
    """The status is the EHub's: of the one cabinet whose docks the packs are in."""
    first = plant.CABINETS["PMS-1-A"]
    cabinet = "PMS-1-A" if dataset["data"][0]["pack"]["id"] in first else "PMS-1-B"
    status = dataset["status"]
    values = STATUS[status["code"]] | {"EHub temperature": float(status["temp"])}
    newest = max(_time(sample) for sample in dataset["data"])
    return Expected(f"cabinet:{cabinet}", plant.PMS, newest, values, None)


def _rounded(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.0001"), ROUND_HALF_UP)


def _floats(values: dict[str, Any]) -> Values:
    return {name: float(value) for name, value in values.items()}
