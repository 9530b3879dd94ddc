"""Ids that nearly equal others: they differ by leading zeros, which spreadsheets drop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from flexmeasures.data import db
from sqlalchemy.dialects.postgresql import ARRAY

from flexmeasures_pms import identifiers
from flexmeasures_pms.registry.directory import Name
from flexmeasures_pms.registry.kinds import BOARD
from flexmeasures_pms.registry.tables import alias, trackable


def near_ids(account_id: int, names: Iterable[Name]) -> dict[Name, dict[str, str]]:
    """Return what is registered of the same kind and equal but for leading zeros.

    :param names: kinds with ids as they are compared.
    :returns: the registered ids, and aliases of boards, by their compared form; those of a name
        by its kind and :func:`~flexmeasures_pms.identifiers.without_zeros`.
    """
    found: dict[Name, dict[str, str]] = {}
    by_kind: dict[str, set[str]] = {}
    for kind, key in names:
        by_kind.setdefault(kind, set()).add(identifiers.without_zeros(key))
    for kind, wanted in by_kind.items():
        for key, ident in db.session.execute(_near(account_id, kind, sorted(wanted))):
            found.setdefault((kind, identifiers.without_zeros(key)), {})[key] = ident
    return found


def _near(account_id: int, kind: str, wanted: list[str]) -> sa.Executable:
    t, a = trackable.c, alias.c
    query = sa.select(t.ident_key, t.ident).where(
        t.account_id == account_id, t.kind == kind, _nearly(t.ident_key, wanted)
    )
    if kind != BOARD:
        return query
    aliases = sa.select(a.alias_key, a.alias).where(
        a.account_id == account_id, _nearly(a.alias_key, wanted)
    )
    return sa.union_all(query, aliases)


def _nearly(column: sa.ColumnElement[str], wanted: list[str]) -> sa.ColumnElement[bool]:
    """Return the condition for ids that are wanted but for zeros, in terms of an index."""
    exact = column == sa.any_(_texts(wanted))
    zeros = sa.and_(column >= "0", column < "1")
    return exact | (zeros & (sa.func.ltrim(column, "0") == sa.any_(_texts(wanted))))


def _texts(values: list[str]) -> sa.BindParameter[Any]:
    return sa.bindparam(None, values, type_=ARRAY(sa.Text))
