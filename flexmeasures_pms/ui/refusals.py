"""What a page says instead of what was asked for."""

from __future__ import annotations

from flask import Response, current_app, redirect, request, url_for
from flask_login import current_user
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from flexmeasures_pms.errors import SchemaError
from flexmeasures_pms.storage.session import abandon
from flexmeasures_pms.ui import links
from flexmeasures_pms.ui.frame import page
from flexmeasures_pms.ui.routes import STATIC, pms_ui
from flexmeasures_pms.ui.words import _

SHOWN = (400, 403, 404, 405, 413, 415, 422, 429)


def log_in_first() -> BaseResponse | None:
    """Send whoever is not logged in to FlexMeasures' login page, and from there back."""
    if request.path.startswith(f"{STATIC}/") or current_user.is_authenticated:
        return None
    return redirect(url_for("security.login", next=links.same()))


def _http(error: HTTPException) -> Response:
    code = error.code or 500
    titles = {403: _("Not for you"), 404: _("Not found")}
    title = titles.get(code, _("That did not work"))
    return page("pms/refused.html", status=code, title=title, reason=error.description)


def _unavailable(error: Exception) -> Response:
    abandon()
    current_app.logger.error("A page was answered with 503: %s", error)
    known = isinstance(error, SchemaError)
    reason = str(error) if known else _("The database can't be used just now. Try again later.")
    return page("pms/refused.html", status=503, title=_("Not now"), reason=reason)


def _unforeseen(error: Exception) -> Response:
    # FlexMeasures' own handler would show the exception's text to the reader.
    abandon()
    current_app.logger.exception("A page failed in a way that nobody foresaw.", exc_info=error)
    reason = _("Something went wrong here. Try again later.")
    return page("pms/refused.html", status=500, title=_("That did not work"), reason=reason)


pms_ui.before_request(log_in_first)
for _code in SHOWN:
    pms_ui.register_error_handler(_code, _http)
for _kind in (SchemaError, OperationalError):
    pms_ui.register_error_handler(_kind, _unavailable)
pms_ui.register_error_handler(Exception, _unforeseen)
