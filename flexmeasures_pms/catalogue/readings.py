"""Convert the fields of a sample to readings by sensor name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from operator import methodcaller
from typing import Any

from flexmeasures_pms.catalogue.derive import Fields
from flexmeasures_pms.catalogue.quantities import BY_ASSET_TYPE, Quantity


@dataclass(frozen=True, slots=True)
class SensorSpec:
    """One sensor that an asset of a type has, or can get later."""

    name: str
    quantity: Quantity


@cache
def sensor_specs(asset_type: str) -> dict[str, SensorSpec]:
    """Return the sensors of an asset type by name, in the order of the catalogue.

    A site has none.
    """
    return {
        name: SensorSpec(name, quantity)
        for quantity in BY_ASSET_TYPE.get(asset_type, ())
        for name in quantity.sensor_names()
    }


@dataclass(frozen=True, slots=True)
class _Reader:
    names: tuple[str, ...]
    read: Callable[[Fields], Any]
    index: int | None
    many: bool


@cache
def _readers(asset_type: str) -> tuple[_Reader, ...]:
    return tuple(
        _Reader(
            q.sensor_names(),
            methodcaller("get", q.source) if isinstance(q.source, str) else q.source,
            q.index,
            q.count > 0,
        )
        for q in BY_ASSET_TYPE[asset_type]
    )


def readings(asset_type: str, fields: Fields) -> dict[str, Decimal | int]:
    """Return the values that a sample's fields give, by sensor name.

    A missing or faulty value gives no reading.

    :param asset_type: one of the five asset types.
    :param fields: the sample's fields by path, such as ``{"pack.amps": Decimal("-1.6")}``.
    """
    found: dict[str, Decimal | int] = {}
    for reader in _readers(asset_type):
        value = reader.read(fields)
        if value is None:
            continue
        if reader.many:
            pairs = zip(reader.names, value, strict=False)
            found |= {name: element for name, element in pairs if element is not None}
        elif reader.index is None:
            found[reader.names[0]] = value
        elif len(value) > reader.index and (element := value[reader.index]) is not None:
            found[reader.names[0]] = element
    return found
