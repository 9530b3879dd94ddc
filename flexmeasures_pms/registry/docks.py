"""Dock numbers: as a cabinet counts its docks, and as rack and telemetry count across a PMS.

People may give either. Where a number could mean two docks of a cabinet, it is up to them.
"""

from __future__ import annotations

from datetime import datetime

from flexmeasures_pms.registry.directory import Directory, Entry
from flexmeasures_pms.registry.kinds import CABINET, DEFAULT_DOCKS


def docks_across(registered: Directory, cabinet: Entry, at: datetime) -> range | None:
    """Return a cabinet's docks as counted across its PMS; None if it is in no PMS."""
    row = registered.installed(cabinet.id, at) if cabinet.kind == CABINET else None
    if row is None:
        return None
    ranges = registered.dock_ranges(row.assembly_id, at)
    return next((docks for found, docks in ranges if found and found.id == cabinet.id), None)


def meant_docks(
    registered: Directory, cabinet: Entry, number: int, at: datetime
) -> tuple[int, ...]:
    """Return the docks of a cabinet, as it counts them, that a number may mean.

    The first is the dock that the cabinet itself gives this number, if it has one.
    """
    across = docks_across(registered, cabinet, at) or range(0)
    own = [number] if 1 <= number <= (cabinet.docks or DEFAULT_DOCKS) else []
    counted = [number - across.start + 1] if number in across else []
    return tuple(dict.fromkeys(own + counted))


def clear_number(registered: Directory, cabinet: Entry, dock: int, at: datetime) -> int | None:
    """Return a number that means only this dock of a cabinet; None if both may mean another.

    :param dock: as the cabinet counts; its own number is preferred.
    """
    across = docks_across(registered, cabinet, at)
    numbers = [dock] if across is None else [dock, across.start + dock - 1]
    wanted = (dock,)
    return next((n for n in numbers if meant_docks(registered, cabinet, n, at) == wanted), None)
