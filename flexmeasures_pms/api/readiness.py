"""Whether the plugin's tables are those of the code, looked at until they are."""

from __future__ import annotations

from flask import current_app
from flexmeasures.data import db

from flexmeasures_pms.registry import schema

_FLAG = "flexmeasures_pms_tables"


def require_tables() -> None:
    """Make sure, once in a process, that the plugin's tables can be used.

    :raises SchemaError: naming the command that mends it.
    """
    if not current_app.extensions.get(_FLAG):
        schema.check(db.session.connection())
        current_app.extensions[_FLAG] = True
