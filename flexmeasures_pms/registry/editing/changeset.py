"""One organisation's registry while it is being changed, in memory.

A change works on a :class:`Changeset` and never on the database: it either ends consistent,
or raises before anything was written. ``writer.py`` writes a changeset to the database.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from flexmeasures_pms.registry.directory import (
    Directory,
    Entry,
    Name,
    ident_key,
    installation_record,
)
from flexmeasures_pms.registry.editing.change import Author, Change, NewTransaction, OrderAsked
from flexmeasures_pms.registry.editing.installed import Installed
from flexmeasures_pms.registry.editing.master_state import MasterState, Reserve
from flexmeasures_pms.registry.editing.overlay import Overlay, UndoLog
from flexmeasures_pms.registry.kinds import BOARD, CABINET, KINDS
from flexmeasures_pms.registry.lookups import ComputedLookup
from flexmeasures_pms.registry.messages.message import Message, MessageValue, message
from flexmeasures_pms.registry.queries.sites import SiteFacts
from flexmeasures_pms.registry.timeline import (
    SINCE_EVER,
    Installation,
    Rows,
    Spot,
    difference,
    row_at,
    spliced,
)

DETAILS = ("docks", "timezone", "latitude", "longitude", "parent_asset_id")


class Changeset:
    """The registry of one organisation with the changes made so far.

    :param base: what is registered.
    :param now: when the changes become known; a change without a time holds from then.
    :param reserve: gives numbers for new trackables.
    :param recorded: gives what was asked by the last transaction of a trackable.
    :param reserve_record: gives numbers for new products, parties and batches.
    :param facts: gives what is registered of a site besides its entry.

    ``touched`` are the trackables with a transaction, but for those of which only the origin is
    told, which are ``described``. ``concerned`` are the assemblies that something came into or
    out of, ``again`` is what was to be registered and is already, ``unchanged`` all that is as
    the change says already, ``cabinets`` those whose place the order at hand has changed, each
    with where it and what was in it were before.
    """

    def __init__(
        self,
        base: Directory,
        author: Author,
        now: datetime,
        reserve: Callable[[], Iterable[int]],
        recorded: Callable[[int], OrderAsked | None] = lambda _: None,
        reserve_record: Reserve = lambda _: 0,
        facts: Callable[[int], SiteFacts | None] = lambda _: None,
    ) -> None:
        self.base = base
        self.author = author
        self.now = now
        self._reserve = reserve
        self._recorded = recorded
        self._numbers: deque[int] = deque()
        self._undo_log = UndoLog()
        self._entries: Overlay[int, Entry] = Overlay(base.entries, self._undo_log)
        self._names: Overlay[Name, int] = Overlay(base.names, self._undo_log)
        self._aliases: Overlay[int, tuple[str, ...]] = Overlay(base.aliases, self._undo_log)
        self.sites: Overlay[int, SiteFacts] = Overlay(ComputedLookup(facts), self._undo_log)
        self._installed = Installed(base, self._undo_log)
        self.view = dataclasses.replace(
            base,
            entries=self._entries,
            names=self._names,
            aliases=self._aliases,
            by_part=self._installed.by_part,
            by_assembly=self._installed.by_assembly,
            cabinet_rows=self._installed.cabinet_rows,
            ranges={},
        )
        self.master = MasterState(base.account_id, self._undo_log, reserve_record, self)
        self._added: set[int] = set()
        self.transactions: list[NewTransaction] = []
        self.lines: list[Message] = []
        self.leaving: list[Message] = []
        self.only_changes = self.discarded = False
        self.touched: dict[int, None] = {}
        self.described: list[int] = []
        self.cabinets: dict[int, tuple[Rows, Rows]] = {}
        self.concerned: set[int] = set()
        self.again: set[int] = set()
        self.unchanged: set[int] = set()

    def savepoint(self) -> Callable[[], None]:
        """Return a function that undoes what comes after this; only the latest one can."""
        self._undo_log.begin()
        counts = len(self.transactions), len(self.lines), len(self.touched)
        records, described = len(self.master.transactions), len(self.described)

        def undone() -> None:
            self._undo_log.undo()
            del self.transactions[counts[0] :], self.lines[counts[1] :]
            while len(self.touched) > counts[2]:
                self.touched.popitem()
            del self.master.transactions[records:], self.described[described:]
            self.view.ranges.clear()

        return undone

    @property
    def account_id(self) -> int:
        """The organisation's FlexMeasures account."""
        return self.base.account_id

    def add_message(self, form: str, /, **values: MessageValue) -> None:
        """Add a message for the person who makes the change."""
        self.lines.append(message(form, **values))

    def add_unchanged(self, form: str, /, **values: MessageValue) -> None:
        """Add a message that something is so already, unless only changes are of interest."""
        self.unchanged.update(v.id for v in values.values() if isinstance(v, Entry))
        if not self.only_changes:
            self.add_message(form, **values)

    def change(self) -> Change:
        """Return what was changed."""
        boards = (
            n
            for n in self.touched
            if self._entries[n].kind == BOARD and self.rows(n) != self.registered_rows(n)
        )
        return Change(
            self.account_id,
            tuple(self.touched),
            tuple(boards),
            tuple(self.lines),
            tuple(self._new_names()),
            tuple(self.unchanged.difference(self.touched)),
            tuple(self.leaving),
        )

    def _new_names(self) -> Iterator[Name]:
        for number in self.touched:
            entry = self._entries[number]
            if self.is_new(number):
                yield entry.kind, entry.ident
            known = () if self.is_new(number) else self.base.aliases.get(number, ())
            aliases = self._aliases.get(number, ()) if entry.kind == BOARD else ()
            yield from ((BOARD, alias) for alias in aliases if alias not in known)

    # Trackables

    def add(self, entry: Entry) -> Entry:
        """Add a trackable; it gets its number."""
        if not self._numbers:
            self._numbers.extend(self._reserve())
        entry = replace(entry, id=self._numbers.popleft())
        self._added.add(entry.id)
        self._entries[entry.id] = entry
        self._names[entry.kind, ident_key(entry.kind, entry.ident)] = entry.id
        self._aliases[entry.id] = ()
        self._installed.add(entry.id)
        self.master.registered_origins.is_new(entry.id)
        self.record(KINDS[entry.kind].first_verb, entry, after=_recorded_details(entry))
        return entry

    def amend(self, entry: Entry, verb: str) -> None:
        """Replace a trackable's details."""
        before = self._entries[entry.id]
        self._entries[entry.id] = entry
        self.view.ranges.clear()
        self.record(verb, entry, _recorded_details(before), _recorded_details(entry), self.now)

    def retire(self, entry: Entry, at: datetime | None) -> None:
        """Let a trackable be out of use from a time, or in use again where that is None."""
        self._entries[entry.id] = replace(entry, retired_at=at)
        self.record("revived" if at is None else "retired", entry, at=at or self.now)

    def add_alias(self, board: Entry, alias: str) -> None:
        """Let a board be known under one more spelling."""
        before = self._aliases.get(board.id, ())
        self._aliases[board.id] = (*before, alias)
        self._names[BOARD, ident_key(BOARD, alias)] = board.id
        names = {"aliases": list(before)}, {"aliases": [*before, alias]}
        self.record("serviced", board, *names, self.now)

    # Installations

    def is_new(self, number: int) -> bool:
        """Whether a trackable was added to this changeset."""
        return number in self._added

    def registered_rows(self, part_id: int) -> Rows:
        """Return a part's installations as registered, without the changes made here."""
        return () if self.is_new(part_id) else self.base.by_part.get(part_id, ())

    def rows(self, part_id: int) -> Rows:
        """Return a part's installations, in order of time."""
        return self._installed.by_part.get(part_id, ())

    def in_spot(self, spot: Spot) -> Rows:
        """Return the installations in a place that holds one part at a time, in order of time."""
        return self._installed.in_spot(spot)

    def place(
        self,
        part_id: int,
        rows: Rows,
        verb: str,
        at: datetime,
        note: str | None = None,
        asked: OrderAsked | None = None,
    ) -> bool:
        """Replace a part's installations and record the transaction; return whether they differ.

        :param asked: what the order said, where the installations alone do not tell.
        """
        before = self.rows(part_id)
        gone: list[Installation] = []
        new = list(rows)
        if before or self.registered_rows(part_id):
            rows, gone, new = self._changed(before, rows)
        if not gone and not new:
            return False
        if self._entries[part_id].kind == CABINET:
            inside = self._installed.by_assembly.get(part_id, ())
            self.cabinets.setdefault(part_id, (before, inside))
        self._installed.replace(part_id, rows, gone, new)
        self.concerned.update(row.assembly_id for row in (*gone, *new))
        if self._entries[part_id].kind == CABINET:
            self.view.ranges.clear()
        gone_record, new_record = map(self._installations_record, (gone, new))
        if asked is not None:
            new_record = {**(new_record or {}), "asked": asked}
        self.record(verb, self._entries[part_id], gone_record, new_record, at, note)
        return True

    def last_asked(self, part_id: int) -> OrderAsked | None:
        """Return what the last transaction of a part was asked, if it keeps that."""
        for t in reversed(self.transactions):
            if t.entry.id == part_id and "installations" in {**(t.before or {}), **(t.after or {})}:
                return (t.after or {}).get("asked")
        return self._recorded(part_id)

    def _changed(
        self, before: Rows, rows: Rows
    ) -> tuple[Rows, list[Installation], list[Installation]]:
        """Return rows with the numbers of those that are registered, what is gone, and new."""
        within = difference(before, rows)
        old = before[within.start : len(before) - (len(rows) - within.stop)]
        changed = tuple(r if r.id else self._as_known(r, before) for r in rows[within])
        if changed != rows[within]:
            rows = spliced(rows, within, changed)
        known, wanted = set(old), set(changed)
        gone = [row for row in old if row not in wanted]
        return rows, gone, [row for row in changed if row not in known]

    def _as_known(self, row: Installation, before: Rows) -> Installation:
        """Return a row with its number, if it is registered."""
        at = (row_at(rows, row.begin) for rows in (self.registered_rows(row.part_id), before))
        return next((found for found in at if found and replace(found, id=0) == row), row)

    def _installations_record(self, rows: list[Installation]) -> dict[str, Any] | None:
        records = [installation_record(self._entries, row) for row in rows]
        return {"installations": records} if records else None

    def record(
        self,
        verb: str,
        entry: Entry,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
        at: datetime = SINCE_EVER,
        note: str | None = None,
    ) -> None:
        """Record a transaction about a trackable."""
        self.touched.setdefault(entry.id)
        notes = "; ".join(text for text in (self.author.note, note) if text)
        author, event = self.author.name, self.author.event
        self.transactions.append(
            NewTransaction(author, verb, entry, at, before, after, notes or None, event)
        )


def _recorded_details(entry: Entry) -> dict[str, Any]:
    details = ((name, getattr(entry, name)) for name in DETAILS)
    return {name: value for name, value in details if value is not None} | {"ident": entry.ident}
