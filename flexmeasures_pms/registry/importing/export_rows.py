"""Reading what is installed where now, a part of a registry at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flexmeasures.data import db
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by

from flexmeasures_pms.registry.directory import Name
from flexmeasures_pms.registry.kinds import BUILT_IN, CABINET, CASE, PMS, SITE
from flexmeasures_pms.registry.loading.rows import ENTRY, ROW, as_entry, as_installation
from flexmeasures_pms.registry.loading.snapshot import Snapshot
from flexmeasures_pms.registry.master_tables import site
from flexmeasures_pms.registry.queries.sites import SiteFacts
from flexmeasures_pms.registry.tables import alias, installation, trackable
from flexmeasures_pms.registry.timeline import Installation, Rows

_STRUCTURE = (SITE, PMS, CABINET, CASE)
_COMPONENTS = tuple(kind for kind in BUILT_IN if kind not in _STRUCTURE)


@dataclass(frozen=True, slots=True)
class ExportedPart:
    """A part in its place, with a board's aliases."""

    id: int
    kind: str
    ident: str
    place: int | None
    aliases: tuple[str, ...]


Parts = Sequence[ExportedPart]


def structure(account_id: int, at: datetime) -> Snapshot:
    """Return an organisation's sites, PMSes, cabinets and cases with where they are at a time.

    What is retired then is left out, but for what still has something in it.
    """
    t = trackable.c
    query = sa.select(*ENTRY).where(t.account_id == account_id, t.kind.in_(_STRUCTURE))
    things = [as_entry(row) for row in db.session.execute(query)]
    i = installation.c
    query = (
        sa.select(*ROW)
        .join(trackable, t.id == i.part_id)
        .where(i.account_id == account_id, t.kind.in_(_STRUCTURE), _holds(at))
    )
    by_part: dict[int, Rows] = {}
    by_assembly: dict[int, list[Installation]] = defaultdict(list)
    for row in db.session.execute(query):
        installed = as_installation(row)
        by_part[installed.part_id] = (installed,)
        by_assembly[installed.assembly_id].append(installed)
    used = (e for e in things if e.id in by_assembly or not e.is_retired(at))
    entries = {entry.id: entry for entry in used}
    names: dict[Name, int] = {}
    aliases: dict[int, tuple[str, ...]] = {}
    inside = {number: tuple(rows) for number, rows in by_assembly.items()}
    return Snapshot(account_id, 0, entries, names, aliases, by_part, inside)


def parts_in(account_id: int, assemblies: Sequence[int], at: datetime) -> Mapping[int, Parts]:
    """Return the components in some assemblies at a time, by the assemblies' numbers."""
    t, i = trackable.c, installation.c
    wanted = sa.bindparam(None, list(assemblies), type_=ARRAY(sa.BigInteger))
    query = (
        sa.select(i.assembly_id, t.id, t.kind, t.ident, i.place, _aliases())
        .join(trackable, t.id == i.part_id)
        .where(i.account_id == account_id, i.assembly_id == sa.any_(wanted), _holds(at))
        .where(t.kind.in_(_COMPONENTS))
    )
    found: dict[int, list[ExportedPart]] = defaultdict(list)
    for assembly, number, kind, ident, place, aliases in db.session.execute(query):
        found[assembly].append(ExportedPart(number, kind, ident, place, tuple(aliases or ())))
    return found


def spare_parts(account_id: int, assemblies: Iterable[int], at: datetime) -> list[ExportedPart]:
    """Return the components that are in none of some assemblies at a time."""
    t, i = trackable.c, installation.c
    wanted = sa.bindparam(None, list(assemblies), type_=ARRAY(sa.BigInteger))
    inside = sa.exists().where(i.part_id == t.id, i.assembly_id == sa.any_(wanted), _holds(at))
    query = (
        sa.select(t.id, t.kind, t.ident, _aliases())
        .where(t.account_id == account_id, t.kind.in_(_COMPONENTS))
        .where(~inside)
        .where(sa.or_(t.retired_at.is_(None), t.retired_at > at))
        .order_by(t.kind, t.ident)
    )
    return [
        ExportedPart(number, kind, ident, None, tuple(aliases or ()))
        for number, kind, ident, aliases in db.session.execute(query)
    ]


def facts_of_sites(account_id: int) -> Mapping[int, SiteFacts]:
    """Return what is registered of the sites of an organisation, by their numbers."""
    c = site.c
    query = sa.select(c.trackable_id, c.address, c.contact).where(c.account_id == account_id)
    return {number: SiteFacts(*facts) for number, *facts in db.session.execute(query)}


def most_aliases(account_id: int) -> int:
    """Return how many aliases the board with the most has."""
    a = alias.c
    counts = (
        sa.select(sa.func.count().label("aliases"))
        .where(a.account_id == account_id)
        .group_by(a.trackable_id)
        .subquery()
    )
    return db.session.scalar(sa.select(sa.func.max(counts.c.aliases))) or 0


def _aliases() -> sa.ScalarSelect[Any]:
    a = alias.c
    names = sa.func.array_agg(aggregate_order_by(a.alias, a.id))
    return sa.select(names).where(a.trackable_id == trackable.c.id).scalar_subquery()


def _holds(at: datetime) -> sa.ColumnElement[bool]:
    i, moment = installation.c, sa.literal(at, sa.DateTime(timezone=True))
    return sa.and_(sa.func.upper_inf(i.known), i.valid.op("@>")(moment))
