"""Readers of measured numbers: one, or an array of them.

A value that is not a number is refused; an impossible reading is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flexmeasures_pms.wire import spellings
from flexmeasures_pms.wire.draft import Draft, shown
from flexmeasures_pms.wire.numerals import number

FieldReader = Callable[[Draft, str, Any], Any]

# Near the ends of a number of 16 bits, with and without sign, in tenths and hundredths.
_WRAPPED = tuple(
    (Decimal(low) / parts, Decimal(high) / parts)
    for low, high in ((32_750, 32_768), (65_500, 65_535))
    for parts in (1, 10, 100)
)

NOT_A_NUMBER = "is not a usable number. Write it like 3.92, without units or commas."


@dataclass(frozen=True, slots=True)
class ReadingBounds:
    """The lowest and highest possible reading."""

    low: Decimal
    high: Decimal
    unit: str

    def hold(self, value: Decimal) -> bool:
        """Return whether a reading is possible."""
        return self.low <= value <= self.high

    def message(self, value: Decimal) -> str:
        """Return why a reading is left out."""
        unit = "" if self.unit == "dimensionless" else f" {self.unit}"
        within = f"{self.low.normalize():f} to {self.high.normalize():f}{unit}"
        cause = self._cause(value)
        return (
            f"{shown(value)}{unit} can't be a reading (expected {within}).{cause} It is left out."
        )

    def _cause(self, value: Decimal) -> str:
        """Return a likely cause: thousandths of the unit, or a number of 16 bits that wrapped."""
        if self.unit == "V" and self.high < 1000 <= value and self.hold(value / 1000):
            return " These look like millivolts: send volts."
        if any(low <= abs(value) <= high for low, high in _WRAPPED):
            return " It looks like a number of 16 bits that wrapped."
        return ""


def single(value: Any) -> Any:
    """Return the element of an array of one: older documents show single values this way."""
    return value[0] if type(value) is list and len(value) == 1 else value


def scalar(path: str, bounds: ReadingBounds) -> FieldReader:
    """Return the reader of a single number; an array of one element is one."""

    def read(draft: Draft, where: str, value: Any) -> Decimal | None:
        value = single(value)
        if value is None:
            return None
        try:
            exact = number(value)
        except ValueError:
            draft.refuse(path, where, value, f"{shown(value)!r} {NOT_A_NUMBER}")
            return None
        if bounds.hold(exact):
            return exact
        draft.leave_out(where, value, bounds.message(exact))
        return None

    return read


@dataclass(frozen=True, slots=True)
class ArrayReader:
    """The reader of an array of numbers.

    :param size: its length, or its greatest length where it grows.
    :param grows: any length up to ``size``, and a bare number for one element.
    """

    path: str
    size: int
    grows: bool
    bounds: ReadingBounds

    def read(self, draft: Draft, where: str, value: Any) -> tuple[Decimal | None, ...] | None:
        """Return the readings, None for those that are missing or faulty."""
        items = self._items(draft, where, value)
        if not items:
            return None
        try:
            readings = tuple([x if type(x) is Decimal else number(x) for x in items])
        except ValueError:
            return self._one_by_one(draft, where, items)
        if self.bounds.low <= min(readings) and max(readings) <= self.bounds.high:
            return readings
        return self._one_by_one(draft, where, items)

    def _items(self, draft: Draft, where: str, value: Any) -> Sequence[Any] | None:
        if type(value) is dict and self.path in spellings.MEMBERS:
            value = members(draft, self.path, value)
        elif self.grows and type(value) is not list and type(value) is not tuple:
            value = [value]
        if type(value) is not list and type(value) is not tuple:
            draft.refuse(self.path, where, value, f"Send {self.path} as an array of {self.size}.")
            return None
        if len(value) == self.size or (self.grows and len(value) < self.size):
            return value
        if self.size < len(value) <= spellings.SURPLUS.get(self.path, 0):
            message = f"Only the first {self.size} values of {self.path} are used."
            draft.warn(where, "surplus_value", message, value[-1])
            return value[: self.size]
        expected = f"1 to {self.size}" if self.grows else f"exactly {self.size}"
        message = f"{self.path} has {len(value)} values, expected {expected}."
        draft.refuse(self.path, where, value, message)
        return None

    def _one_by_one(
        self, draft: Draft, where: str, items: Sequence[Any]
    ) -> tuple[Decimal | None, ...] | None:
        readings: list[Decimal | None] = []
        for index, item in enumerate(items):
            exact = None
            if item is not None:
                try:
                    exact = number(item)
                except ValueError:
                    message = f"{shown(item)!r} {NOT_A_NUMBER}"
                    draft.refuse(self.path, where, item, message, index=index)
            if exact is not None and not self.bounds.hold(exact):
                draft.leave_out(where, item, self.bounds.message(exact), index)
                exact = None
            readings.append(exact)
        return tuple(readings) if any(r is not None for r in readings) else None


def members(draft: Draft, path: str, value: dict[str, Any]) -> list[Any]:
    """Return an array that was sent as an object, in the order of the array."""
    names = spellings.MEMBERS[path]
    draft.ignored += sum(name not in names for name in value)
    return [value.get(name) for name in names]
