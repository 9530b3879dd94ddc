"""Adding many rows to a table by COPY: a registry file has 30 rows for each of its lines."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import islice, repeat
from typing import Any

import msgspec
import psycopg2
import sqlalchemy as sa
from flexmeasures.data import db
from sqlalchemy.exc import DBAPIError

_BATCH = 5_000
_ESCAPED = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def copy(table: sa.Table, names: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Add rows to a table; each has a value for each of the named columns.

    A range is given as :func:`range_text`.
    """
    statement = f"COPY {table.name} ({', '.join(names)}) FROM STDIN"
    remaining = iter(rows)
    while some := list(islice(remaining, _BATCH)):
        columns = map(_column, zip(*some, strict=True))
        _send(statement, map("\t".join, zip(*columns, strict=True)))


def _column(values: tuple[object, ...]) -> Iterable[str]:
    """Return the values of one column as COPY reads them."""
    if values.count(values[0]) == len(values):  # as most columns are
        return repeat(_text(values[0]), len(values))
    return map(_text, values)


def _send(statement: str, lines: Iterable[str]) -> None:
    cursor = db.session.connection().connection.cursor()
    try:
        cursor.copy_expert(statement, io.StringIO("\n".join((*lines, ""))))
    except psycopg2.Error as error:
        raise DBAPIError.instance(statement, None, error, psycopg2.Error) from error


@lru_cache(maxsize=1024)
def range_text(begin: datetime | None, end: datetime | None) -> str:
    """Return a range of times as COPY reads it; None for no bound."""
    return f"[{_bound(begin)},{_bound(end)})"


def _bound(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat()


def _text(value: object) -> str:
    return _TEXTS.get(type(value), _other)(value)


def _null(_: None) -> str:
    return r"\N"


def _escaped(text: str) -> str:
    plain = text.isprintable() and "\\" not in text
    return text if plain else text.translate(_ESCAPED)


def _json(value: Mapping[str, object]) -> str:
    return _escaped(msgspec.json.encode(value).decode())


def _other(value: object) -> str:
    return _escaped(str(value))


# How COPY reads the values of each type.
_TEXTS: Mapping[type, Callable[[Any], str]] = {
    type(None): _null, str: _escaped, dict: _json, int: str, bool: str, float: str,
    datetime: datetime.isoformat,
}  # fmt: skip
