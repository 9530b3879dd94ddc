"""CSRF tokens: they show that a form was sent from our own page.

FlexMeasures installs no such protection, and browsers send the session cookie with requests
that other sites trigger. Every request to a page that may change something is checked before
its view is called.
"""

from __future__ import annotations

from flask import request
from flask_wtf.csrf import generate_csrf, validate_csrf
from markupsafe import Markup
from werkzeug.exceptions import BadRequest
from wtforms import ValidationError

from flexmeasures_pms.ui.language.words import _

FIELD, HEADER = "csrf_token", "X-CSRF-Token"
_HARMLESS = frozenset({"GET", "HEAD", "OPTIONS"})


def field() -> Markup:
    """Return the hidden field of every form."""
    return Markup('<input type="hidden" name="{}" value="{}">').format(FIELD, generate_csrf())


def require() -> None:
    """Refuse a request that may change something and has no valid token.

    :raises BadRequest: saying what to do.
    """
    if request.method in _HARMLESS:
        return
    try:
        validate_csrf(request.form.get(FIELD) or request.headers.get(HEADER))
    except ValidationError as error:
        raise BadRequest(
            _("This form has expired, or was sent from another site. Open it again.")
        ) from error
