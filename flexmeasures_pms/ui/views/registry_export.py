"""Download the registry as a file that can be imported, and a template of such a file."""

from __future__ import annotations

from flask import Response

from flexmeasures_pms.registry.importing.export import export
from flexmeasures_pms.registry.importing.template import template
from flexmeasures_pms.ui.language.words import language
from flexmeasures_pms.ui.page.access import one_organisation
from flexmeasures_pms.ui.routes import pms_ui


@pms_ui.get("/pms/registry/export.csv")
def registry_export() -> Response:
    """Send the registry to whoever may see it."""
    return _file("registry.csv", export(one_organisation().id, _delimiter()))


@pms_ui.get("/pms/registry/template.csv")
def registry_template() -> Response:
    """Send a file with all columns and an example."""
    one_organisation()
    return _file("registry-template.csv", template(_delimiter()))


def _delimiter() -> str:
    """Return what spreadsheets expect between fields, in the country of the reader's language."""
    return ";" if language() == "id" else ","


def _file(name: str, text: str) -> Response:
    response = Response(text, mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response
