"""All that an organisation has registered, a page at a time, in the order of kinds and ids."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from flexmeasures.data import db

from flexmeasures_pms import identifiers
from flexmeasures_pms.registry.queries.search import Found
from flexmeasures_pms.registry.tables import alias, trackable

PageEnd = tuple[str, str]
"""Where a page ended: the kind and the compared id of the last thing on it."""


@dataclass(frozen=True, slots=True)
class ListedPage:
    """Some of what is registered.

    :param after: what to ask for the next page with; None on the last.
    """

    found: tuple[Found, ...]
    after: PageEnd | None


def listed(
    account_id: int, *, kind: str | None, text: str, after: PageEnd | None, count: int
) -> ListedPage:
    """Return things of an organisation, in the order of their kinds and ids.

    :param kind: only of this kind.
    :param text: only those that have it in their id or an alias, as ids are compared.
    """
    t = trackable.c
    query = (
        sa.select(t.account_id, t.id, t.kind, t.ident, t.retired_at, t.ident_key)
        .where(t.account_id == account_id)
        .order_by(t.kind, t.ident_key)
        .limit(count + 1)
    )
    if kind is not None:
        query = query.where(t.kind == kind)
    if text := identifiers.clean(text):
        query = query.where(_has(account_id, text))
    if after is not None:
        query = query.where(sa.tuple_(t.kind, t.ident_key) > sa.tuple_(*map(sa.literal, after)))
    rows = db.session.execute(query).all()
    last = rows[count - 1] if len(rows) > count else None
    found = tuple(Found(*row[:5]) for row in rows[:count])
    return ListedPage(found, None if last is None else (last.kind, last.ident_key))


def _has(account_id: int, text: str) -> sa.ColumnElement[bool]:
    t, a = trackable.c, alias.c
    keys = {identifiers.key(text), identifiers.board_key(text)}
    aliased = sa.select(a.trackable_id).where(
        a.account_id == account_id,
        sa.or_(*(a.alias_key.contains(key, autoescape=True) for key in keys)),
    )
    inside = (t.ident_key.contains(key, autoescape=True) for key in keys)
    return sa.or_(*inside, t.id.in_(aliased))
