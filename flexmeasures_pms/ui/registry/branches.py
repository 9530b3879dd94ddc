"""The tree of what is in what, loaded a branch at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from flexmeasures_pms.registry.directory import Directory, Entry
from flexmeasures_pms.registry.kinds import CABINET, CASE, CELL_BLOCK, PMS, Slot
from flexmeasures_pms.registry.search import Found
from flexmeasures_pms.ui.registry.shelf import shelves
from flexmeasures_pms.ui.registry.terms import kind_name, place_name

HOLDING = (PMS, CABINET, CASE)
_AT_ONCE = {PMS: (CABINET,), CABINET: (), CASE: ()}
"""What is loaded along with what was asked for: the cabinets of a PMS show their cases."""


@dataclass(frozen=True, slots=True)
class Branch:
    """A thing in the tree.

    :param place: where it is in what is above it, in words; empty where that goes without
        saying.
    :param kind: what it is, in words.
    :param parts: what is in it; None where that is not loaded yet.
    :param open: whether it is shown with what is in it.
    :param found: whether it is what was looked for.
    :param note: what to know of it at a glance.
    """

    entry: Entry | Found
    place: str = ""
    kind: str = ""
    parts: tuple[Branch, ...] | None = None
    open: bool = False
    found: bool = False
    note: str = ""

    @property
    def holds(self) -> bool:
        """Whether things can be in it."""
        return self.entry.kind in HOLDING


def branch(
    registered: Directory, entry: Entry, at: datetime, *, path: Collection[int] = ()
) -> Branch:
    """Return a thing on top, with what is in it at a time.

    :param path: the things that are open, down to what was looked for: the last of them.
    """
    return _branch(registered, Branch(entry, kind=kind_name(entry.kind)), entry, at, tuple(path))


def _branch(
    registered: Directory, bare: Branch, entry: Entry, at: datetime, path: tuple[int, ...]
) -> Branch:
    found = path[-1:] == (entry.id,)
    if entry.kind not in HOLDING:
        return replace(bare, parts=(), found=found)
    parts = tuple(_parts(registered, entry, at, path))
    return replace(bare, parts=parts, open=True, found=found)


def _parts(
    registered: Directory, entry: Entry, at: datetime, path: tuple[int, ...]
) -> Iterator[Branch]:
    for shelf in shelves(registered, entry, at):
        for spot in shelf.spots:
            if spot.entry is None:
                continue
            bare = Branch(spot.entry, *_labels(shelf.slot, spot.place, spot.entry.kind))
            at_once = spot.entry.kind in _AT_ONCE[entry.kind]
            if at_once or spot.entry.id in path or spot.entry.kind not in HOLDING:
                yield _branch(registered, bare, spot.entry, at, path)
            else:
                yield bare


def _labels(slot: Slot, place: int | None, kind: str) -> tuple[str, str]:
    """Return the words for a place and for what is there."""
    name = kind_name(kind)
    if slot.places == 1:
        return "", name
    return ("", f"{name} {place}") if kind == CELL_BLOCK else (place_name(slot, place), name)
