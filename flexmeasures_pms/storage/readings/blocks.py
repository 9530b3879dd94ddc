"""Readings to be written, and the results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

WriteResult = Literal["stored", "duplicate", "conflict"]
BeliefValue = Decimal | int | float


@dataclass(frozen=True, slots=True)
class Block:
    """The readings of one sample: of one thing, at one moment, by one source.

    :param subject_id: the registry's number of the case, cabinet or device.
    :param device_id: the number of the device that reported.
    :param source_id: that device's source.
    :param asset_type: of the subject.
    :param time: event start.
    :param values: value by sensor name.
    :param sensors: sensor id by name.
    """

    subject_id: int
    device_id: int
    source_id: int
    asset_type: str
    time: datetime
    values: Mapping[str, BeliefValue]
    sensors: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Written:
    """The result of one block.

    :param result: ``conflict`` if a stored value differs: then nothing of it was written.
    :param beliefs: rows that it added.
    """

    result: WriteResult
    beliefs: int


CONFLICT = Written("conflict", 0)
DUPLICATE = Written("duplicate", 0)

BeliefRows = list[tuple[datetime, int, int, BeliefValue]]
"""Beliefs as (event start, sensor, source, value)."""


def same(value: BeliefValue, known: BeliefValue, band: Decimal | None) -> bool:
    """Whether a value equals a known one, or is within the deadband of it."""
    if float(value) == float(known):
        return True
    return bool(band) and abs(_exact(value) - _exact(known)) <= (band or 0)


def _exact(value: BeliefValue) -> Decimal:
    # The shortest decimal with this float is the one that was sent.
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
