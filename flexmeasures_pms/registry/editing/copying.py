"""Adding many rows to a table by COPY: a registry file has 30 rows for each of its lines."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
import psycopg2
import sqlalchemy as sa
from flexmeasures.data import db
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import DBAPIError

_BATCH = 5_000
_ESCAPED = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def copy(table: sa.Table, names: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Add rows to a table; each has a value for each of the named columns."""
    statement = f"COPY {table.name} ({', '.join(names)}) FROM STDIN"
    some: list[str] = []
    for row in rows:
        some.append("\t".join(map(_text, row)))
        if len(some) == _BATCH:
            _send(statement, some)
            some.clear()
    if some:
        _send(statement, some)


def _send(statement: str, lines: Sequence[str]) -> None:
    cursor = db.session.connection().connection.cursor()
    try:
        cursor.copy_expert(statement, io.StringIO("\n".join((*lines, ""))))
    except psycopg2.Error as error:
        raise DBAPIError.instance(statement, None, error, psycopg2.Error) from error


def _text(value: object) -> str:
    """Return a value as COPY reads it."""
    if value is None:
        return r"\N"
    if isinstance(value, str):
        return value.translate(_ESCAPED)
    if isinstance(value, dict):
        return msgspec.json.encode(value).decode().translate(_ESCAPED)
    if isinstance(value, Range):
        return f"[{_bound(value.lower)},{_bound(value.upper)})"
    return str(value)


def _bound(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat()
