"""Compress replies with gzip if the client accepts it: JSON of readings shrinks to a tenth."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator

from flask import Response, request

SMALLEST = 1_000
_LEVEL = 5
_GZIP = 31  # what zlib calls the format, with the largest window
_TEXT = frozenset(
    {
        *("application/json", "text/html", "text/css", "text/csv", "text/plain"),
        *("text/javascript", "application/javascript", "image/svg+xml"),
    }
)


def compressed(response: Response) -> Response:
    """Return a reply, compressed if the client accepts it and it is large enough.

    For ``Blueprint.after_request``. An ETag becomes a weak one: it identifies the content,
    not the bytes.
    """
    if request.method != "GET" or response.status_code != 200:
        return response
    if response.mimetype not in _TEXT or response.content_encoding:
        return response
    response.vary.add("Accept-Encoding")
    if request.accept_encodings.quality("gzip") <= 0:
        return response
    if response.is_streamed:
        return _streamed(response)
    response.direct_passthrough = False
    body = response.get_data()
    if len(body) < SMALLEST:
        return response
    response.set_data(gzip.compress(body, _LEVEL, mtime=0))
    response.content_encoding = "gzip"
    tag, _weak = response.get_etag()
    if tag:
        response.set_etag(tag, weak=True)
    return response


def _streamed(response: Response) -> Response:
    """Compress what is sent as it is made, block by block."""
    response.response = _compressing(response.response)
    response.content_encoding = "gzip"
    return response


def _compressing(blocks: Iterable[bytes | str]) -> Iterator[bytes]:
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    for block in blocks:
        yield packer.compress(block.encode() if isinstance(block, str) else block)
    yield packer.flush()
