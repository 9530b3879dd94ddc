"""Folded readings are the same doubles."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from flexmeasures_pms.storage.log.whole_numbers import MOST_DECIMALS, Doubles, fold, unfold

sent = st.decimals(allow_nan=False, allow_infinity=False, min_value=-100_000, max_value=100_000)


def bits(readings: Doubles) -> list[int]:
    """What a double is, to the last bit; any NaN is none."""
    found: list[int] = np.where(np.isnan(readings), np.nan, readings).view(np.int64).tolist()
    return found


@given(st.lists(st.floats()))
def test_any_doubles_come_back_as_they_were(readings: list[float]) -> None:
    before = np.array(readings, dtype=np.float64)
    assert bits(unfold(fold(before))) == bits(before)


@given(st.lists(st.none() | sent), st.integers(0, 4))
def test_what_is_sent_with_few_decimals_is_kept_as_whole_numbers(
    readings: list[Decimal | None], decimals: int
) -> None:
    unit = Decimal(1).scaleb(-decimals)
    values = [np.nan if r is None else float(r.quantize(unit)) + 0.0 for r in readings]
    before = np.array(values, dtype=np.float64)
    folded = fold(before)
    assert folded.decimals is not None
    assert folded.decimals <= decimals
    assert bits(unfold(folded)) == bits(before)


def test_the_trap_of_a_product_is_avoided() -> None:
    folded = fold(np.array([3.655, 0.3, 1.1]))
    assert folded.decimals == 3
    assert unfold(folded).tolist() == [3.655, 0.3, 1.1]
    assert 3655 * 0.001 != 3.655


def test_numbers_take_two_bytes_if_they_fit() -> None:
    assert fold(np.array([32.767, -32.767, np.nan])).values.dtype == np.int16
    assert fold(np.array([32.768, np.nan])).values.dtype == np.int32
    assert fold(np.array([])).decimals == 0


def test_readings_without_few_decimals_are_kept_as_doubles() -> None:
    folded = fold(np.array([1 / 3, np.nan]))
    assert folded.decimals is None
    assert unfold(folded)[0] == 1 / 3
    assert MOST_DECIMALS < 16
