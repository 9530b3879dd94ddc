"""How often the things of each product, batch or supplier were swapped, and why.

A rate is the number of swaps divided by the time that the things were installed. Swaps are counted
as Poisson events; the interval is the exact one of Garwood (1936), from the chi-squared
distribution.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from flexmeasures.data import db

from flexmeasures_pms.registry.questions.spells import ENDED, FAULT, SPELLS
from flexmeasures_pms.registry.questions.subject import AskedThings

GroupedBy = Literal["product", "batch", "supplier"]
GROUPED_BY: tuple[GroupedBy, ...] = ("product", "batch", "supplier")
FEW = 5
"""A rate of fewer swaps is said to be of few."""
CONFIDENCE = 0.95

_NAMES = {
    "product": "SELECT concat_ws(' ', vendor, model, nullif(revision, '')) FROM pms_product",
    "batch": """
        SELECT concat_ws(' ', p.vendor, p.model, nullif(p.revision, ''), n.lot)
        FROM pms_batch n JOIN pms_product p ON p.id = n.product_id""",
    "supplier": "SELECT name FROM pms_party",
}
_ID = {"product": "id", "batch": "n.id", "supplier": "id"}
# A thing with several spells has one that is not followed by another: so none is counted twice.
_COUNTS = """
    SELECT g.id, ({names} WHERE {key} = g.id), g.spells - coalesce(e.again, 0), g.years,
      coalesce(e.swaps, 0), coalesce(e.faults, 0), coalesce(e.planned, 0), coalesce(e.recalls, 0),
      coalesce(e.upgrades, 0)
    FROM (
      SELECT {group}_id AS id, count(*) AS spells,
        sum(extract(epoch FROM until - begin)) / 31557600 AS years
      FROM ({spells}) s WHERE {group}_id IS NOT NULL GROUP BY {group}_id
    ) g LEFT JOIN (
      SELECT {group}_id AS id, count(*) FILTER (WHERE again) AS again,
        count(*) FILTER (WHERE swapped) AS swaps,
        count(*) FILTER (WHERE swapped AND cause = %(fault)s) AS faults,
        count(*) FILTER (WHERE swapped AND cause = 'planned') AS planned,
        count(*) FILTER (WHERE swapped AND cause = 'recall') AS recalls,
        count(*) FILTER (WHERE swapped AND cause = 'upgrade') AS upgrades
      FROM ({ended}) s GROUP BY {group}_id
    ) e ON e.id = g.id"""


@dataclass(frozen=True, slots=True)
class Rate:
    """Events in a year of a unit, with the interval that has the true rate with 95 %."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class SwapRate:
    """How often the things of one product, batch or supplier were swapped.

    :param units: how many things were installed.
    :param unit_years: how long they were, together.
    """

    id: int
    name: str
    units: int
    unit_years: float
    swaps: int
    faults: int
    planned: int
    recalls: int
    upgrades: int

    @property
    def unknown(self) -> int:
        """Swaps of which no cause was given."""
        return self.swaps - self.faults - self.planned - self.recalls - self.upgrades

    @property
    def rate(self) -> Rate | None:
        """Swaps for a fault or without a cause, by unit-year; None without any time."""
        return rate_of(self.faults + self.unknown, self.unit_years)

    @property
    def is_of_few(self) -> bool:
        """Whether the rate is of too few swaps to say much."""
        return self.faults + self.unknown < FEW


def rate_of(events: int, unit_years: float) -> Rate | None:
    """Return a rate with its exact interval (Garwood), or None without exposure."""
    from scipy.stats import chi2  # takes a second, and few commands need it

    if unit_years <= 0:
        return None
    alpha = 1 - CONFIDENCE
    low = float(chi2.ppf(alpha / 2, 2 * events)) / 2 if events else 0.0
    high = float(chi2.ppf(1 - alpha / 2, 2 * events + 2)) / 2
    return Rate(events / unit_years, low / unit_years, high / unit_years)


def swap_rates(subject: AskedThings, kind: str, by: GroupedBy, at: datetime) -> list[SwapRate]:
    """Return how often things of a kind were swapped until a moment, the highest rate first.

    :param kind: of trackables.
    :param by: what they are grouped by; those of which it is not known are left out.
    """
    statement = _COUNTS.format(
        names=_NAMES[by],
        key=_ID[by],
        group=by,
        spells=SPELLS.format(condition=subject.condition()),
        ended=ENDED.format(condition=subject.condition()),
    )
    cursor = db.session.connection().connection.cursor()
    cursor.execute(statement, subject.values() | {"kind": kind, "at": at, "fault": FAULT})
    return _highest_first(
        SwapRate(row[0], row[1], row[2], float(row[3]), *row[4:]) for row in cursor
    )


def _highest_first(rates: Iterable[SwapRate]) -> list[SwapRate]:
    # By the lower end of the interval: one swap of a new batch is no trend.
    return sorted(rates, key=lambda one: (-(one.rate.low if one.rate else 0), one.name))
