"""Looking through an organisation's registry a page at a time, however much there is in it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from flexmeasures.data import db

from flexmeasures_pms import identifiers
from flexmeasures_pms.registry.kinds import LOCATED, PART_KINDS
from flexmeasures_pms.registry.queries.search import Found, search
from flexmeasures_pms.registry.tables import alias, installation, trackable

LOOKED_AT = 5000


@dataclass(frozen=True, slots=True)
class Listed:
    """One page of a list.

    :param after: what to ask for the next page with; None on the last.
    """

    found: tuple[Found, ...]
    after: str | None


def not_installed(
    account_id: int,
    kind: str,
    at: datetime,
    *,
    after: str = "",
    count: int = 50,
    usable: bool = False,
    everywhere: bool = False,
) -> Listed:
    """Return things of a kind that are in nothing at a time, in the order of their ids.

    Where nearly all are installed, a page has fewer than ``count``, or none, and more may
    follow: no more than :data:`LOOKED_AT` are looked at for one.

    :param after: where the page before ended.
    :param usable: only those that are not retired.
    :param everywhere: also those that are in something.
    """
    t = trackable.c
    near = (
        sa.select(t.account_id, t.id, t.kind, t.ident, t.retired_at, t.ident_key)
        .where(t.account_id == account_id, t.kind == kind, t.ident_key > after)
        .order_by(t.ident_key)
        .limit(LOOKED_AT)
        .subquery()
    )
    query = sa.select(near).order_by(near.c.ident_key).limit(count + 1)
    if kind in PART_KINDS and not everywhere:
        here = installation.c.part_id == near.c.id
        query = query.where(~sa.exists().where(here, _holds(installation, at)))
    if usable:
        query = query.where(sa.func.coalesce(near.c.retired_at > at, sa.true()))
    rows = db.session.execute(query).all()
    found = tuple(Found(*row[:5]) for row in rows[:count])
    if len(rows) > count:
        return Listed(found, rows[count - 1].ident_key)
    looked_at = sa.select(sa.func.count(), sa.func.max(near.c.ident_key))
    number, last = db.session.execute(looked_at).one()
    return Listed(found, last if number == LOOKED_AT else None)


def ever_installed(numbers: Collection[int]) -> frozenset[int]:
    """Return those of some things that are, were or are going to be installed in something."""
    i = installation.c
    query = sa.select(i.part_id).where(i.part_id.in_(numbers), sa.func.upper_inf(i.known))
    return frozenset(db.session.scalars(query)) if numbers else frozenset()


def registered_kinds(account_id: int) -> frozenset[str]:
    """Return the kinds of which an organisation has registered anything."""
    t = trackable.c
    kinds = sa.select(t.kind).where(t.account_id == account_id).distinct()
    return frozenset(db.session.scalars(kinds))


def of_kind(account_id: int, kind: str, at: datetime, *, count: int) -> tuple[str, ...]:
    """Return the ids of all things of a kind that are in use at a time, in their order."""
    t = trackable.c
    in_use = t.retired_at.is_(None) | (t.retired_at > at)
    query = sa.select(t.ident).where(t.account_id == account_id, t.kind == kind, in_use)
    return tuple(db.session.scalars(query.order_by(t.ident_key).limit(count)))


def only_timezone(account_id: int) -> str | None:
    """Return the timezone of an organisation's devices if it is but one."""
    t = trackable.c
    zones = sa.select(t.timezone).where(
        t.account_id == account_id, t.kind.in_(LOCATED), t.timezone.is_not(None)
    )
    found = list(db.session.scalars(zones.distinct().limit(2)))
    return found[0] if len(found) == 1 else None


def cases_below(ids: Collection[int], at: datetime) -> dict[int, int]:
    """Return how many cases are in each PMS at a time, in its cabinets or directly.

    :param ids: the PMSes' numbers.
    """
    above, docked = installation.alias("above"), installation.alias("docked")
    directly = sa.select(docked.c.assembly_id.label("pms")).where(
        docked.c.assembly_id.in_(ids), docked.c.slot == "dock", _holds(docked, at)
    )
    in_cabinets = (
        sa.select(above.c.assembly_id.label("pms"))
        .join_from(above, docked, docked.c.assembly_id == above.c.part_id)
        .where(above.c.assembly_id.in_(ids), above.c.slot == "cabinet", _holds(above, at))
        .where(docked.c.slot == "dock", _holds(docked, at))
    )
    cases = sa.union_all(directly, in_cabinets).subquery()
    query = sa.select(cases.c.pms, sa.func.count()).group_by(cases.c.pms)
    return dict(db.session.execute(query).tuples().all())


def matching(account_id: int, text: str, *, count: int = 50) -> tuple[Found, ...]:
    """Return what an id or alias names; where it names nothing, what has it in its id."""
    text = identifiers.clean(text)
    if not text:
        return ()
    return tuple(search(text, account_id=account_id)) or containing([account_id], text, count=count)


def containing(account_ids: Collection[int], text: str, *, count: int) -> tuple[Found, ...]:
    """Return what has a text in its id or in an alias, as ids are compared.

    What it names exactly comes first, then the others in the order of their ids.

    :param count: the most that is returned.
    """
    text = identifiers.clean(text)
    if not text:
        return ()
    t, a = trackable.c, alias.c
    keys = {identifiers.key(text), identifiers.board_key(text)}
    aliased = sa.select(a.trackable_id).where(a.account_id.in_(account_ids))
    exactly = t.ident_key.in_(keys) | t.id.in_(aliased.where(a.alias_key.in_(keys)))
    query = (
        sa.select(t.account_id, t.id, t.kind, t.ident, t.retired_at)
        .where(t.account_id.in_(account_ids))
        .where(
            _any_contains(t.ident_key, keys)
            | t.id.in_(aliased.where(_any_contains(a.alias_key, keys)))
        )
        .order_by(exactly.desc(), t.ident_key, t.id)
        .limit(count)
    )
    return tuple(Found(*row) for row in db.session.execute(query))


def _any_contains(column: sa.ColumnElement[str], keys: Collection[str]) -> sa.ColumnElement[bool]:
    return sa.or_(*(column.contains(key, autoescape=True) for key in keys))


def _holds(rows: sa.FromClause, at: datetime) -> sa.ColumnElement[bool]:
    moment = sa.literal(at, sa.DateTime(timezone=True))
    return sa.and_(sa.func.upper_inf(rows.c.known), rows.c.valid.op("@>")(moment))
