"""Compress replies with gzip if the client accepts it: JSON of readings shrinks to a tenth."""

from __future__ import annotations

import gzip

from flask import Response, request

SMALLEST = 1_000
_LEVEL = 5
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
