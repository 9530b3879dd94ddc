"""Check that the plugin's tables match the code, until they do."""

from __future__ import annotations

from flask import Flask, current_app
from flexmeasures.data import db
from sqlalchemy import NullPool, create_engine
from sqlalchemy.exc import SQLAlchemyError

from flexmeasures_pms.errors import SchemaError
from flexmeasures_pms.migrations import schema

_FLAG = "flexmeasures_pms_tables"


def require_tables() -> None:
    """Check, once per process, that the plugin's tables can be used.

    :raises SchemaError: naming the command that fixes it.
    """
    if not current_app.extensions.get(_FLAG):
        schema.check(db.session.connection())
        current_app.extensions[_FLAG] = True


def warn_at_start(app: Flask) -> None:
    """Log in one line which command has to be run, if any."""
    # An engine of its own: workers that are forked later must not share a connection.
    engine = create_engine(app.config["SQLALCHEMY_DATABASE_URI"], poolclass=NullPool)
    try:
        with engine.connect() as connection:
            schema.check(connection)
    except SchemaError as error:
        # In production FlexMeasures writes nothing below an error, unless it is told to.
        app.logger.error(str(error))
    except SQLAlchemyError:
        app.logger.debug("The database can't be reached at start; FlexMeasures logs that itself.")
