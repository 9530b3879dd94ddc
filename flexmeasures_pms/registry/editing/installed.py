"""What is installed where, while it is being changed: by part, by assembly and by place."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable
from operator import attrgetter

from flexmeasures_pms.registry.directory import Directory
from flexmeasures_pms.registry.editing.overlay import Overlay, UndoLog
from flexmeasures_pms.registry.kinds import CABINET
from flexmeasures_pms.registry.lookups import ComputedLookup, Lookup
from flexmeasures_pms.registry.timeline import Installation, Rows, Spot, spliced

_begin = attrgetter("begin")
_Edit = Callable[[Rows, Installation], Rows]


def _by_spot(by_assembly: Lookup[int, Rows], new: Collection[int]) -> Lookup[Spot, Rows]:
    """Return the registered installations of each place that holds one part at a time.

    :param new: assemblies that nothing is registered in: the database is not asked about them.
    """
    divided: dict[int, dict[Spot, list[Installation]]] = {}

    def of_spot(spot: Spot) -> Rows:
        if spot[0] in new:
            return ()
        inside = divided.get(spot[0])
        if inside is None:
            inside = divided[spot[0]] = {}
            for row in by_assembly.get(spot[0], ()):
                inside.setdefault(row.spot, []).append(row)
        return tuple(inside.get(spot, ()))

    return ComputedLookup(of_spot)


class Installed:
    """The installations of one organisation with the changes made so far.

    :param base: what is registered.
    :param undo_log: where to keep how each change is undone.
    """

    def __init__(self, base: Directory, undo_log: UndoLog) -> None:
        self.by_part: Overlay[int, Rows] = Overlay(base.by_part, undo_log)
        self.by_assembly: Overlay[int, Rows] = Overlay(base.by_assembly, undo_log)
        self.cabinet_rows: Overlay[int, Rows] = Overlay(base.cabinet_rows, undo_log)
        self._new: set[int] = set()
        by_spot = _by_spot(base.by_assembly, self._new)
        self._by_spot: Overlay[Spot, Rows] = Overlay(by_spot, undo_log)

    def add(self, number: int) -> None:
        """Add a trackable: nothing is in it, and it is nowhere."""
        self._new.add(number)
        self.by_part[number] = self.by_assembly[number] = self.cabinet_rows[number] = ()

    def in_spot(self, spot: Spot) -> Rows:
        """Return the installations in a place that holds one part at a time, in order of time."""
        return () if spot[2] is None else self._by_spot.get(spot, ())

    def replace(
        self, part_id: int, rows: Rows, gone: Iterable[Installation], new: Iterable[Installation]
    ) -> None:
        """Give a part other installations.

        :param rows: all that it has now.
        :param gone: those of before that are not among them; ``new`` likewise.
        """
        self.by_part[part_id] = rows
        for row in gone:
            self._edit(row, _less)
        for row in new:
            self._edit(row, _more)

    def _edit(self, row: Installation, edit: _Edit) -> None:
        assembly, spot = row.assembly_id, row.spot
        self.by_assembly[assembly] = edit(self.by_assembly.get(assembly, ()), row)
        if row.slot == CABINET:
            self.cabinet_rows[assembly] = edit(self.cabinet_rows.get(assembly, ()), row)
        if row.place is not None:
            self._by_spot[spot] = edit(self._by_spot.get(spot, ()), row)


def _less(rows: Rows, row: Installation) -> Rows:
    at = rows.index(row, bisect_left(rows, row.begin, key=_begin))
    return spliced(rows, slice(at, at + 1), ())


def _more(rows: Rows, row: Installation) -> Rows:
    at = bisect_right(rows, row.begin, key=_begin)
    return spliced(rows, slice(at, at), (row,))
