"""Packs in a cabinet that leaves its PMS: whoever moves it has to know of them."""

from __future__ import annotations

from collections.abc import Iterator

from flexmeasures_pms.errors import RegistryConflict
from flexmeasures_pms.registry.directory import Entry
from flexmeasures_pms.registry.editing.changeset import Changeset
from flexmeasures_pms.registry.kinds import CABINET
from flexmeasures_pms.registry.messages.message import CountText, message
from flexmeasures_pms.registry.timeline import SINCE_EVER, Installation, Rows, without


def keep_packs(changeset: Changeset, *, allowed: bool) -> None:
    """Refuse that an order lets cabinets leave their PMSes with packs; if allowed, note it.

    :raises RegistryConflict: if one does, at any time when packs are docked in it.
    """
    moved = dict(changeset.cabinets)
    changeset.cabinets.clear()
    for number, (rows, inside) in moved.items():
        rack = changeset.view.entries[number]
        for pms, packs in _left_with_packs(changeset, rack, rows, inside):
            said = message(
                "{what} has {packs} in it, which would leave {pms} with it.",
                what=rack,
                packs=CountText(packs, "case"),
                pms=pms,
            )
            if not allowed:
                advice = "move them first, or give --with-packs if they go along"
                raise RegistryConflict(said, command=advice, cure="packs")
            changeset.leaving.append(said)


def _left_with_packs(
    changeset: Changeset, rack: Entry, rows: Rows, inside: Rows
) -> Iterator[tuple[Entry, int]]:
    """Yield the PMSes that a cabinet is not in any more over some time, with its packs of then.

    :param rows: where it was before.
    :param inside: what was in it before.
    """
    after = changeset.rows(rack.id)
    docked = [r for r in inside if r.slot == "dock"]
    packs: dict[int, set[int]] = {}
    for row in rows:
        for lost in _lost(row, after):
            with_it = {r.part_id for r in docked if r.begin < lost.end and lost.begin < r.end}
            packs.setdefault(row.assembly_id, set()).update(with_it)
    for pms, found in packs.items():
        if found:
            yield changeset.view.entry(pms), len(found)


def _lost(row: Installation, after: Rows) -> Rows:
    """Return the time of a row that is in none of the later ones of the same assembly.

    A beginning that was not known is not lost when it becomes known.
    """
    left: Rows = (row,)
    kept = [r for r in after if r.assembly_id == row.assembly_id]
    for r in kept:
        left = without(left, r.begin, r.end)
    begins = {r.begin for r in kept}
    return tuple(r for r in left if r.begin != SINCE_EVER or r.end not in begins)


def holds_packs(changeset: Changeset, *things: Entry) -> bool:
    """Whether packs are registered in a cabinet at any time, so that it may not just leave."""
    by_assembly = changeset.view.by_assembly
    return any(
        row.slot == "dock"
        for thing in things
        if thing.kind == CABINET
        for row in by_assembly.get(thing.id, ())
    )
