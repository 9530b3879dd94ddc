"""Rows for the plugin's tables at any revision, as far as their columns say what fits.

It needs SQLAlchemy only: `tools/hosting` fills tables of an installed plugin with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from itertools import count
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

ROWS = 2
NOON = "2026-03-01T12:00:00Z"
Columns = Mapping[str, str]
Rows = list[dict[str, Any]]

_numbers = count(1)
_VALUES: tuple[tuple[type[sa.types.TypeEngine[Any]], str], ...] = (
    (sa.Boolean, "true"),
    (sa.Integer, "{n}"),
    (sa.Numeric, "{n}"),
    (sa.DateTime, NOON),
    (sa.Date, NOON[:10]),
    (pg.TSTZRANGE, f"[{NOON},)"),
    (sa.Uuid, "00000000-0000-0000-0000-{n:012}"),
    (sa.ARRAY, "{{{n}}}"),
    (sa.LargeBinary, "bytes {n}"),
    (sa.JSON, '{{"number": {n}}}'),
    (sa.Text, "text {n}"),
)


@dataclass(frozen=True, slots=True)
class Table:
    """A table as the database has it.

    :param columns: SQL types of the columns that a row has to name.
    :param references: the tables that columns refer to.
    """

    columns: Mapping[str, sa.types.TypeEngine[Any]]
    references: Mapping[str, str]


def fill(connection: sa.Connection, account_id: int, source_id: int) -> dict[str, Rows]:
    """Add two rows to each table, as far as its keys allow; return all that there are."""
    tables = own_tables(connection)
    others = {"account": [account_id] * ROWS, "data_source": [source_id] * ROWS}
    newest: dict[str, list[int]] = dict(others)
    order = TopologicalSorter({name: set(t.references.values()) for name, t in tables.items()})
    for name in order.static_order():
        if name in tables:
            newest[name] = _insert(connection, name, tables[name], newest)
    return snapshot(connection)


def snapshot(connection: sa.Connection) -> dict[str, Rows]:
    """Return all rows of the plugin's tables."""
    return {
        name: list(connection.scalars(sa.text(f'SELECT to_jsonb(t) FROM "{name}" t')))
        for name in own_tables(connection)
    }


def own_tables(connection: sa.Connection) -> dict[str, Table]:
    inspector = sa.inspect(connection)
    found = {}
    for name in inspector.get_table_names():
        parts = ("pms_beliefs_", "pms_thinning_")
        other = name == "pms_alembic_version" or name.startswith(parts)
        if other or not name.startswith("pms_"):
            continue
        keys = inspector.get_foreign_keys(name)
        # Some tables name the organisation without a key that refers to it.
        references = {"account_id": "account"}
        references |= {key["constrained_columns"][0]: key["referred_table"] for key in keys}
        found[name] = Table(
            {
                column["name"]: column["type"]
                for column in inspector.get_columns(name)
                if column["default"] is None
                and not (column["nullable"] and column["name"] in references)
            },
            references,
        )
    return found


def lacking(before: Mapping[str, Rows], after: Mapping[str, Rows]) -> list[str]:
    """Return what became of rows, judged by the tables and columns that there still are."""
    faults = []
    for name, rows in before.items():
        if name not in after:
            continue
        left = list(after[name])
        for row in rows:
            same = [one for one in left if all(one[c] == row[c] for c in row.keys() & one.keys())]
            if same:
                left.remove(same[0])
            else:
                faults.append(f"{name}: {row}")
    return faults


def _insert(
    connection: sa.Connection, name: str, table: Table, newest: Mapping[str, list[int]]
) -> list[int]:
    ids = []
    for row in range(ROWS):
        values: dict[str, Any] = {}
        references = 0
        for column, type_ in table.columns.items():
            if column in table.references:
                values[column] = newest[table.references[column]][(row + references) % ROWS]
                references += table.references[column] in newest
            else:
                values[column] = _value(type_)
        columns = ", ".join(f'"{column}"' for column in values)
        given = ", ".join(
            f"CAST(CAST(:{column} AS text) AS {type_.compile(dialect=connection.dialect)})"
            for column, type_ in table.columns.items()
        )
        query = (
            f'INSERT INTO "{name}" ({columns}) VALUES ({given})'
            f' ON CONFLICT DO NOTHING RETURNING to_jsonb("{name}")'
        )
        made = connection.scalar(sa.text(query), values)
        if made and "id" in made:
            ids.append(made["id"])
    return ids


def _value(type_: sa.types.TypeEngine[Any]) -> str:
    for known, text in _VALUES:
        if isinstance(type_, known):
            return text.format(n=next(_numbers))
    raise TypeError(f"no value for {type_!r}")
