"""Make requests in the current wire shape from stored values.

Only measured values are written: derived ones are computed again by decoding.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

import msgspec

from flexmeasures_pms.catalogue import derive
from flexmeasures_pms.catalogue.asset_types import DatasetName
from flexmeasures_pms.catalogue.quantities import BY_ASSET_TYPE, CELLS, Quantity

SensorValues = Mapping[str, float]
"""Stored values by sensor name."""

_FLAGS: Mapping[Any, str] = {derive.cells_open: "cell.open", derive.fets_open: "fet.open"}
"""What formulas read that only say which positions are open."""

_STATUS = "status"
_IN_PACK = ("cell", "fet")
"""The catalogue names cells and FETs by their own paths; both are sent inside the pack."""


def pack_request(pms_id: str, pack_id: str, time: datetime, values: SensorValues) -> str:
    """Return a ``pms`` request with one sample.

    :param values: of a case; missing readings become null.
    """
    sample = _sample(time, "case", values, 0)
    inside = {part: sample.pop(part) for part in _IN_PACK if part in sample}
    sample["pack"] = {"id": pack_id} | sample.get("pack", {}) | inside
    return _request({"pms_id": pms_id}, sample)


def converter_request(
    kind: DatasetName, ident: str, time: datetime, values: SensorValues, *, gaps: int = 0
) -> str:
    """Return a request with one sample of an MPPT or inverter.

    :param gaps: nulls that follow the last known value of each array.
    """
    sample = _sample(time, kind, values, gaps)
    status = {_STATUS: sample.pop(_STATUS)} if _STATUS in sample else {}
    return _request({f"{kind}_id": ident} | status, sample)


def status_request(pms_id: str, pack_id: str, time: datetime, values: SensorValues) -> str:
    """Return a ``pms`` request that says an EHub's status and nothing of a pack.

    Its sample is of a pack that did not answer: all of its cells are at 0 V.

    :param values: of a PMS: its docks do not show which EHub it is.
    """
    return _status({"pms_id": pms_id}, "pms", pack_id, time, values)


def cabinet_status_request(cabinet: str, pack_id: str, time: datetime, values: SensorValues) -> str:
    """Return what :func:`status_request` does, of the EHub of a cabinet."""
    return _status({"cabinet": {"id": cabinet}}, "cabinet", pack_id, time, values)


def paths_of(asset_type: str) -> dict[str, str]:
    """Return the path of the field that each sensor of an asset type is read from.

    Sensors with a derived value have none.
    """
    return {name: path for _, names, path in _measured(asset_type) for name in names}


def _path(quantity: Quantity) -> str | None:
    return quantity.source if isinstance(quantity.source, str) else _FLAGS.get(quantity.source)


def _status(
    head: dict[str, Any], kind: str, pack_id: str, time: datetime, values: SensorValues
) -> str:
    status = _sample(time, kind, values, 0).get(_STATUS, {})
    pack = {"id": pack_id, "cell": {"volts": [0] * CELLS}}
    return _request(head | {_STATUS: status}, {"time_local": _time(time), "pack": pack})


def _request(head: Mapping[str, Any], sample: Mapping[str, Any]) -> str:
    return msgspec.json.encode({"datasets": [{**head, "data": [sample]}]}).decode()


def _time(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%f")[:-3] + "Z"


def _sample(time: datetime, asset_type: str, values: SensorValues, gaps: int) -> dict[str, Any]:
    sample: dict[str, Any] = {"time_local": _time(time)}
    for quantity, names, path in _measured(asset_type):
        sent = [values.get(name) for name in names]
        if all(value is None for value in sent):
            continue
        part, field = path.split(".")
        where = sample.setdefault(part, {})
        if quantity.source == path:
            _put(where, field, quantity, [*map(_number, sent)], gaps)
        else:
            where[field] = _set(sent)
    return sample


@cache
def _measured(asset_type: str) -> tuple[tuple[Quantity, tuple[str, ...], str], ...]:
    """Return the quantities that are sent, with their sensors and the paths of their fields."""
    found = ((q, q.sensor_names(), _path(q)) for q in BY_ASSET_TYPE[asset_type])
    return tuple((quantity, names, path) for quantity, names, path in found if path)


def _set(flags: Iterable[float | None]) -> list[int]:
    return [n for n, flag in enumerate(flags, 1) if flag]


def _put(
    where: dict[str, Any],
    field: str,
    quantity: Quantity,
    sent: list[float | None],
    gaps: int,
) -> None:
    if quantity.grows:
        known = max(n for n, value in enumerate(sent, 1) if value is not None)
        where[field] = (sent + [None] * gaps)[: min(known + gaps, quantity.count)]
    elif quantity.count:
        where[field] = sent
    elif quantity.index is None:
        where[field] = f"{sent[0]:04X}" if _is_code(quantity, sent[0]) else sent[0]
    else:
        array = where.setdefault(field, [None] * _size(quantity))
        array[quantity.index] = sent[0]


def _size(quantity: Quantity) -> int:
    """Return the length of the array that a quantity is one element of."""
    of_array = (q for q in BY_ASSET_TYPE[quantity.asset_type] if q.source == quantity.source)
    return sum(q.index is not None for q in of_array)


def _is_code(quantity: Quantity, value: float | None) -> bool:
    return quantity.source == "status.code" and isinstance(value, int)


def _number(value: float | None) -> float | None:
    """Return a whole number without its fraction, as most are sent."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
