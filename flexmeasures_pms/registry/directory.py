"""The registry of one organisation, as questions are asked of it.

A :class:`Directory` answers from what it was given. For a request,
``registry/loading/load.py`` makes one of what is near the ids of the request; a changeset
(``registry/editing/changeset.py``) has one that it changes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Literal

from msgspec import Struct

from flexmeasures_pms import identifiers
from flexmeasures_pms.registry.kinds import BOARD, CABINET, CASE, DEFAULT_DOCKS, PMS
from flexmeasures_pms.registry.lookups import NOTHING_THERE, Lookup, rows_of_slot
from flexmeasures_pms.registry.timeline import (
    FOREVER,
    SINCE_EVER,
    Installation,
    Rows,
    iso,
    row_at,
)

Name = tuple[str, str]
"""What a trackable is found by: its kind, and its id as it is compared."""


class Entry(Struct, frozen=True, gc=False):
    """One registered trackable.

    :param retired_at: since when it is out of use; it may be planned. None while it is in use.
    """

    id: int
    kind: str
    ident: str
    asset_id: int | None = None
    docks: int | None = None
    timezone: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    parent_asset_id: int | None = None
    provisioned: bool = False
    retired_at: datetime | None = None

    def is_retired(self, at: datetime) -> bool:
        """Whether it is out of use at a time, and can't be installed from then on."""
        return self.retired_at is not None and self.retired_at <= at

    @property
    def awaits_asset(self) -> bool:
        """Whether its FlexMeasures asset was never made; one that was deleted was."""
        return self.asset_id is None and not self.provisioned

    @property
    def asset_is_gone(self) -> bool:
        """Whether it has no FlexMeasures asset, and gets none before it is registered again."""
        return self.asset_id is None and self.provisioned


Entries = Lookup[int, Entry]
"""Trackables by their number."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a pack id meant at a time: a case, and the board if that was what it named."""

    case: Entry
    board: Entry | None


@dataclass(frozen=True, slots=True)
class InstalledPlace:
    """Where a part is; ``begin`` is None without a known start, ``end`` while it lasts."""

    assembly_id: int
    slot: str
    place: int | None
    begin: datetime | None
    end: datetime | None


@lru_cache(maxsize=8192)
def _key(text: str) -> str:
    return identifiers.key(text)


@lru_cache(maxsize=8192)
def _board_key(text: str) -> str:
    return identifiers.board_key(text)


def ident_key(kind: str, text: str) -> str:
    """Return what the spellings of an id of a kind have in common."""
    if len(text) > identifiers.MAX_LENGTH:  # nothing that long is worth remembering
        return identifiers.board_key(text) if kind == BOARD else identifiers.key(text)
    return _board_key(text) if kind == BOARD else _key(text)


@dataclass(frozen=True, slots=True)
class RegistryQuery:
    """What is going to be asked of a directory.

    :param packs: pack ids, each a case's or an acquisition board's.
    :param things: kinds with ids.
    :param numbers: trackables by their number.
    :param parts: also what is, and was, in the assemblies named; in the cabinets of a PMS too.
    """

    packs: Collection[str] = ()
    things: Collection[tuple[str, str]] = ()
    numbers: Collection[int] = ()
    parts: bool = False


NOTHING = RegistryQuery()


VersionLock = Literal["read", "change"]
"""How a transaction locks a registry's version: among readers, or to raise it next."""


def _expect_nothing(_: RegistryQuery) -> None:
    """Do nothing: everything is there."""


def _never_changed(_: VersionLock | None) -> bool:
    """Return True: what was given does not change."""
    return True


@dataclass(frozen=True)
class Directory:
    """The registry of one organisation as it was at one version.

    :param entries: the trackables by their number.
    :param names: their numbers by kind and compared id; a board's by its aliases too.
    :param aliases: each board's aliases, as registered.
    :param by_part: the installations of each part, in order of time.
    :param by_assembly: the installations in each assembly, in order of time.
    :param cabinet_rows: those of cabinets alone, by assembly.
    :param owned: those FlexMeasures assets of what was asked for, and of what that is in,
        that exist and are the organisation's at this moment.
    :param expect: read at once what is going to be asked for.
    :param unchanged: whether all that was asked for is still so, and stays so until the
        transaction ends if the version is locked; see :mod:`..loading.unchanged`.
    :param ranges: the docks of PMSes that were asked for already.
    """

    account_id: int
    version: int
    entries: Entries
    names: Lookup[Name, int]
    aliases: Lookup[int, tuple[str, ...]]
    by_part: Lookup[int, Rows]
    by_assembly: Lookup[int, Rows]
    owned: AbstractSet[int] = frozenset()
    expect: Callable[[RegistryQuery], None] = _expect_nothing
    unchanged: Callable[[VersionLock | None], bool] = _never_changed
    ranges: dict[tuple[int, datetime], tuple[tuple[Entry | None, range], ...]] = field(
        default_factory=dict, repr=False, compare=False
    )
    cabinet_rows: Lookup[int, Rows] = field(default=NOTHING_THERE, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Look up the cabinets in the assemblies, if they are not given."""
        if self.cabinet_rows is NOTHING_THERE:
            found = rows_of_slot(self.by_assembly, CABINET)
            object.__setattr__(self, "cabinet_rows", found)

    def entry(self, entry_id: int) -> Entry:
        """Return a trackable by its number."""
        return self.entries[entry_id]

    def find(self, kind: str, text: str) -> Entry | None:
        """Return the trackable of a kind that an id names; a board by its aliases too."""
        number = self.names.get((kind, ident_key(kind, text)))
        return None if number is None else self.entries[number]

    def resolve_pack(self, text: str, at: datetime) -> Resolved | None:
        """Return what a pack id means at a time (A4.2), or None if nothing is known of it."""
        case = self.find(CASE, text)
        if case is not None:
            return Resolved(case, None)
        board = self.find(BOARD, text)
        if board is None:
            return None
        row = self.installed(board.id, at)
        return None if row is None else Resolved(self.entries[row.assembly_id], board)

    def installed(self, part_id: int, at: datetime) -> Installation | None:
        """Return the installation of a part that holds at a time."""
        return row_at(self.by_part.get(part_id, ()), at)

    def place_of(self, part_id: int, at: datetime) -> InstalledPlace | None:
        """Return where a part is at a time, or None if it is installed nowhere."""
        row = self.installed(part_id, at)
        if row is None:
            return None
        begin = None if row.begin == SINCE_EVER else row.begin
        end = None if row.end == FOREVER else row.end
        return InstalledPlace(row.assembly_id, row.slot, row.place, begin, end)

    def parts_of(self, assembly_id: int, at: datetime) -> Rows:
        """Return what is installed in an assembly at a time, by slot and place."""
        rows = (r for r in self.by_assembly.get(assembly_id, ()) if r.begin <= at < r.end)
        return tuple(sorted(rows, key=lambda r: (r.slot, r.place or 0, r.part_id)))

    def pms_of(self, entry_id: int, at: datetime) -> Entry | None:
        """Return the PMS that a cabinet, case or part belongs to at a time."""
        entry = self.entries[entry_id]
        while entry.kind != PMS:
            row = self.installed(entry.id, at)
            if row is None:
                return None
            entry = self.entries[row.assembly_id]
        return entry

    def cabinets(self, pms_id: int, at: datetime) -> dict[int, Entry]:
        """Return a PMS's cabinets at a time by their position."""
        return {
            row.place or 0: self.entries[row.part_id]
            for row in self.cabinet_rows.get(pms_id, ())
            if row.begin <= at < row.end
        }

    def dock_ranges(self, pms_id: int, at: datetime) -> tuple[tuple[Entry | None, range], ...]:
        """Return each cabinet position's cabinet and its docks as counted across the PMS.

        Docks are counted on from cabinet to cabinet in the order of their positions. A
        cabinet of unknown size, and a position that no cabinet is known at, counts 12.
        """
        # Asked for each of a PMS's packs, mostly for one moment.
        known = self.ranges.get((pms_id, at))
        if known is None:
            known = self.ranges[pms_id, at] = tuple(self._dock_ranges(pms_id, at))
        return known

    def _dock_ranges(self, pms_id: int, at: datetime) -> Iterator[tuple[Entry | None, range]]:
        first, cabinets = 1, self.cabinets(pms_id, at)
        for position in range(1, max(cabinets, default=0) + 1):
            cabinet = cabinets.get(position)
            docks = (cabinet.docks if cabinet else None) or DEFAULT_DOCKS
            yield cabinet, range(first, first + docks)
            first += docks

    def cabinet_at(self, pms_id: int, dock: int, at: datetime) -> tuple[Entry, int] | None:
        """Return the cabinet, and its own dock number, of a dock counted across the PMS."""
        for cabinet, docks in self.dock_ranges(pms_id, at):
            if dock in docks:
                return None if cabinet is None else (cabinet, dock - docks.start + 1)
        return None

    def dock_in_pms(self, case_id: int, at: datetime) -> tuple[int, int | None] | None:
        """Return the PMS that a case is in, and its dock as counted across it.

        The dock is None where it is not known, all of it where the case is in no PMS.
        """
        row = self.installed(case_id, at)
        if row is None:
            return None
        if self.entries[row.assembly_id].kind == PMS:
            return row.assembly_id, row.place
        in_pms = self.installed(row.assembly_id, at)
        if in_pms is None:
            return None
        for cabinet, docks in self.dock_ranges(in_pms.assembly_id, at):
            if row.place is not None and cabinet is not None and cabinet.id == row.assembly_id:
                return in_pms.assembly_id, docks.start + row.place - 1
        return in_pms.assembly_id, None

    def dock_across(self, case_id: int, at: datetime) -> int | None:
        """Return a case's dock as counted across its PMS, or None if it is not known."""
        found = self.dock_in_pms(case_id, at)
        return None if found is None else found[1]


def installation_record(entries: Entries, row: Installation) -> dict[str, object]:
    """Return an installation as transactions keep it and programs read it."""
    assembly = entries[row.assembly_id]
    return {
        "assembly_id": assembly.id,
        "assembly_kind": assembly.kind,
        "assembly": assembly.ident,
        "slot": row.slot,
        "place": row.place,
        "from": None if row.begin == SINCE_EVER else iso(row.begin),
        "until": None if row.end == FOREVER else iso(row.end),
    }
