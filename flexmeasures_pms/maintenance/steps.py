"""The steps of maintenance, in their order: each can be ended early, and goes on the next time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from flexmeasures.data import db

from flexmeasures_pms.beliefs.system_graphs import show_cabinets
from flexmeasures_pms.config import settings
from flexmeasures_pms.plural import counted
from flexmeasures_pms.storage.intake import heads, receipts
from flexmeasures_pms.storage.log import folding, rest
from flexmeasures_pms.storage.readings import belief_tables, thinning
from flexmeasures_pms.storage.readings.thinning import GoesOn

NOTHING = "nothing to do"
_AT_ONCE = 5_000
_DAYS_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Done:
    """What a step did.

    :param finished: whether nothing is left for the next time.
    """

    text: str = NOTHING
    finished: bool = True


@dataclass(frozen=True, slots=True)
class Step:
    """A step: it commits what it does, and fails without harm to the others.

    :param run: takes the time of now, and what tells it whether to go on.
    """

    name: str
    run: Callable[[datetime, GoesOn], Done]


def _next_tables(now: datetime, _goes_on: GoesOn) -> Done:
    made = belief_tables.make_ahead(now)
    return Done(f"made {made}") if made else Done()


def _purge_receipts(now: datetime, goes_on: GoesOn) -> Done:
    before = now - timedelta(days=settings().receipt_days)
    return _in_parts("receipt", goes_on, lambda: receipts.purge(before, _AT_ONCE))


def _remove_heads(_now: datetime, goes_on: GoesOn) -> Done:
    def remove() -> int:
        numbers = heads.unused(_AT_ONCE)
        heads.remove_unused(numbers)
        return len(numbers)

    return _in_parts("head", goes_on, remove)


def _show_cabinets(_now: datetime, _goes_on: GoesOn) -> Done:
    """Let the graph pages of PMSes that were made by earlier versions show their cabinets."""
    changed = show_cabinets()
    db.session.commit()
    return Done(f"changed {counted(changed, 'graph page')}" if changed else NOTHING)


def _in_parts(what: str, goes_on: GoesOn, part: Callable[[], int]) -> Done:
    total, some = 0, _AT_ONCE
    while some == _AT_ONCE and goes_on():
        some = part()
        db.session.commit()
        total += some
    text = f"deleted {counted(total, what)}" if total else NOTHING
    return Done(text, some < _AT_ONCE)


def _fold(now: datetime, goes_on: GoesOn) -> Done:
    found = folding.fold_all(now, stop=lambda: not goes_on())
    parts = [f"folded {counted(found.days, 'day')} of things"] if found.days else []
    if kept := rest.unfoldable():
        first = f"{kept[0].kind} '{kept[0].ident}' on {kept[0].day}"
        parts.append(f"could not fold {counted(len(kept), 'day')}, first {first} (see the log)")
    return Done(", ".join(parts) or NOTHING, not found.left)


def _forget(now: datetime, goes_on: GoesOn) -> Done:
    if not settings().sample_days:
        return Done("samples are kept for ever")
    total, some = 0, _DAYS_AT_ONCE
    while some >= _DAYS_AT_ONCE and goes_on():
        some = folding.forget_days(now, settings().sample_days, _DAYS_AT_ONCE)
        total += some
    text = f"deleted {counted(total, 'day')} of things" if total else NOTHING
    return Done(text, some < _DAYS_AT_ONCE)


def _thin(now: datetime, goes_on: GoesOn) -> Done:
    days = settings().belief_days
    if not days:
        return Done("beliefs are kept for ever")
    return thinned(thinning.thin(now - timedelta(days=days), goes_on))


def thinned(found: thinning.Thinned) -> Done:
    """Return what was thinned, in words."""
    if not found.weeks and not found.beliefs:
        return Done(NOTHING if found.finished else "began to thin a table", found.finished)
    text = f"thinned {counted(found.weeks, 'table')}, moved {counted(found.beliefs, 'belief')}"
    return Done(text, found.finished)


STEPS: tuple[Step, ...] = (
    Step("tables of beliefs", _next_tables),
    Step("receipts", _purge_receipts),
    Step("quarantine", _remove_heads),
    Step("graph pages", _show_cabinets),
    Step("old samples", _forget),
    Step("folding", _fold),
    Step("thinning", _thin),
)
"""Those that take long come last: what others leave of their time is theirs."""
