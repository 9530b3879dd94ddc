"""Rows of PostgreSQL in its binary format: arrays are read without looking at each element."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from struct import Struct
from typing import Any

import numpy as np
import numpy.typing as npt
from flexmeasures.data import db

_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)  # and flags, and the length of what extends it
FIRST_ROW = len(_SIGNATURE)
"""Where the first row of :func:`copied` begins."""

_NULL = b"\xff" * 4
# PostgreSQL's numbers of its types.
_TYPES = {"int16": 21, "int32": 23, "int64": 20, "float64": 701}
_SHORT, _LONG = Struct(">h"), Struct(">i")
_ARRAY_HEAD = 20
_ELEMENTS = {2: ">i2", 4: ">i4", 8: ">i8"}


def copied(query: str, arguments: Sequence[Any]) -> bytes:
    """Return what a query returns as PostgreSQL's binary COPY."""
    cursor = db.session.connection().connection.cursor()
    file = BytesIO()
    statement = cursor.mogrify(query, arguments).decode()
    cursor.copy_expert(f"COPY ({statement}) TO STDOUT (FORMAT binary)", file)
    return file.getvalue()


def rows(data: bytes) -> Iterator[list[bytes | None]]:
    """Yield the fields of each row of :func:`copied`."""
    at = FIRST_ROW
    while (count := _SHORT.unpack_from(data, at)[0]) >= 0:
        at += _SHORT.size
        fields: list[bytes | None] = []
        for _ in range(count):
            size = _LONG.unpack_from(data, at)[0]
            at += _LONG.size
            fields.append(None if size < 0 else data[at : at + size])
            at += max(size, 0)
        yield fields


def whole(field: bytes) -> int:
    """Return a whole number of any width."""
    return int.from_bytes(field, signed=True)


def integers(field: bytes, width: int) -> npt.NDArray[Any]:
    """Return an array of whole numbers without NULL.

    :param width: bytes of each.
    """
    return _elements(field, _ELEMENTS[width])


def doubles(field: bytes) -> npt.NDArray[np.float64]:
    """Return an array of doubles without NULL."""
    return _elements(field, ">f8")


def _elements(field: bytes, kind: str) -> npt.NDArray[Any]:
    element = np.dtype([("size", ">i4"), ("value", kind)])
    # An empty array has no dimensions, and so a shorter head.
    found = np.frombuffer(field[_ARRAY_HEAD:], dtype=element)["value"]
    return found.astype(found.dtype.newbyteorder("="))


def put(target: str, table: Iterable[Sequence[bytes | None]]) -> None:
    """Copy rows into a table.

    :param target: its name and columns, as COPY takes them.
    :param table: fields of each row, from :func:`field` and :func:`array_field`.
    """
    text = [_SIGNATURE]
    for row in table:
        text.append(_SHORT.pack(len(row)))
        for value in row:
            text.append(_NULL if value is None else _LONG.pack(len(value)) + value)
    text.append(_SHORT.pack(-1))
    cursor = db.session.connection().connection.cursor()
    cursor.copy_expert(f"COPY {target} FROM STDIN (FORMAT binary)", BytesIO(b"".join(text)))


def field(value: int, width: int = 4) -> bytes:
    """Return a whole number as a field.

    :param width: its bytes in the table.
    """
    return value.to_bytes(width, signed=True)


def array_field(values: npt.NDArray[Any]) -> bytes:
    """Return an array of whole numbers, or of doubles, as a field; NULL is not possible."""
    kind = values.dtype.newbyteorder(">")
    elements = np.empty(len(values), dtype=[("size", ">i4"), ("value", kind)])
    elements["size"], elements["value"] = kind.itemsize, values
    dimensions = (len(values), 1) if len(values) else ()
    head = (len(dimensions) // 2, 0, _TYPES[values.dtype.name], *dimensions)
    return b"".join(map(_LONG.pack, head)) + elements.tobytes()
