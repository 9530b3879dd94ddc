"""Decode a request body of any supported type, encoding and age."""

from __future__ import annotations

import gzip
import io
import zlib
from dataclasses import replace

from flexmeasures_pms.catalogue.asset_types import DatasetName
from flexmeasures_pms.errors import BodyTooLarge, UnreadableBody, UnsupportedBody
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
    read as a whole is refused.

    :raises UnsupportedBody: another content type, charset or encoding.
    :raises UnreadableBody: not gzip, UTF-8 text, JSON or CSV.
    :raises MisshapenBody: without the shape of ``datasets``, or without the columns.
    :raises BodyTooLarge: beyond one of the limits.
    """
    kind = _kind(content_type, dataset)
    text = _utf8(_decompressed(_within(body, limits), content_encoding, limits))
    decoded = decode_csv(text, limits) if kind == CSV else decode_json(text, dataset, limits)
    return replace(decoded, warnings=decoded.warnings + notes(decoded.samples))


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
        raise BodyTooLarge(
            f"The body is larger than {limits.bytes} bytes{when}. Send it in several requests."
        )
    return body


def _utf8(body: bytes) -> bytes:
    """Return UTF-8 text without its byte order mark."""
    try:
        body.decode()
    except UnicodeDecodeError as fault:
        raise UnreadableBody(f"The body is not UTF-8 text (byte {fault.start}).") from None
    return body.removeprefix(b"\xef\xbb\xbf")
