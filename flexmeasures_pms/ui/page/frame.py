"""Render a page in FlexMeasures' frame: base template, menu and colours, with our own headers."""

from __future__ import annotations

import secrets
from typing import Any

from flask import Response, current_app, g, request
from flexmeasures.ui.utils.view_utils import render_flexmeasures_template

from flexmeasures_pms.ui import files
from flexmeasures_pms.ui.language import figures, words
from flexmeasures_pms.ui.page import csrf, links, policy
from flexmeasures_pms.ui.page.access import organisations
from flexmeasures_pms.ui.page.counts import tab_counts

SECTIONS: tuple[tuple[str, str, str], ...] = (
    ("fleet", words.mark("Fleet"), ""),
    ("registry", words.mark("Registry"), "registry"),
    ("products", words.mark("Products"), "products"),
    ("completeness", words.mark("Completeness"), "completeness"),
    ("quarantine", words.mark("Quarantine"), "quarantine"),
    ("receipts", words.mark("Receipts"), "receipts"),
)  # fmt: skip
"""The pages of the second menu: name for ``active``, title, path below /pms."""

REFUSED = "pms/refused.html"
"""The page that says what went wrong."""
_YEAR = 365 * 24 * 3600


def page(template: str, *, active: str = "fleet", status: int = 200, **context: Any) -> Response:
    """Return a page.

    :param template: below ``templates/``, such as ``pms/fleet.html``; it extends
        ``pms/frame.html``.
    :param active: its section, see :data:`SECTIONS`.
    :param context: the template's variables. ``charts=True`` loads ECharts.
    """
    # A page that says what went wrong asks the database for nothing more.
    counts = {} if template == REFUSED else tab_counts()
    text = render_flexmeasures_template(
        template, active_page="pms", active_section=active, tab_counts=counts, **context
    )
    response = Response(text, status, mimetype="text/html")
    response.headers["Cache-Control"] = "private, no-cache"
    response.vary.update(("Accept-Language", "Cookie"))
    return response


def nonce() -> str:
    """Return the nonce of this response's own scripts."""
    if "pms_nonce" not in g:
        g.pms_nonce = secrets.token_urlsafe(16)
    found: str = g.pms_nonce
    return found


def context() -> dict[str, Any]:
    """Return the variables of every template of the plugin."""
    name = words.language()
    return {
        "_": words.gettext,
        "n_": words.ngettext,
        "language": name,
        "languages": words.LANGUAGES,
        "script_words": words.script_texts(name),
        "number": figures.number,
        "moment": figures.moment,
        "clock": figures.clock,
        "age": figures.age,
        "link": links,
        "static": files.url,
        "csrf_field": csrf.field,
        "csp_nonce": nonce(),
        "sections": SECTIONS,
        "organisations": organisations,
    }


def finish(response: Response) -> Response:
    """Add security headers to a response, and store the chosen language in a cookie."""
    policy.apply(response, nonce())
    if request.args.get(words.PARAMETER) in words.LANGUAGES:
        response.set_cookie(
            words.COOKIE,
            request.args[words.PARAMETER],
            max_age=_YEAR,
            path=links.ROOT,
            secure=bool(current_app.config.get("SESSION_COOKIE_SECURE")),
            httponly=True,
            samesite="Lax",
        )
    return response
