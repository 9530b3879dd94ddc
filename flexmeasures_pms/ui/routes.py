"""The blueprint of the pages. The pages import it, never the other way round."""

from __future__ import annotations

from flask import Blueprint

STATIC = "/pms/static"

pms_ui = Blueprint(
    "pms_ui",
    "flexmeasures_pms.ui",
    static_folder="static",
    static_url_path=STATIC,
    template_folder="templates",
)
