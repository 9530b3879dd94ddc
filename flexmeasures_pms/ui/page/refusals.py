"""Error pages: shown instead of the page that was requested."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter

from flask import Response, current_app, g, redirect, request, url_for
from flask_login import current_user
from flask_security.core import AnonymousUser
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import BadRequest, HTTPException
from werkzeug.wrappers import Response as BaseResponse

from flexmeasures_pms import deadline
from flexmeasures_pms.errors import SchemaError, StorageBusy
from flexmeasures_pms.serving import timeouts
from flexmeasures_pms.serving.control_characters import in_form, in_url
from flexmeasures_pms.serving.incoming import MOST_FIELDS
from flexmeasures_pms.serving.readiness import require_tables
from flexmeasures_pms.storage.session import abandon
from flexmeasures_pms.ui.language.words import _
from flexmeasures_pms.ui.page import links
from flexmeasures_pms.ui.page.frame import REFUSED, page
from flexmeasures_pms.ui.routes import MOST_BYTES, STATIC, pms_ui

SHOWN = (400, 403, 404, 405, 413, 415, 422, 429)
_SECONDS = 5.0
_USER = "_login_user"  # where Flask-Login keeps who the request is from
_nobody: Callable[[], object] = AnonymousUser


def log_in_first() -> BaseResponse | None:
    """Redirect a user who is not logged in to FlexMeasures' login page, and back afterwards."""
    if request.path.startswith(f"{STATIC}/") or current_user.is_authenticated:
        return None
    if error := timeouts.failure():
        return _unavailable(error)
    return redirect(url_for("security.login", next=links.same()))


def _http(error: HTTPException) -> Response:
    code = error.code or 500
    reason = error.description
    if code == 413:
        size = f"{MOST_BYTES >> 20} MiB"
        reason = _("The form is too large: it may have {fields} fields and {size}.",
                   fields=MOST_FIELDS, size=size)  # fmt: skip
    titles = {403: _("Access denied"), 404: _("Not found")}
    title = titles.get(code, _("Request failed"))
    return page(REFUSED, status=code, title=title, reason=reason)


def _begin_anew() -> None:
    """Let the error page have a little time of its own: its frame asks who the user is."""
    abandon()
    deadline.begin(_SECONDS)


def _unavailable(error: Exception) -> Response:
    _begin_anew()
    current_app.logger.error("A page was answered with 503: %s", error)
    if not _reader_is_there(error):
        setattr(g, _USER, _nobody())
    known = isinstance(error, SchemaError | StorageBusy)
    reason = str(error) if known else _("The database is not available. Try again later.")
    response = page(REFUSED, status=503, title=_("Temporarily unavailable"), reason=reason)
    response.headers["Retry-After"] = timeouts.RETRY_AFTER
    return response


def _reader_is_there(error: Exception) -> bool:
    """Whether the database can give what FlexMeasures' page frame shows of the user."""
    driver = getattr(error, "orig", error)
    answered = isinstance(error, SchemaError | StorageBusy) or getattr(driver, "pgcode", None)
    if not answered or _USER not in g:
        return False
    try:
        if current_user.is_authenticated:
            attrgetter("roles", "account.consultancy_account")(current_user)
    except (SQLAlchemyError, StorageBusy):
        abandon()
        return False
    return True


def _unforeseen(error: Exception) -> Response:
    # FlexMeasures' own handler would show the exception's text to the user.
    _begin_anew()
    current_app.logger.exception("A page failed with an unexpected error.", exc_info=error)
    reason = _("An unexpected error occurred. Try again later.")
    return page(REFUSED, status=500, title=_("Request failed"), reason=reason)


def refuse_control_characters() -> None:
    """Refuse a URL or form with control characters, before anything reads it.

    :raises BadRequest: saying where.
    """
    found = in_url() or (in_form() if request.method == "POST" else None)
    if found is None:
        return
    name, character = found
    if not name:
        raise BadRequest(_("The address has the control character {c}.", c=character))
    raise BadRequest(
        _("{name} has the control character {c}: remove it and try again.", name=name, c=character)
    )


def require_tables_for_changes() -> None:
    """Check the plugin's tables before anything is changed.

    :raises SchemaError: naming the command that fixes them.
    """
    if request.method == "POST":
        require_tables()


pms_ui.before_request(log_in_first)
for _code in SHOWN:
    pms_ui.register_error_handler(_code, _http)
for _kind in timeouts.FAILURES:
    pms_ui.register_error_handler(_kind, _unavailable)
pms_ui.register_error_handler(Exception, _unforeseen)
