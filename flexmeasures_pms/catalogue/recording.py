"""Recording policies: which readings of a quantity are written.

``every`` writes each reading. ``change`` writes a reading that differs from the last one
written by more than the deadband, and one at least every 15 minutes. A discrete
state is recorded on change unless the host says otherwise, a measurement every time.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache

from flexmeasures_pms.catalogue.quantities import QUANTITIES, Quantity
from flexmeasures_pms.catalogue.readings import sensor_specs
from flexmeasures_pms.errors import ConfigError

SNAPSHOT = timedelta(minutes=15)
"""The longest time between two written readings of a quantity that is reported."""

Deadband = Decimal | None
"""How far a reading may be from the last one written; None writes every reading."""

Bands = Mapping[str, Decimal]
"""Deadband by sensor name, of those sensors that are recorded on change."""

Policies = tuple[tuple[str, Deadband], ...]
"""Policies by quantity."""

EVERYTHING = "*"
"""Stands for all quantities in a setting."""

ANYTHING = Decimal("Infinity")
"""The deadband of what is written once in each five minutes, whatever it is."""

_LOSSLESS = Decimal(0)


def label(quantity: Quantity) -> str:
    """Return a quantity's name without the position in an array: ``cell voltage``."""
    return " ".join(word for word in quantity.name.split() if "{" not in word)


QUANTITY_NAMES: tuple[str, ...] = tuple(dict.fromkeys(label(q) for q in QUANTITIES))
"""The names by which policies are given."""


def parse(text: str) -> Deadband:
    """Read a policy: ``every``, ``change``, or ``change 0.002`` with a deadband.

    :raises ConfigError: when it is something else.
    """
    word, _, band = text.strip().partition(" ")
    if word == "every" and not band:
        return None
    if word == "change" and not band:
        return _LOSSLESS
    if word == "change" and _is_decimal(band.strip()):
        return Decimal(band.strip())
    raise ConfigError(
        f"{text!r} is not a recording policy; give 'every', 'change', or 'change' and a deadband "
        "in the quantity's unit, such as 'change 0.002'."
    )


def parse_policies(text: str) -> Policies:
    """Read policies by quantity: ``cell voltage: change 0.002; *: change``.

    :raises ConfigError: for an unknown quantity or policy.
    """
    parts = [part.partition(":") for part in text.split(";") if part.strip()]
    return tuple((known(quantity.strip()), parse(policy)) for quantity, _, policy in parts)


def known(quantity: str) -> str:
    """Return the name of a quantity, or ``*``.

    :raises ConfigError: when there is no such quantity.
    """
    if quantity in (EVERYTHING, *QUANTITY_NAMES):
        return quantity
    raise ConfigError(
        f"There is no quantity {quantity!r} to record; the quantities are "
        f"{', '.join(QUANTITY_NAMES)}, and '*' for all."
    )


def _is_decimal(text: str) -> bool:
    whole, _, part = text.partition(".")
    return len(text) <= 20 and text.isascii() and (whole + part).isdigit() and whole.isdigit()


def written(deadband: Deadband) -> str:
    """Return a policy as it is written in settings and commands."""
    if deadband is None:
        return "every"
    return f"change {deadband}" if deadband else "change"


def default(quantity: Quantity) -> Deadband:
    """Return the default policy of a quantity."""
    return _LOSSLESS if quantity.state else None


@lru_cache(maxsize=1024)
def bands(
    asset_type: str, host: Policies = (), asset: Policies = (), *, thinned: bool = False
) -> Bands:
    """Return the deadbands of the sensors of an asset that are recorded on change.

    :param host: the host's policies by quantity (or ``*``), for all assets.
    :param asset: those for this asset, which take precedence.
    :param thinned: whether only the first of each five minutes is written of any of them.
    """
    if thinned:
        return dict.fromkeys(sensor_specs(asset_type), ANYTHING)
    by_host, by_asset = dict(host), dict(asset)
    found = {
        name: chosen(spec.quantity, by_asset, by_host)[1]
        for name, spec in sensor_specs(asset_type).items()
    }
    return {name: band for name, band in found.items() if band is not None}


def chosen(quantity: Quantity, *policies: Mapping[str, Deadband]) -> tuple[int, Deadband]:
    """Return the policy that applies to a quantity, and where it comes from.

    :param policies: by quantity (or ``*``), in order of precedence.
    :returns: the position in ``policies``, past the last for the default; and the policy.
    """
    for position, by_quantity in enumerate(policies):
        for name in (label(quantity), EVERYTHING):
            if name in by_quantity:
                return position, by_quantity[name]
    return len(policies), default(quantity)
