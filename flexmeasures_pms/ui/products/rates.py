"""How often things are swapped, as a table of a page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from flexmeasures_pms.registry.questions.subject import AskedThings
from flexmeasures_pms.registry.questions.swap_rates import GroupedBy, SwapRate, swap_rates
from flexmeasures_pms.ui.products.pictures import rate_bar, rate_scale
from flexmeasures_pms.ui.products.records import RecordAddresses

MOST_RATES = 100


@dataclass(frozen=True, slots=True)
class RateRow:
    """How often the things of one product, batch or supplier are swapped.

    :param bar: a picture of it; None without a rate.
    """

    found: SwapRate
    address: str
    bar: Markup | None


@dataclass(frozen=True, slots=True)
class RateTable:
    """Swap rates, the highest first.

    :param more: how many are left out.
    """

    by: GroupedBy
    rows: tuple[RateRow, ...]
    more: int


def rate_table(
    subject: AskedThings, kind: str, by: GroupedBy, now: datetime, to: RecordAddresses
) -> RateTable:
    """Return the rates of things of a kind until now."""
    rates = swap_rates(subject, kind, by, now)
    shown, scale = rates[:MOST_RATES], rate_scale(rates[:MOST_RATES])
    addresses: dict[GroupedBy, Callable[[int], str]] = {
        "product": to.product, "batch": to.batch, "supplier": to.party,
    }  # fmt: skip
    rows = (RateRow(one, addresses[by](one.id), _bar(one, scale)) for one in shown)
    return RateTable(by, tuple(rows), len(rates) - len(shown))


def _bar(one: SwapRate, scale: float) -> Markup | None:
    return rate_bar(one.rate, scale, one.is_of_few) if one.rate else None
