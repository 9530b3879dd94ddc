"""Databases and connections in which tables can be dropped."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from flask import Flask
from support.cluster import own_database

from flexmeasures_pms.migrations import schema


@pytest.fixture
def connection(app_context: Flask) -> Iterator[sa.Connection]:
    """A connection of which nothing is kept: tables can be dropped on it."""
    from flexmeasures.data import db

    db.session.rollback()
    with db.engine.connect() as found, found.begin() as transaction:
        yield found
        transaction.rollback()


@pytest.fixture(scope="module")
def uri(database_uri: str, app: Flask) -> Iterator[str]:
    """A database with FlexMeasures' tables, and none of the plugin's."""
    from flexmeasures.data import db

    with own_database(database_uri, "upgrade") as made:
        engine = sa.create_engine(made)
        with engine.begin() as connection:
            for extension in ("cube", "earthdistance"):
                connection.execute(sa.text(f"CREATE EXTENSION IF NOT EXISTS {extension}"))
        tables = [t for t in db.metadata.sorted_tables if not t.name.startswith(schema.PREFIX)]
        db.metadata.create_all(engine, tables=tables)
        engine.dispose()
        yield made
