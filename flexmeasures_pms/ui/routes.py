"""The blueprint of the pages. The pages import it, never the other way round."""

from __future__ import annotations

from flask import Blueprint

STATIC = "/pms/static"
MOST_BYTES = 2 << 20
"""The maximum size of a request body: the file of an import has at most half of it."""

pms_ui = Blueprint(
    "pms_ui",
    "flexmeasures_pms.ui",
    static_folder="static",
    static_url_path=STATIC,
    template_folder="templates",
)
