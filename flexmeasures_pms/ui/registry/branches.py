"""The tree of what is in what, loaded a branch at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from flexmeasures_pms.registry.directory import Directory, Entry
from flexmeasures_pms.registry.kinds import CABINET, CASE, CELL_BLOCK, PMS, SITE, Slot
from flexmeasures_pms.registry.queries.search import Found
from flexmeasures_pms.ui.language.figures import moment
from flexmeasures_pms.ui.language.words import _
from flexmeasures_pms.ui.registry.slots import SlotPlace, slot_groups
from flexmeasures_pms.ui.registry.terms import kind_name, place_name, retired_note

HOLDING = (SITE, PMS, CABINET, CASE)
_AT_ONCE: Mapping[str, tuple[str, ...]] = {SITE: (), PMS: (CABINET,), CABINET: (), CASE: ()}
"""What is loaded with a branch: the cabinets of a PMS show their cases."""


@dataclass(frozen=True, slots=True)
class TreeBranch:
    """A thing in the tree.

    :param place: its place in what is above it, as text; empty if that is obvious.
    :param kind: what it is, in words.
    :param parts: what is in it; None if not loaded yet.
    :param open: whether it is shown with what is in it.
    :param found: whether it is the search result.
    :param since: since when it is there, as text; empty if it is not installed.
    :param note: a short note.
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
        """Whether it can contain things."""
        return self.entry.kind in HOLDING


@dataclass(frozen=True, slots=True)
class _Look:
    """What is shown: a registry at a time, in a site's time zone."""

    registered: Directory
    at: datetime
    zone: str
    path: tuple[int, ...]
    opened: frozenset[int]

    def is_open(self, entry: Entry) -> bool:
        """Whether a branch is shown open: all that are loaded, unless some were chosen."""
        return not self.opened or entry.id in self.opened or entry.id in self.path


def branch(
    registered: Directory,
    entry: Entry,
    at: datetime,
    *,
    zone: str,
    path: Collection[int] = (),
    opened: Collection[int] = (),
) -> TreeBranch:
    """Return a thing on top, with what is in it at a time.

    :param zone: the timezone of its site.
    :param path: the things that are open, down to the search result, which is the last.
    :param opened: the things that the reader has opened; none if nobody has chosen.
    """
    look = _Look(registered, at, zone, tuple(path), frozenset(opened))
    note = retired_note(entry, at, zone)
    return _branch(look, TreeBranch(entry, kind=kind_name(entry.kind), note=note), entry)


def _branch(look: _Look, bare: TreeBranch, entry: Entry) -> TreeBranch:
    found = look.path[-1:] == (entry.id,)
    if entry.kind not in HOLDING:
        return replace(bare, parts=(), found=found)
    parts = tuple(_parts(look, entry))
    return replace(bare, parts=parts, open=look.is_open(entry), found=found)


def _parts(look: _Look, entry: Entry) -> Iterator[TreeBranch]:
    for group in slot_groups(look.registered, entry, look.at):
        for spot in group.spots:
            if spot.entry is None:
                continue
            place, kind = _labels(group.slot, spot)
            since = _since(spot.since, look.zone)
            note = retired_note(spot.entry, look.at, look.zone)
            bare = TreeBranch(spot.entry, place, kind, since=since, note=note)
            at_once = spot.entry.kind in _AT_ONCE[entry.kind]
            wanted = spot.entry.id in (*look.path, *look.opened)
            if at_once or wanted or spot.entry.kind not in HOLDING:
                yield _branch(look, bare, spot.entry)
            else:
                yield bare


def _since(begin: datetime | None, zone: str) -> str:
    return _("since {time}", time=moment(begin, zone)) if begin else _("start not recorded")


def _labels(slot: Slot, spot: SlotPlace) -> tuple[str, str]:
    """Return the texts for a place and its contents."""
    kind = spot.entry.kind if spot.entry else ""
    name = kind_name(kind)
    if slot.places in (0, 1):
        return "", name
    if kind == CELL_BLOCK:
        return "", f"{name} {spot.place}"
    return place_name(slot, spot.place, spot.across), name
