"""The type of each dataset's body: stated in messages, or made from the catalogue."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from flexmeasures_pms.catalogue.asset_types import DatasetName
from flexmeasures_pms.wire import spellings
from flexmeasures_pms.wire.fields import sample_fields
from flexmeasures_pms.wire.messages import REQUESTS, DatasetStatus, LocalTime, Readings


@cache
def request_type(dataset: DatasetName) -> type[Struct]:
    """Return the type of a dataset's body.

    A device kind that has no types of its own gets them from its quantities: a number for
    each field, or an array, in the groups that the fields' paths name.
    """
    return REQUESTS.get(dataset) or made_from_catalogue(dataset)


def made_from_catalogue(dataset: DatasetName) -> type[Struct]:
    """Return a type of a dataset's body that follows from its quantities."""
    name = dataset.capitalize()
    groups: dict[str, dict[str, int]] = defaultdict(dict)
    for path, field in sample_fields(dataset).items():
        group, dot, rest = path.partition(".")
        if dot and path != spellings.STATUS_CODE:
            groups[group][rest] = field.size
    parts: list[Any] = [
        (group, _optional(_group(f"{name}{group.capitalize()}", fields)), UNSET)
        for group, fields in groups.items()
    ]
    sample = _struct(f"{name}Sample", "One sample.", [("time_local", LocalTime), *parts])
    device = spellings.DEVICE_IDS[dataset][spellings.DEVICE_ID][0]
    fields = [(device, str), ("status", _optional(DatasetStatus), UNSET), ("data", list[sample])]  # type: ignore[valid-type]
    datasets = _struct(f"{name}Dataset", "Samples of one device.", fields)
    body = Annotated[list[datasets], Meta(min_length=1)]  # type: ignore[valid-type]
    return _struct(f"{name}Request", f"A body for the dataset ``{dataset}``.", [("datasets", body)])


def _group(name: str, fields: dict[str, int]) -> type[Struct]:
    readings = [
        (field, _optional(Annotated[Readings, Meta(max_length=size)] if size else float), UNSET)
        for field, size in fields.items()
    ]
    return _struct(name, "Readings.", readings)


def _optional(kind: Any) -> Any:
    return kind | UnsetType


def _struct(name: str, doc: str, fields: list[Any]) -> type[Struct]:
    return msgspec.defstruct(
        name, fields, frozen=True, kw_only=True, namespace={"__doc__": doc}, module=__name__
    )
