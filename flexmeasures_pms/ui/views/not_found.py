"""Every other URL below ``/pms``."""

from __future__ import annotations

from typing import NoReturn

from werkzeug.exceptions import NotFound

from flexmeasures_pms.ui.language.words import _
from flexmeasures_pms.ui.routes import pms_ui


@pms_ui.route("/pms/<path:rest>", methods=["GET", "POST"])
def nowhere(rest: str) -> NoReturn:
    """Answer 404 in the frame of the pages."""
    raise NotFound(_("There is no page {path}.", path=f"/pms/{rest[:80]}"))
