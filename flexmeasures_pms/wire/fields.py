"""The fields of a sample and their readers, from the catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from flexmeasures_pms.catalogue.asset_types import DEVICE_KIND_BY_NAME, AssetTypeName, DatasetName
from flexmeasures_pms.catalogue.quantities import BY_ASSET_TYPE, CELLS, FETS, Quantity
from flexmeasures_pms.wire import measures, readers, spellings


@dataclass(frozen=True, slots=True)
class SampleField:
    """One field of a sample.

    :param path: in the catalogue.
    :param read: reads a sent value; None if it gives no reading.
    :param size: of an array; 0 for a single value.
    :param flags: an array whose CSV columns are flags, 1 or 0 for each element.
    """

    path: str
    read: measures.FieldReader
    size: int = 0
    flags: bool = False


@cache
def sample_fields(dataset: DatasetName) -> dict[str, SampleField]:
    """Return the fields of a dataset's samples by catalogue path."""
    fields = {path: SampleField(path, read) for path, read in _special(dataset).items()}
    if dataset == "pms":
        fields |= {
            path: SampleField(path, readers.ordinals(path, size), size, flags=True)
            for path, size in (("cell.open", CELLS), ("fet.open", FETS))
        }
    for kind in DEVICE_KIND_BY_NAME[dataset].asset_types:
        for quantity in BY_ASSET_TYPE[kind]:
            if isinstance(quantity.source, str):
                fields.setdefault(quantity.source, _measured(kind, quantity.source))
    return fields


@cache
def dataset_fields(dataset: DatasetName) -> dict[str, SampleField]:
    """Return the fields that may be sent once per dataset: device id and status."""
    ids = {
        path: SampleField(path, readers.identity(path)) for path in spellings.DEVICE_IDS[dataset]
    }
    samples = sample_fields(dataset)
    return ids | {path: samples[path] for path in spellings.DATASET if path in samples}


def _special(dataset: DatasetName) -> dict[str, measures.FieldReader]:
    special: dict[str, measures.FieldReader] = {
        spellings.TIME: readers.time,
        spellings.STATUS_CODE: readers.status_code(spellings.STATUS_CODE),
    }
    if dataset == "pms":
        special[spellings.PACK_ID] = readers.identity(spellings.PACK_ID)
        special[spellings.PACK_STATUS_CODE] = readers.status_code(spellings.PACK_STATUS_CODE)
        special["pack.dock"] = readers.dock
    return special


def _measured(kind: AssetTypeName, path: str) -> SampleField:
    """Return a measured field; quantities that share an array agree about it."""
    sharing = [q for q in BY_ASSET_TYPE[kind] if q.source == path]
    size = max(q.count if q.index is None else q.index + 1 for q in sharing)
    first = sharing[0]
    bounds = _bounds(first)
    if size:
        array = measures.ArrayReader(path, size, any(q.grows for q in sharing), bounds)
        return SampleField(path, array.read, size)
    return SampleField(path, measures.scalar(path, bounds))


def _bounds(quantity: Quantity) -> measures.ReadingBounds:
    low, high = (Decimal(str(bound)) for bound in quantity.bounds)
    return measures.ReadingBounds(low, high, quantity.unit)
