"""The one table of spellings: every name an attribute has had since July 2019.

Left is the path that the catalogue and the rest of the package use. Right are the
paths to look for in a message. Fields that are not in the table are spelled as in
the catalogue, so that a new quantity needs no line here.
"""

from __future__ import annotations

from functools import cache
from itertools import chain

from flexmeasures_pms.catalogue.asset_types import DatasetName

DEVICE_ID = "device.id"
CABINET_ID = "cabinet.id"
PACK_ID = "pack.id"
TIME = "time"
STATUS_CODE = "status.code"
PACK_STATUS_CODE = "pack.status.code"

ESSENTIAL = frozenset({TIME, DEVICE_ID, CABINET_ID, PACK_ID})
"""Fields without which a sample belongs to nothing: it can't be used if one is unreadable."""
STATUS_CODES = frozenset({STATUS_CODE, PACK_STATUS_CODE})

Spellings = dict[str, tuple[str, ...]]

# Groups of attributes that have had several places or names.
GROUPS: Spellings = {
    "cell": ("pack.cell", "cell"),  # beside the pack until 2019-08-12
    "fet": ("pack.fet", "fet"),
    "battery": ("battery", "batt"),
}

# Attributes of a sample; the groups above apply to the right-hand side too.
SAMPLE: Spellings = {
    TIME: ("time_local", "time", "eventTime"),
    "pack.dock": ("pack.dock", "pack.slot"),
    "pack.volts": ("pack.volts", "pack.vpack"),
    "pack.amps": ("pack.amps", "pack.packCurrent"),
    "fet.open": ("fet.open", "fet.status"),
    STATUS_CODE: ("status.code", "status"),
    PACK_STATUS_CODE: ("pack.status.code", "pack.status"),
}

# Attributes of a dataset, beside ``data``.
DATASET: Spellings = {
    STATUS_CODE: ("status.code", "status"),
    "status.temp": ("status.temp", "pms.temp"),
}

DEVICE_IDS: dict[DatasetName, Spellings] = {
    "pms": {DEVICE_ID: ("pms_id", "pms.id", "pms"), CABINET_ID: ("cabinet.id", "cabinet")},
    "mppt": {DEVICE_ID: ("mppt_id", "mppt.id", "mppt", "controller.id", "controller")},
    "inverter": {DEVICE_ID: ("inverter_id", "inverter.id", "inverter")},
}

# Arrays that have been written as objects: their members in the order of the array.
MEMBERS: Spellings = {
    "pack.temp": ("top", "mid", "bottom"),
    "fet.temp": ("in", "out"),
    "fet.open": ("in", "out"),
}

# Arrays that have had more elements than are used.
SURPLUS: dict[str, int] = {"fet.temp": 3}

# Columns of a CSV file; an array's columns are numbered from 1: ``pack.temp.1``.
COLUMNS: Spellings = {
    DEVICE_ID: ("pms_id", "pms.id", "id"),
    STATUS_CODE: ("status.code", "status"),
    "status.temp": ("status.temp", "pms.temp"),
    TIME: ("time_local", "time"),
}

# Keys of a sample that its time and its pack id depend on.
ESSENTIAL_KEYS = frozenset({*SAMPLE[TIME], *PACK_ID.split(".")})

# How messages before July 2019 began: lists of {"name": …, "value": …}.
OLD_SHAPE = ("deviceDatasets", "deviceDatasetItems", "device-dataset-items", "items")

CURRENT_SHAPE: dict[DatasetName, str] = {
    "pms": '{"datasets": [{"pms_id": "…", "status": {"code": "0001", "temp": 48.3}, '
    '"data": [{"time_local": "20200210T150006.032+0700", "pack": {…}}]}]}',
    "mppt": '{"datasets": [{"mppt_id": "…", "status": {"code": "0001"}, '
    '"data": [{"time_local": "20200210T150006.032+0700", "pv": {…}, …}]}]}',
    "inverter": '{"datasets": [{"inverter_id": "…", "status": {"code": "0001"}, '
    '"data": [{"time_local": "20200210T150006.032+0700", "pv": {…}, …}]}]}',
}


@cache
def device_names(dataset: DatasetName) -> frozenset[str]:
    """Return the attributes of a dataset that may hold its device id."""
    paths = chain.from_iterable(DEVICE_IDS[dataset].values())
    return frozenset(path.split(".")[0] for path in paths)


def sample_spellings(path: str) -> tuple[str, ...]:
    """Return all paths that a field may have in a JSON sample."""
    spellings = []
    for spelling in SAMPLE.get(path, (path,)):
        group, dot, rest = spelling.partition(".")
        spellings += [place + dot + rest for place in GROUPS.get(group, (group,))]
    return tuple(spellings)


def dataset_spellings(path: str) -> tuple[str, ...]:
    """Return all paths that a field may have beside ``data``."""
    return DATASET.get(path, (path,))


def column_spellings(path: str) -> tuple[str, ...]:
    """Return all names that the column of a field may have, numbers left off."""
    return COLUMNS.get(path, (path,))
