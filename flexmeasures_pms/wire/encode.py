"""Make a request in the current wire shape from stored values.

Only measured values are written: derived ones are computed again by decoding.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from flexmeasures_pms.catalogue.quantities import BY_ASSET_TYPE, CELLS, FETS, Quantity


def pack_request(pms_id: str, pack_id: str, time: datetime, values: Mapping[str, float]) -> str:
    """Return a ``pms`` request with one sample.

    :param values: stored values of a case by sensor name; missing readings become null.
    """
    sample: dict[str, Any] = {
        "time_local": time.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%f")[:-3] + "Z",
        "pack": {"id": pack_id},
    }
    for quantity in BY_ASSET_TYPE["case"]:
        if isinstance(quantity.source, str):
            _put(sample, quantity, values)
    for part, name, size in (("cell", "cell {n:02d} open", CELLS), ("fet", "FET {n} open", FETS)):
        flags = {n: values.get(name.format(n=n)) for n in range(1, size + 1)}
        if any(flag is not None for flag in flags.values()):
            sample.setdefault(part, {})["open"] = [n for n, flag in flags.items() if flag]
    # The catalogue names cells and FETs by their own paths; both are sent inside the pack.
    sample["pack"] |= {part: sample.pop(part) for part in ("cell", "fet") if part in sample}
    request = {"datasets": [{"pms_id": pms_id, "data": [sample]}]}
    return msgspec.json.encode(request).decode()


def _put(sample: dict[str, Any], quantity: Quantity, values: Mapping[str, float]) -> None:
    part, field = str(quantity.source).split(".")
    sent = [values.get(name) for name in quantity.sensor_names()]
    if all(value is None for value in sent):
        return
    where = sample.setdefault(part, {})
    if quantity.count:
        where[field] = sent
    elif quantity.index is None:
        where[field] = sent[0]
    else:
        array = where.setdefault(field, [])
        array.extend([None] * (quantity.index + 1 - len(array)))
        array[quantity.index] = sent[0]
