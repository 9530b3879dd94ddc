"""All changes of an organisation's registry in the order in which they became known.

Numbers are taken while the organisation's registry is locked, and the lock ends after the commit:
so whoever has read a number has been able to read all smaller ones of the organisation. One
statement reads both tables, so that it sees both as of one moment.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flexmeasures.data import db
from sqlalchemy.engine import Row

from flexmeasures_pms.registry.master_tables import master_transaction
from flexmeasures_pms.registry.tables import transaction


def changes(account_id: int, since: int, count: int) -> list[Row[Any]]:
    """Return changes with larger numbers than ``since``, in order of their numbers."""
    rows = sa.union_all(*(part.subquery().select() for part in _parts(account_id, since, count)))
    found = rows.subquery()
    return list(db.session.execute(sa.select(found).order_by(found.c.number).limit(count)))


def last_number(account_id: int) -> int:
    """Return the number of the last change of an organisation's registry; 0 if there is none."""
    last = (
        sa.select(sa.func.max(table.c.id)).where(table.c.account_id == account_id).scalar_subquery()
        for table in (transaction, master_transaction)
    )
    return db.session.scalar(sa.select(sa.func.greatest(*last))) or 0


def _parts(account_id: int, since: int, count: int) -> list[sa.Select[Any]]:
    t, m = transaction.c, master_transaction.c
    columns = (
        (
            t.id.label("number"), t.recorded_at, t.effective_at, t.author, t.verb, t.kind,
            t.trackable_id.label("record"), t.ident.label("id"), t.before, t.after, t.note,
            t.request_id, t.cause, t.code, t.person, t.document, t.details,
        ),
        (
            m.id.label("number"), m.recorded_at, _none(t.effective_at), m.author, m.verb, m.kind,
            m.record_id.label("record"), m.name.label("id"), m.before, m.after, m.note,
            m.request_id, *(_none(c) for c in (t.cause, t.code, t.person, t.document, t.details)),
        ),
    )  # fmt: skip
    return [
        sa.select(*chosen)
        .where(table.c.account_id == account_id, table.c.id > since)
        .order_by(table.c.id)
        .limit(count)
        for table, chosen in zip((transaction, master_transaction), columns, strict=True)
    ]


def _none(column: sa.Column[Any]) -> sa.Label[Any]:
    return sa.cast(sa.null(), column.type).label(column.name)
