"""What is said when FlexMeasures starts with the plugin: always in the log, one line each.

In production FlexMeasures writes nothing below an error, unless it is told to.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask
from flexmeasures.data import is_running_database_command
from sqlalchemy.exc import SQLAlchemyError

from flexmeasures_pms import config
from flexmeasures_pms.errors import ConfigError, SchemaError
from flexmeasures_pms.migrations import schema
from flexmeasures_pms.storage.engine import own_engine

UNUSABLE = 3
"""Exit code for settings that can't be used. Gunicorn gives up with it; after another one it would
start the worker again and again."""


@contextmanager
def usable_settings(app: Flask) -> Iterator[None]:
    """End the process, with one line for each setting that can't be used.

    :raises SystemExit: after they are written to the log.
    """
    try:
        yield
    except ConfigError as error:
        for line in str(error).splitlines():
            app.logger.error("FlexMeasures does not start: %s", line)
        raise SystemExit(UNUSABLE) from None


def read_settings(app: Flask) -> None:
    """Read the settings, and say which names in the configuration have no effect.

    :raises SystemExit: if some can't be used.
    """
    for line in config.without_effect(app.config, os.environ):
        app.logger.error(line)
    for line in config.unknown(app.config):
        app.logger.info(line)
    with usable_settings(app):
        config.init(app)


def say_tables(app: Flask) -> None:
    """Say which command has to be run, if the tables are not those of the code."""
    if is_running_database_command():
        return  # it may be the command that makes them
    engine = own_engine(app)
    try:
        with engine.connect() as connection:
            schema.check(connection)
    except SchemaError as error:
        app.logger.error(str(error))
    except SQLAlchemyError:
        app.logger.debug("The database can't be reached at start; FlexMeasures logs that itself.")
