"""How long the parts of a product or batch stay in their place before a fault.

The share that is left is the estimate of Kaplan and Meier, by ``scipy.stats.ecdf``: what was
swapped for another cause, removed, or is still there, is censored. Installations without a known
start are left out: how old their parts were is not known.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from flexmeasures.data import db

from flexmeasures_pms.registry.questions.spells import ENDED, FAULT, SPELLS
from flexmeasures_pms.registry.questions.subject import AskedThings

_DAY = 86_400
_LENGTHS = """
    SELECT extract(epoch FROM until - begin)::float8, false
    FROM ({spells}) s WHERE has_start AND ended IS NOT TRUE
    UNION ALL
    SELECT extract(epoch FROM until - begin)::float8,
      swapped AND coalesce(cause, %(fault)s) = %(fault)s
    FROM ({ended}) s WHERE has_start"""


@dataclass(frozen=True, slots=True)
class Survival:
    """The share of parts that are still in their place after some time.

    :param days: when shares change, in order.
    :param shares: left after each, with the interval of 95 % from ``low`` to ``high``.
    :param spells: how many installations were looked at, of which ``faults`` ended by a fault.
    :param longest: the longest of them in days: of what came later nothing is known.
    """

    days: tuple[float, ...]
    shares: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    spells: int
    faults: int
    longest: float


def survival(subject: AskedThings, kind: str, at: datetime) -> Survival | None:
    """Return how long things of a kind stay in their place; None if no start of any is known.

    :param at: what came later is not looked at.
    """
    from scipy.stats import CensoredData, ecdf  # takes a second, and few commands need it

    condition = subject.condition()
    statement = _LENGTHS.format(
        spells=SPELLS.format(condition=condition), ended=ENDED.format(condition=condition)
    )
    cursor = db.session.connection().connection.cursor()
    cursor.execute(statement, subject.values() | {"kind": kind, "at": at, "fault": FAULT})
    rows = cursor.fetchall()
    if not rows:
        return None
    lengths = np.array([row[0] for row in rows]) / _DAY
    ended = np.array([row[1] for row in rows], dtype=bool)
    if not ended.any():
        return Survival((), (), (), (), len(rows), 0, float(lengths.max()))
    found = ecdf(CensoredData(uncensored=lengths[ended], right=lengths[~ended])).sf
    with warnings.catch_warnings():
        # Where nothing is left the interval has no bounds: those of a share are taken then.
        warnings.simplefilter("ignore", RuntimeWarning)
        interval = found.confidence_interval(method="log-log")
    times = np.unique(lengths[ended])
    bounds = (np.nan_to_num(interval.low.evaluate(times), nan=0.0),
              np.nan_to_num(interval.high.evaluate(times), nan=1.0))  # fmt: skip
    low, high = (tuple(bound.tolist()) for bound in bounds)
    shares = tuple(found.evaluate(times).tolist())
    counts = (len(rows), int(ended.sum()), float(lengths.max()))
    return Survival(tuple(times.tolist()), shares, low, high, *counts)
