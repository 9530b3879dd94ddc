"""Exported readings as files: CSV, and Parquet where pyarrow is installed."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from io import RawIOBase, StringIO
from typing import Any

import numpy as np

from flexmeasures_pms.errors import NotInstalled
from flexmeasures_pms.overview.export import Export, ExportPart
from flexmeasures_pms.storage.log.columns import ReadingArray

MIMETYPES: Mapping[str, str] = {
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
}
"""The media type of each format."""


def blocks(export: Export, file_format: str) -> Iterator[bytes]:
    """Yield a file block by block, each of them a day of a thing at most.

    :param file_format: one of :data:`MIMETYPES`.
    :raises NotInstalled: before the first one, if pyarrow is needed and not installed.
    """
    return _WRITERS[file_format](export)


def _csv(export: Export) -> Iterator[bytes]:
    yield _lines([export.header])
    for part in export.parts():
        times = np.datetime_as_string(part.times.astype("datetime64[ms]"), unit="ms").tolist()
        columns = [_texts(column) for column in part.readings]
        first = ((f"{time}Z", part.ident) for time in times)
        rows = zip(first, part.devices, zip(*columns, strict=True), strict=True)
        yield _lines([*one, device, *readings] for one, device, readings in rows)


def _lines(rows: Any) -> bytes:
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _texts(column: ReadingArray) -> list[object]:
    """Return readings as a CSV file has them: nothing for none, and 3 instead of 3.0."""
    found: list[object] = column.tolist()
    for n in np.flatnonzero(np.isnan(column)).tolist():
        found[n] = ""
    for n in np.flatnonzero(column == np.floor(column)).tolist():
        found[n] = int(column[n])
    return found


def _parquet(export: Export) -> Iterator[bytes]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise NotInstalled(
            "Parquet files need pyarrow, which is not installed: "
            "pip install 'flexmeasures-pms[parquet]', or take the format csv."
        ) from None
    return _row_groups(export, pyarrow, parquet)


def _row_groups(export: Export, arrow: Any, parquet: Any) -> Iterator[bytes]:
    text = arrow.dictionary(arrow.int32(), arrow.string())
    types = [arrow.timestamp("ms", "UTC"), text, text]
    types += [arrow.float64()] * len(export.names)
    schema = arrow.schema(list(zip(export.header, types, strict=True)))
    file = _Taken()
    with parquet.ParquetWriter(arrow.PythonFile(file, mode="w"), schema, compression="zstd") as new:
        for part in export.parts():
            new.write_table(arrow.table(_arrays(part, schema, arrow), schema=schema))
            yield file.take()
    yield file.take()


def _arrays(part: ExportPart, schema: Any, arrow: Any) -> list[Any]:
    times = arrow.array(part.times.astype("datetime64[ms]")).cast(schema.types[0])
    texts = ([part.ident] * len(part.times), part.devices)
    readings = (arrow.array(column, mask=np.isnan(column)) for column in part.readings)
    return [times, *(arrow.array(one).dictionary_encode() for one in texts), *readings]


class _Taken(RawIOBase):
    """A file of which what was written is taken away."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        self._size += len(data)
        return len(data)

    def _position(self) -> int:
        return self._size

    tell = _position

    def take(self) -> bytes:
        """Return what was written since the last time."""
        found, self._parts = b"".join(self._parts), []
        return found


_WRITERS: Mapping[str, Callable[[Export], Iterator[bytes]]] = {"csv": _csv, "parquet": _parquet}
