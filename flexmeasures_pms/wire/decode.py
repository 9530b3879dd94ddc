"""Decode a request body of any supported type, encoding and age."""

from __future__ import annotations

import gzip
import io
import zlib
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_BE
from dataclasses import replace

from flexmeasures_pms.catalogue.asset_types import DatasetName
from flexmeasures_pms.errors import (
    BodyTooLarge,
    Problem,
    UnreadableBody,
    UnsupportedBody,
    WireError,
)
from flexmeasures_pms.wire.csv_body import decode_csv
from flexmeasures_pms.wire.json_body import decode_json
from flexmeasures_pms.wire.notes import notes
from flexmeasures_pms.wire.samples import Decoded, Limits

JSON = "application/json"
CSV = "text/csv"


def decode(
    body: bytes,
    *,
    dataset: DatasetName,
    content_type: str = JSON,
    content_encoding: str = "",
    limits: Limits,
) -> Decoded:
    """Decode a request body into samples.

    A sample that can't be used is returned with its problems; only a body that can't be
    told apart into samples is refused.

    :raises UnsupportedBody: another content type, charset or encoding.
    :raises UnreadableBody: not gzip, text, JSON or CSV.
    :raises MisshapenBody: without the shape of ``datasets``, or without the columns.
    :raises BodyTooLarge: beyond one of the limits.
    """
    kind = _kind(content_type, dataset)
    text = _utf8(_decompressed(_within(body, limits), content_encoding, limits))
    try:
        decoded = decode_csv(text, limits) if kind == CSV else decode_json(text, dataset, limits)
    except WireError as error:
        error.size = len(text)
        raise
    warnings = _each_once(decoded.warnings) + notes(decoded.samples)
    return replace(decoded, warnings=warnings, size=len(text))


def _kind(content_type: str, dataset: DatasetName) -> str:
    kind, _, parameters = content_type.partition(";")
    kind = kind.strip().lower()
    readable = (JSON, CSV) if dataset == "pms" else (JSON,)
    if kind not in readable:
        raise UnsupportedBody(
            f"The content type {kind[:40]!r} is not supported for {dataset}. "
            f"Send {' or '.join(readable)}."
        )
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        charset = value.strip().strip('"').lower()
        if name.strip().lower() == "charset" and charset not in ("utf-8", "utf8", "us-ascii"):
            raise UnsupportedBody(f"The charset {charset[:40]!r} is not supported. Send UTF-8.")
    return kind


def _decompressed(body: bytes, content_encoding: str, limits: Limits) -> bytes:
    encoding = content_encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "x-gzip"):
        raise UnsupportedBody(
            f"The content encoding {encoding[:40]!r} is not supported. Send gzip or none."
        )
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as stream:
            # One byte more than allowed distinguishes too large from just small enough.
            return _within(stream.read(limits.bytes + 1), limits, " after decompression")
    except (OSError, EOFError, zlib.error) as fault:
        raise UnreadableBody(f"The body is not gzip: {fault}. Nothing was read.") from None


def _within(body: bytes, limits: Limits, when: str = "") -> bytes:
    if len(body) > limits.bytes:
        error = BodyTooLarge(
            f"The body is larger than {limits.bytes} bytes{when}. Send it in several requests."
        )
        error.size = len(body)
        raise error
    return body


def _utf8(body: bytes) -> bytes:
    """Return UTF-8 text without its byte order mark; U+FFFD stands for what is no UTF-8.

    :raises UnreadableBody: for UTF-16 and UTF-32.
    """
    if body.startswith((BOM_UTF16_LE, BOM_UTF16_BE, BOM_UTF32_BE)):
        raise UnreadableBody("The body is not UTF-8 text but UTF-16 or UTF-32. Send UTF-8.")
    try:
        body.decode()
    except UnicodeDecodeError:
        body = body.decode(errors="replace").encode()
    return body.removeprefix(BOM_UTF8)


def _each_once(warnings: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """Return warnings without the repeated ones: a status is often that of all samples."""
    first: dict[str | int, Problem] = {}
    for i, warning in enumerate(warnings):
        first.setdefault(warning.message if warning.code == "unknown_status" else i, warning)
    return tuple(first.values())
