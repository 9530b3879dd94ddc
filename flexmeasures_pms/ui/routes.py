"""The blueprint that the pages are on. It knows none of them: they know it."""

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
