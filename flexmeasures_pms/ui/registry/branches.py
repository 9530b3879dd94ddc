"""The tree of what is in what, loaded a branch at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from flexmeasures_pms.registry.directory import Directory, Entry
from flexmeasures_pms.registry.kinds import CABINET, CASE, CELL_BLOCK, PMS, Slot
from flexmeasures_pms.registry.queries.search import Found
from flexmeasures_pms.ui.language.figures import moment
from flexmeasures_pms.ui.language.words import _
from flexmeasures_pms.ui.registry.slots import slot_groups
from flexmeasures_pms.ui.registry.terms import kind_name, place_name

HOLDING = (PMS, CABINET, CASE)
_AT_ONCE = {PMS: (CABINET,), CABINET: (), CASE: ()}
"""What is loaded along with what was asked for: the cabinets of a PMS show their cases."""


@dataclass(frozen=True, slots=True)
class TreeBranch:
    """A thing in the tree.

    :param place: where it is in what is above it, in words; empty where that goes without
        saying.
    :param kind: what it is, in words.
    :param parts: what is in it; None where that is not loaded yet.
    :param open: whether it is shown with what is in it.
    :param found: whether it is what was looked for.
    :param since: since when it is there, in words; empty for what is in nothing.
    :param note: what to know of it at a glance.
    """

    entry: Entry | Found
    place: str = ""
    kind: str = ""
    parts: tuple[TreeBranch, ...] | None = None
    open: bool = False
    found: bool = False
    since: str = ""
    note: str = ""

    @property
    def holds(self) -> bool:
        """Whether things can be in it."""
        return self.entry.kind in HOLDING


@dataclass(frozen=True, slots=True)
class _Look:
    """At what is looked: a registry at a time, its times on the clock of a site."""

    registered: Directory
    at: datetime
    zone: str
    path: tuple[int, ...]


def branch(
    registered: Directory, entry: Entry, at: datetime, *, zone: str, path: Collection[int] = ()
) -> TreeBranch:
    """Return a thing on top, with what is in it at a time.

    :param zone: the timezone of its site.
    :param path: the things that are open, down to what was looked for: the last of them.
    """
    look = _Look(registered, at, zone, tuple(path))
    return _branch(look, TreeBranch(entry, kind=kind_name(entry.kind)), entry)


def _branch(look: _Look, bare: TreeBranch, entry: Entry) -> TreeBranch:
    found = look.path[-1:] == (entry.id,)
    if entry.kind not in HOLDING:
        return replace(bare, parts=(), found=found)
    parts = tuple(_parts(look, entry))
    return replace(bare, parts=parts, open=True, found=found)


def _parts(look: _Look, entry: Entry) -> Iterator[TreeBranch]:
    for group in slot_groups(look.registered, entry, look.at):
        for spot in group.spots:
            if spot.entry is None:
                continue
            place, kind = _labels(group.slot, spot.place, spot.entry.kind)
            bare = TreeBranch(spot.entry, place, kind, since=_since(spot.since, look.zone))
            at_once = spot.entry.kind in _AT_ONCE[entry.kind]
            if at_once or spot.entry.id in look.path or spot.entry.kind not in HOLDING:
                yield _branch(look, bare, spot.entry)
            else:
                yield bare


def _since(begin: datetime | None, zone: str) -> str:
    return _("since {time}", time=moment(begin, zone)) if begin else _("since ever")


def _labels(slot: Slot, place: int | None, kind: str) -> tuple[str, str]:
    """Return the words for a place and for what is there."""
    name = kind_name(kind)
    if slot.places == 1:
        return "", name
    return ("", f"{name} {place}") if kind == CELL_BLOCK else (place_name(slot, place), name)
