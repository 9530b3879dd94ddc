"""Reading parts of an organisation's registry: a few rows by their keys, in one statement."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from flexmeasures.data import db
from msgspec.structs import replace
from sqlalchemy.dialects.postgresql import ARRAY

from flexmeasures_pms.registry import unpublished
from flexmeasures_pms.registry.directory import Entry, Name, VersionLock
from flexmeasures_pms.registry.kinds import BOARD
from flexmeasures_pms.registry.tables import (
    alias,
    installation,
    registry_change,
    trackable,
    transaction,
)
from flexmeasures_pms.registry.timeline import FOREVER, SINCE_EVER, Installation, Rows


@dataclass(frozen=True, slots=True)
class RegistryState:
    """The state of an organisation's registry at a moment.

    :param version: 0 while it is empty.
    :param own: whether the transaction that asks may have made this version itself.
    :param owned: those of the assets asked for that exist and are the organisation's.
    """

    version: int
    own: bool
    owned: frozenset[int]


@dataclass(frozen=True, slots=True)
class KnownTrackable:
    """A trackable, and where it was installed, in order of time."""

    entry: Entry
    rows: Rows


# What a transaction wrote has its number or a later one: that of a savepoint in it.
_STATE = """
    SELECT version, txid_current_if_assigned() IS NOT NULL AND age(v.xmin) <= 0,
      ARRAY(SELECT id FROM generic_asset WHERE account_id = :account AND id = ANY (:assets))
    FROM pms_registry_version v WHERE account_id = :account"""
_LOCKS: Mapping[VersionLock | None, str] = {
    None: "",
    "read": " FOR SHARE OF v",
    "change": " FOR NO KEY UPDATE OF v",
}
_STATES = {
    lock: sa.text(_STATE + words).bindparams(sa.bindparam("assets", type_=ARRAY(sa.Integer)))
    for lock, words in _LOCKS.items()
}
# An empty registry has no version to lock.
_FIRST_VERSION = sa.text("""
    INSERT INTO pms_registry_version (account_id, version, changed_at)
    VALUES (:account, 0, to_timestamp(0)) ON CONFLICT DO NOTHING""")


def state(
    account_id: int, assets: Iterable[int] = (), lock: VersionLock | None = None
) -> RegistryState:
    """Return the registry's state, and which of some assets are the organisation's.

    An asset can be deleted or handed to another organisation in FlexMeasures, behind the
    registry's back: so that is asked anew each time.

    :param lock: how to lock the version until the transaction ends.
    """
    values = {"account": account_id, "assets": list(assets)}
    row = db.session.execute(_STATES[lock], values).one_or_none()
    if row is None and lock is not None:
        db.session.execute(_FIRST_VERSION, {"account": account_id})
        row = db.session.execute(_STATES[lock], values).one_or_none()
    changed = bool(unpublished.of(account_id))
    if row is None:
        return RegistryState(0, changed, frozenset())
    return RegistryState(row[0], changed or row[1], frozenset(row[2]))


def changed_since(account_id: int, version: int) -> list[int]:
    """Return the trackables that changed, or that something was put in, after a version."""
    c = registry_change.c
    query = sa.select(c.trackable_id).where(c.account_id == account_id, c.version > version)
    return list(db.session.scalars(query))


def numbers(
    account_id: int, names: Collection[Name], known_at: datetime | None = None
) -> dict[Name, int]:
    """Return the numbers that ids have, by kind and compared id; boards by aliases too."""
    kinds, keys = [kind for kind, _ in names], [key for _, key in names]
    asked = (
        sa.func.unnest(_texts(kinds), _texts(keys))
        .table_valued("kind", "ident_key")
        .render_derived()
    )
    t, a = trackable.c, alias.c
    by_ident = (
        sa.select(t.kind, t.ident_key, t.id)
        .join(asked, sa.and_(asked.c.kind == t.kind, asked.c.ident_key == t.ident_key))
        .where(t.account_id == account_id, _created(trackable, known_at))
    )
    boards = [key for kind, key in names if kind == BOARD]
    by_alias = sa.select(sa.literal(BOARD), a.alias_key, a.trackable_id).where(
        a.account_id == account_id, a.alias_key == sa.any_(_texts(boards))
    )
    by_alias = by_alias.where(_created(alias, known_at))
    query = sa.union_all(by_ident, by_alias) if boards else by_ident
    return {(kind, key): number for kind, key, number in db.session.execute(query)}


def things(
    account_id: int, ids: Collection[int], known_at: datetime | None = None
) -> dict[int, KnownTrackable]:
    """Return trackables with where they were, by their number."""
    t, i = trackable.c, installation.c
    query = (
        sa.select(*(ENTRY if known_at is None else _entry_then(known_at)), *ROW)
        .outerjoin(installation, sa.and_(i.part_id == t.id, believed(known_at)))
        .where(t.account_id == account_id, t.id == sa.any_(_numbers(ids)))
        .where(_created(trackable, known_at))
        .order_by(t.id, sa.func.lower(i.valid).asc().nulls_first())
    )
    entries: dict[int, Entry] = {}
    rows: dict[int, list[Installation]] = defaultdict(list)
    for row in db.session.execute(query):
        entry = entries.setdefault(row[0], as_entry(row[: len(ENTRY)]))
        if row[len(ENTRY)] is not None:
            rows[entry.id].append(as_installation(row[len(ENTRY) :]))
    known = {n: KnownTrackable(entry, tuple(rows.get(n, ()))) for n, entry in entries.items()}
    return known if known_at is None else {n: _in_use_again(one) for n, one in known.items()}


def inside(
    account_id: int, ids: Collection[int], known_at: datetime | None = None
) -> dict[int, Rows]:
    """Return what was installed in assemblies, in order of time."""
    i = installation.c
    query = (
        sa.select(*ROW)
        .where(i.account_id == account_id, i.assembly_id == sa.any_(_numbers(ids)))
        .where(believed(known_at))
        .order_by(sa.func.lower(i.valid).asc().nulls_first(), i.id)
    )
    found: dict[int, list[Installation]] = {n: [] for n in ids}
    for row in db.session.execute(query):
        found[row.assembly_id].append(as_installation(row))
    return {n: tuple(rows) for n, rows in found.items()}


def aliases(account_id: int, board_id: int, known_at: datetime | None = None) -> tuple[str, ...]:
    """Return a board's aliases, in the order in which they were registered."""
    c = alias.c
    query = sa.select(c.alias).where(c.account_id == account_id, c.trackable_id == board_id)
    return tuple(db.session.scalars(query.where(_created(alias, known_at)).order_by(c.id)))


def of_kinds(account_id: int, kinds: Iterable[str]) -> list[Entry]:
    """Return all that is registered of some kinds, by kind and id."""
    t = trackable.c
    query = (
        sa.select(*ENTRY)
        .where(t.account_id == account_id, t.kind.in_(list(kinds)))
        .order_by(t.kind, t.ident)
    )
    return [as_entry(row) for row in db.session.execute(query)]


def believed(known_at: datetime | None) -> sa.ColumnElement[bool]:
    """Return the condition for installations that are believed, now or at a moment."""
    known = installation.c.known
    if known_at is None:
        return sa.func.upper_inf(known)
    return known.op("@>")(sa.literal(known_at, sa.DateTime(True)))


def as_entry(row: Sequence[Any]) -> Entry:
    """Return a trackable from its columns as :data:`ENTRY` has them."""
    entry = Entry(*row)
    if entry.retired_at is None:
        return entry
    return replace(entry, retired_at=entry.retired_at.astimezone(UTC))


def as_installation(row: Any) -> Installation:
    """Return an installation from its columns as :data:`ROW` has them."""
    part_id, assembly_id, slot, place, begin, end, id_ = row
    return Installation(
        part_id, assembly_id, slot, place, _utc(begin, SINCE_EVER), _utc(end, FOREVER), id_
    )


ENTRY = tuple(trackable.c[name] for name in Entry.__struct_fields__)
ROW = (
    installation.c.part_id,
    installation.c.assembly_id,
    installation.c.slot,
    installation.c.place,
    sa.func.lower(installation.c.valid),
    sa.func.upper(installation.c.valid),
    installation.c.id,
)


def _entry_then(known_at: datetime) -> tuple[sa.ColumnElement[Any], ...]:
    """Return the columns of trackables, with since when they were known to be retired."""
    c = transaction.c
    retired_at = (
        sa.select(sa.case((c.verb == "retired", c.effective_at)))
        .where(c.trackable_id == trackable.c.id, c.verb.in_(("retired", "revived")))
        .where(c.recorded_at <= known_at)
        .order_by(c.id.desc())
        .limit(1)
    )
    return (*ENTRY[:-1], retired_at.scalar_subquery())


def _in_use_again(known: KnownTrackable) -> KnownTrackable:
    """Return a trackable as in use if it was installed after it was retired.

    That was possible once, without a transaction that says so.
    """
    retired_at = known.entry.retired_at
    if retired_at is None or not any(row.end > retired_at for row in known.rows):
        return known
    return KnownTrackable(replace(known.entry, retired_at=None), known.rows)


def _created(table: sa.Table, known_at: datetime | None) -> sa.ColumnElement[bool]:
    return sa.true() if known_at is None else table.c.created_at <= known_at


def _utc(moment: datetime | None, unbounded: datetime) -> datetime:
    return unbounded if moment is None else moment.astimezone(UTC)


def _numbers(values: Collection[int]) -> sa.BindParameter[Any]:
    return sa.bindparam(None, list(values), type_=ARRAY(sa.BigInteger))


def _texts(values: Collection[str]) -> sa.BindParameter[Any]:
    return sa.bindparam(None, list(values), type_=ARRAY(sa.Text))
