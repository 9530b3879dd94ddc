"""How old things are, in words."""

from __future__ import annotations

from datetime import date

from flexmeasures_pms.ui.language.figures import number
from flexmeasures_pms.ui.language.words import _, n_

_MONTH, _YEAR = 30.44, 365.25


def age_words(made: date, today: date) -> str:
    """Return an age: ``2.3 years``, ``7 months`` or ``12 days``."""
    days = max((today - made).days, 0)
    if days < 2 * _MONTH:
        return n_("{n} day", "{n} days", days)
    if days < 2 * _YEAR:
        return n_("{n} month", "{n} months", int(days / _MONTH))
    return _("{n} years", n=number(days / _YEAR, 1))
