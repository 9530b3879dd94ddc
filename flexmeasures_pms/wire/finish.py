"""Complete a draft to a sample: what is missing, and which packs did not answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flexmeasures_pms.catalogue.asset_types import DatasetName
from flexmeasures_pms.errors import Problem
from flexmeasures_pms.wire.draft import Draft
from flexmeasures_pms.wire.readers import MISSING_TIME
from flexmeasures_pms.wire.samples import Sample
from flexmeasures_pms.wire.spellings import (
    CABINET_ID,
    DEVICE_ID,
    PACK_ID,
    PACK_STATUS_CODE,
    STATUS_CODE,
    TIME,
)

STATUS = (STATUS_CODE, "status.temp")
SILENT_PACK = "0"
# The reported pack voltage may differ from the sum of the cells by this much [V]: it is
# rounded to tenths, and measured at another moment than the cells.
PACK_VOLTS_TOLERANCE = Decimal("0.1")


@dataclass(frozen=True, slots=True)
class Head:
    """Values that the samples of a dataset share: the device, its status, and their faults.

    :param text: with what the text of each begins.
    """

    device_id: str | None = None
    is_cabinet: bool = False
    status: tuple[tuple[str, Any], ...] = ()
    invalid: tuple[Problem, ...] = ()
    text: str = ""


def head(dataset: DatasetName, draft: Draft) -> Head:
    """Return the values of a dataset for all its samples."""
    values = draft.values
    if dataset != "pms" and DEVICE_ID not in values and DEVICE_ID not in draft.refused:
        draft.refuse(
            DEVICE_ID,
            f"{dataset}_id",
            "",
            f"The {dataset} id is missing. Send {dataset}_id.",
            code="missing_device_id",
        )
    device, cabinet = values.get(DEVICE_ID), values.get(CABINET_ID)
    return Head(
        device_id=device or cabinet,
        is_cabinet=device is None and cabinet is not None,
        status=tuple((path, values[path]) for path in STATUS if path in values),
        invalid=tuple(draft.invalid),
    )


def sample(dataset: DatasetName, draft: Draft, shared: Head, write: Callable[[], str]) -> Sample:
    """Return the sample that a draft holds."""
    values = draft.values
    time, pack_id = values.pop(TIME, None), values.pop(PACK_ID, None)
    _note_missing(dataset, draft, time, pack_id)
    own_status = _settle_status(values, shared)
    no_answer = not draft.invalid and not shared.invalid and _is_silent(pack_id, values)
    if no_answer:
        values = {path: values[path] for path in STATUS if path in values}
        draft.faulty.clear()
        draft.more_faulty = 0
    elif "pack.volts" in values:
        _compare_pack_volts(draft)
    return Sample(
        path=draft.path,
        dataset=dataset,
        device_id=shared.device_id,
        device_is_cabinet=shared.is_cabinet,
        time=time,
        pack_id=pack_id,
        fields=values,
        invalid=(*shared.invalid, *draft.invalid),
        faulty=tuple(draft.faulty),
        no_answer=no_answer,
        status_in_sample=own_status,
        write=write,
        head=shared.text,
        more_faulty=draft.more_faulty,
        more_invalid=draft.more_invalid,
    )


def _note_missing(dataset: DatasetName, draft: Draft, time: Any, pack_id: Any) -> None:
    if time is None and TIME not in draft.refused:
        draft.refuse(TIME, "time_local", "", MISSING_TIME, code="missing_time")
    if dataset == "pms" and pack_id is None and PACK_ID not in draft.refused:
        message = "The pack id is missing. Send pack.id."
        draft.refuse(PACK_ID, PACK_ID, "", message, code="missing_pack_id")


def _settle_status(values: dict[str, Any], shared: Head) -> bool:
    """Give the sample's status precedence over the pack's, and both over the dataset's."""
    pack_status = values.pop(PACK_STATUS_CODE, None)
    if pack_status is not None:
        values.setdefault(STATUS_CODE, pack_status)
    own = any(path in values for path in STATUS)
    for path, value in shared.status:
        values.setdefault(path, value)
    return own


def _is_silent(pack_id: str | None, values: dict[str, Any]) -> bool:
    """Return whether the pack did not answer: board ``0``, or all cells at 0 V."""
    cells = values.get("cell.volts")
    return pack_id == SILENT_PACK or (
        cells is not None and cells[0] == 0 and all(volts == 0 for volts in cells)
    )


def _compare_pack_volts(draft: Draft) -> None:
    sent, cells = draft.values["pack.volts"], draft.values.get("cell.volts")
    if cells is None or None in cells:
        return
    total = sum(cells, Decimal(0))
    if abs(total - sent) > PACK_VOLTS_TOLERANCE:
        message = f"The pack reports {sent} V while its cells add up to {total} V."
        draft.warn("pack.volts", "pack_volts_differ", message, sent)
