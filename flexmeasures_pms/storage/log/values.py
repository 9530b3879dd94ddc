"""Values of readings, and when two are the same."""

from __future__ import annotations

from decimal import Decimal
from math import isnan

from flexmeasures_pms.catalogue.recording import ANYTHING

BeliefValue = Decimal | int | float

NONE = float("nan")
"""Stands for no reading."""


def is_none(value: BeliefValue) -> bool:
    """Whether there is no reading."""
    return isnan(value)


def same(value: BeliefValue, known: BeliefValue, band: Decimal | None = None) -> bool:
    """Whether a value equals a known one, or is within the deadband of it."""
    if band is ANYTHING or float(value) == float(known):
        return True
    return bool(band) and abs(_exact(value) - _exact(known)) <= (band or 0)


def plain(value: BeliefValue) -> BeliefValue:
    """Return a whole number as such: 3 instead of 3.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _exact(value: BeliefValue) -> Decimal:
    # The shortest decimal with this float is the one that was sent.
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
