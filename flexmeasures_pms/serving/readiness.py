"""Check that the plugin's tables match the code, until they do."""

from __future__ import annotations

from flask import current_app
from flexmeasures.data import db

from flexmeasures_pms.migrations import schema

FLAG = "flexmeasures_pms_tables"
"""Name under which the app notes that they can be."""


def require_tables() -> None:
    """Check, once per process, that the plugin's tables can be used.

    :raises SchemaError: naming the command that fixes it.
    """
    if not current_app.extensions.get(FLAG):
        schema.check(db.session.connection())
        current_app.extensions[FLAG] = True
