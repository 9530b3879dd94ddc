"""The registry as a file: what is installed where now, as ``import-registry`` reads it.

First a line for each site, then for each PMS, each cabinet, each case, and each spare part. What is
retired is left out, and what is in it is exported as spare. Imported into the registry that it is
of, it changes nothing; into an empty one, it makes the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import tee

import sqlalchemy as sa
from flexmeasures.data import db
from msgspec.structs import astuple

from flexmeasures_pms.registry.directory import Entry
from flexmeasures_pms.registry.docks import clear_number, docks_across
from flexmeasures_pms.registry.importing.columns import (
    COLUMNS,
    DETAILS_OF_PMS,
    DETAILS_OF_SITE,
    FACTS_OF_SITE,
)
from flexmeasures_pms.registry.importing.csv_text import csv_text
from flexmeasures_pms.registry.importing.export_origins import ExportedOrigins, any_known
from flexmeasures_pms.registry.importing.export_rows import (
    Parts,
    facts_of_sites,
    most_aliases,
    parts_in,
    spare_parts,
    structure,
)
from flexmeasures_pms.registry.importing.origin_columns import (
    joined_cells,
    ordered,
    origin_fields,
)
from flexmeasures_pms.registry.kinds import (
    BBC,
    BOARD,
    BUSBAR,
    CABINET,
    CASE,
    CELL_BLOCK,
    EHUB,
    FET_BOARD,
    PMS,
    SITE,
)
from flexmeasures_pms.registry.loading import rows
from flexmeasures_pms.registry.loading.snapshot import Snapshot
from flexmeasures_pms.registry.queries.sites import NO_FACTS

ExportLine = dict[str, str]
"""A line of the file: its fields by their columns."""

_CASES = 500
_COLUMN = {
    EHUB: "ehub.id", BBC: "bbc.id", BUSBAR: "busbar.id", FET_BOARD: "fet.board.id",
    BOARD: "board.id",
}  # fmt: skip


def export(account_id: int, delimiter: str = ",") -> str:
    """Return an organisation's registry as the text of a CSV file, all of one version."""
    while True:
        version = rows.state(account_id).version
        aliases = range(2, most_aliases(account_id) + 1)
        lines, columns = _lines(account_id), [*COLUMNS, *(alias_column(n) for n in aliases)]
        if any_known(account_id):
            lines, others = tee(map(joined_cells, lines))
            columns += ordered({name for line in others for name in line})
        text = csv_text(columns, lines, delimiter)
        if rows.state(account_id).version == version:
            return text


def alias_column(number: int) -> str:
    """Return the column of a board's first, second … alias."""
    return "board.alias" if number == 1 else f"board.alias.{number}"


def _lines(account_id: int) -> Iterator[ExportLine]:
    now: datetime = db.session.scalar(sa.select(sa.func.clock_timestamp())).astimezone(UTC)
    exported = _Exported(structure(account_id, now), now)
    origins = ExportedOrigins(account_id)
    facts = facts_of_sites(account_id)
    for site in exported.of_kind(SITE):
        told = astuple(facts.get(site.id, NO_FACTS))
        yield {
            "site.id": site.ident,
            **_details(site, DETAILS_OF_SITE),
            **{name: text for name, text in zip(FACTS_OF_SITE, told, strict=True) if text},
        }
    pmses = exported.of_kind(PMS)
    known = origins.of([pms.id for pms in pmses])
    for pms in pmses:
        yield {
            "pms.id": pms.ident,
            **_details(pms, DETAILS_OF_PMS),
            **exported.site(pms),
            **_origin("pms.id", known.get(pms.id)),
        }
    cabinets = exported.of_kind(CABINET)
    parts = parts_in(account_id, [cabinet.id for cabinet in cabinets], now)
    known = origins.of(_numbers(cabinets, parts))
    for cabinet in cabinets:
        line = {**exported.cabinet(cabinet), **_fields(parts.get(cabinet.id, ()), known)}
        yield line | _origin("cabinet.id", known.get(cabinet.id))
    cases = exported.of_kind(CASE)
    for some in (cases[n : n + _CASES] for n in range(0, len(cases), _CASES)):
        parts = parts_in(account_id, [case.id for case in some], now)
        known = origins.of(_numbers(some, parts))
        for case in some:
            line = {**exported.case(case), **_fields(parts.get(case.id, ()), known)}
            yield line | _origin("pack.id", known.get(case.id))
    spares = spare_parts(account_id, exported.registered.entries, now)
    known = origins.of([part.id for part in spares])
    for part in spares:
        line = {"spare.kind": part.kind, "spare.id": part.ident, **_aliases(part.aliases)}
        yield line | _origin("spare.id", known.get(part.id))


@dataclass(frozen=True, slots=True)
class _Exported:
    """The sites, PMSes, cabinets and cases of an organisation, and where they are.

    :param registered: these alone.
    """

    registered: Snapshot
    now: datetime

    def of_kind(self, kind: str) -> Sequence[Entry]:
        """Return the things of a kind, in the order in which they are built in."""
        entries = self.registered.entries
        return sorted((e for e in entries.values() if e.kind == kind), key=self._order)

    def _order(self, entry: Entry) -> tuple[object, ...]:
        pms = self.registered.pms_of(entry.id, self.now)
        row = self.registered.installed(entry.id, self.now)
        dock = self.registered.dock_across(entry.id, self.now) if entry.kind == CASE else None
        place = dock or (row.place if row else None) or 0
        return pms is None, pms.ident if pms else "", row is None, place, entry.ident

    def site(self, pms: Entry) -> ExportLine:
        """Return which site a PMS is in."""
        row = self.registered.installed(pms.id, self.now)
        return {} if row is None else {"site.id": self.registered.entry(row.assembly_id).ident}

    def cabinet(self, cabinet: Entry) -> ExportLine:
        """Return where a cabinet is, and how many docks it has."""
        line = {"cabinet.id": cabinet.ident}
        if cabinet.docks is not None:
            line["cabinet.docks"] = str(cabinet.docks)
        row = self.registered.installed(cabinet.id, self.now)
        if row is not None:
            line["pms.id"] = self.registered.entry(row.assembly_id).ident
            line["cabinet.position"] = _number(row.place)
        return line

    def case(self, case: Entry) -> ExportLine:
        """Return where a case is."""
        line = {"pack.id": case.ident}
        row = self.registered.installed(case.id, self.now)
        if row is None:
            return line
        assembly = self.registered.entry(row.assembly_id)
        if assembly.kind == PMS:
            return {
                **line,
                "pms.id": assembly.ident,
                "dock": self._dock_of_pms(assembly, row.place),
            }
        pms = self.registered.pms_of(assembly.id, self.now)
        if pms is not None:
            line["pms.id"] = pms.ident
        return {**line, **self._dock(assembly, row.place or 0)}

    def _dock_of_pms(self, pms: Entry, place: int | None) -> str:
        """Return a dock of a PMS; none where the number is that of a cabinet's dock by now."""
        taken = place is not None and self.registered.cabinet_at(pms.id, place, self.now)
        return "" if taken else _number(place)

    def _dock(self, cabinet: Entry, dock: int) -> ExportLine:
        """Return a dock of a cabinet; of its PMS where each number could mean another dock."""
        number = clear_number(self.registered, cabinet, dock, self.now)
        if number is not None:
            return {"cabinet.id": cabinet.ident, "dock": str(number)}
        across = docks_across(self.registered, cabinet, self.now) or range(1, 2)
        return {"dock": str(across.start + dock - 1)}


def _details(entry: Entry, columns: Sequence[str]) -> ExportLine:
    values = (entry.timezone, entry.latitude, entry.longitude)
    known = zip(columns, values, strict=True)
    return {column: str(value) for column, value in known if value is not None}


def _fields(parts: Parts, origins: Mapping[int, Mapping[str, str]]) -> ExportLine:
    """Return what is in a case or cabinet, and where that comes from."""
    line: ExportLine = {}
    for part in parts:
        cell = part.kind == CELL_BLOCK
        column = f"cell.id.{part.place}" if cell else _COLUMN[part.kind]
        line[column] = part.ident
        line |= {**_aliases(part.aliases), **_origin(column, origins.get(part.id))}
    return line


def _origin(column: str, known: Mapping[str, str] | None) -> ExportLine:
    return origin_fields(column, known) if known else {}


def _numbers(assemblies: Sequence[Entry], parts: Mapping[int, Parts]) -> list[int]:
    inside = (part.id for assembly in assemblies for part in parts.get(assembly.id, ()))
    return [*(assembly.id for assembly in assemblies), *inside]


def _aliases(aliases: Sequence[str]) -> Mapping[str, str]:
    return {alias_column(n): alias for n, alias in enumerate(aliases, 1)}


def _number(number: int | None) -> str:
    return "" if number is None else str(number)
