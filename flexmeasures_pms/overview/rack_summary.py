"""What the rack page says of a whole PMS: the scale of its cells, the worst ones, and findings."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime

import msgspec

from flexmeasures_pms.overview.docks import Ehub, Occupant, Scale, WorstCell
from flexmeasures_pms.overview.states import OK, Finding, silence, worst_of_each

WORST_CELLS = 10
_NO_DOCK = 1_000  # after all docks
_STEP = 0.05  # V: the scale begins and ends at a multiple of this
_LEAST_SPAN = 0.1  # V: so that the noise of healthy cells does not look like a fault


def scale(heard: Iterable[Occupant]) -> Scale | None:
    """Return the voltages that the cells of packs are drawn between; None where none was read."""
    volts = [c.volts for o in heard for c in o.pack.cells if c.volts is not None]
    if not volts:
        return None
    low = math.floor(round(min(volts) / _STEP, 6)) * _STEP
    high = math.ceil(round(max(volts) / _STEP, 6)) * _STEP
    return Scale(round(low, 2), round(max(high, low + _LEAST_SPAN), 2))


def worst_cells(heard: Iterable[Occupant]) -> tuple[WorstCell, ...]:
    """Return the weakest cells of packs, the worst first."""
    worst = [
        WorstCell(o, o.pack.cells[o.pack.weakest - 1], o.pack.weak_by)
        for o in heard
        if o.pack.weakest is not None and o.pack.weak_by is not None
    ]
    worst.sort(key=lambda w: (-w.below, w.occupant.pack.ident))
    return tuple(worst[:WORST_CELLS])


def summary(
    occupants: Iterable[Occupant],
    ehubs: Iterable[Ehub],
    new: Iterable[Finding],
    visitors: Iterable[Occupant],
    newest: datetime | None,
    now: datetime,
) -> tuple[Finding, ...]:
    """Return the findings of a PMS, the worst first; of equal ones, that of the lowest dock.

    :param new: what is told of unknown packs.
    :param visitors: packs that report to it without being in it: those that are retired count.
    :param newest: when anything of it last reported.
    """
    in_order = sorted(occupants, key=lambda o: o.dock or _NO_DOCK)
    every = [
        msgspec.structs.replace(finding, ident=occupant.pack.ident)
        for occupant in in_order
        for finding in occupant.findings
        if finding is not OK
    ]
    every += [finding for ehub in ehubs for finding in ehub.findings]
    every += new
    every += [
        msgspec.structs.replace(finding, ident=occupant.pack.ident)
        for occupant in sorted(visitors, key=lambda o: (o.dock or _NO_DOCK, o.pack.ident))
        for finding in occupant.findings
        if finding.code == "retired_reporting"
    ]
    if not in_order:
        every.append(Finding("empty"))
    return tuple(
        silence(found, newest, now) if found.code == "silent" else found
        for found in worst_of_each(every)
    )
