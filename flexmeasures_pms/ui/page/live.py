"""The live part of a page: the same template as in the page, requested repeatedly.

It is polled with an ETag rather than pushed: no worker is blocked, it works through any
proxy, and while nothing is new it costs a few bytes.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import msgspec
from flask import Response, render_template, request

from flexmeasures_pms.ui.language.words import language

PARAMETER = "live"


def is_asked() -> bool:
    """Whether the request is for the live part of a page only."""
    return PARAMETER in request.args


def part(template: str, shown: object, **context: Any) -> Response:
    """Return the live part of a page as JSON ``{"html": …}``, or 304 when nothing is new.

    :param shown: everything that the template shows, as dataclasses: the ETag is its hash.
    """
    said = msgspec.json.encode([language(), request.query_string.decode(), shown])
    response = Response(mimetype="application/json")
    response.set_etag(sha256(said).hexdigest()[:32])
    response.headers["Cache-Control"] = "no-store"  # the script keeps it, with its ETag
    response.vary.update(("Accept-Language", "Cookie"))
    known = request.if_none_match.contains_weak(response.get_etag()[0] or "")
    if not known:
        response.set_data(msgspec.json.encode({"html": render_template(template, **context)}))
    response.make_conditional(request)
    return response
