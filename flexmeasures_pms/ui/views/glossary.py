"""The glossary: what the words of the pages mean."""

from __future__ import annotations

from flask import Response

from flexmeasures_pms.ui.language.glossary import glossary
from flexmeasures_pms.ui.language.words import _, language
from flexmeasures_pms.ui.page.frame import page
from flexmeasures_pms.ui.routes import pms_ui


@pms_ui.get("/pms/glossary")
def show_glossary() -> Response:
    """Show all terms; ``#fet`` leads to one."""
    return page(
        "pms/glossary.html", active="glossary", title=_("Glossary"), terms=glossary(language())
    )
