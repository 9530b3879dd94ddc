"""Readings of a day as whole numbers, from which exactly the same doubles come back.

Readings are sent with few decimals. So a day of a quantity is kept as whole numbers of the
fewest decimals that give the same doubles: ``number / 10**decimals``, a division that IEEE 754
rounds correctly. A product would not do: ``3655 * 0.001`` is not the double 3.655.
What has no such decimals is kept as doubles.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]
Integers = npt.NDArray[np.integer[Any]]

MOST_DECIMALS = 9
"""More are hardly sent: a reading in SI units has three to six."""


def value_at(position: str) -> str:
    """Return SQL for one reading of a row ``r`` of ``pms_day_reading``: a double, NaN for none.

    :param position: SQL for its position in the day, from 1.
    """
    element = f"{position} - r.first + 1"
    return f"""coalesce(
        nullif(r.small[{element}], -32768) / 10.0::float8 ^ r.decimals,
        nullif(r.numbers[{element}], -2147483648) / 10.0::float8 ^ r.decimals,
        r.doubles[{element}], 'NaN')"""


def part_of(position: str, row: str) -> str:
    """Return SQL for where the part of a folded day begins that has a sample.

    :param position: SQL for the sample's position in the day, from 1: a column with its table.
    :param row: SQL for the day's thing, day and device, likewise.
    """
    return f"""(
        SELECT max(p.first) FROM pms_day_reading p
        WHERE (p.subject_id, p.day, p.device_id) = ({row}) AND p.first <= {position})"""  # noqa: S608 - of our names


@dataclass(frozen=True, slots=True)
class Numbers:
    """Readings of one quantity in their order.

    :param decimals: how many the whole numbers stand for; None for doubles.
    :param values: whole numbers of two bytes each if they fit, or of four: the lowest that there
        is stands for no reading. Doubles if ``decimals`` is None: NaN stands for no reading.
    """

    decimals: int | None
    values: Integers | Doubles


def fold(readings: Doubles) -> Numbers:
    """Return readings as whole numbers if they are the same doubles then.

    :param readings: NaN where there is none.
    """
    missing = np.isnan(readings)
    known = readings[~missing]
    for decimals in range(MOST_DECIMALS + 1):
        scaled = np.rint(known * 10.0**decimals)
        if not np.all(np.abs(scaled) <= np.iinfo(np.int32).max):
            break
        numbers = scaled.astype(np.int32)
        # Bits, because a zero with a sign equals one without.
        if np.array_equal((numbers / 10.0**decimals).view(np.int64), known.view(np.int64)):
            return Numbers(decimals, _with_gaps(numbers, missing))
    return Numbers(None, readings)


def _with_gaps(numbers: npt.NDArray[np.int32], missing: npt.NDArray[np.bool_]) -> Integers:
    fits = not np.any(np.abs(numbers) > np.iinfo(np.int16).max)
    kind: type[np.integer[Any]] = np.int16 if fits else np.int32
    whole = np.full(missing.shape, np.iinfo(kind).min, dtype=kind)
    whole[~missing] = numbers
    return whole


def unfold(numbers: Numbers) -> Doubles:
    """Return the readings again, NaN where there is none."""
    values = numbers.values
    if numbers.decimals is None:
        return np.asarray(values, dtype=np.float64)
    readings = values / 10.0**numbers.decimals
    readings[values == -(2 ** (8 * values.itemsize - 1))] = np.nan
    return readings
