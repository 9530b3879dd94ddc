"""What the database has of the plugin, and code under test on a connection of a test."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any
from unittest import mock

import sqlalchemy as sa

DEFINITIONS = {
    "columns": """
        SELECT table_name, column_name, data_type, is_nullable, column_default
        FROM information_schema.columns WHERE table_schema = :schema
        AND table_name LIKE 'pms\\_%' AND table_name <> 'pms_alembic_version'
        AND table_name NOT LIKE 'pms\\_beliefs\\_%'
    """,
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(c.oid)
        FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
        WHERE t.relname LIKE 'pms\\_%' AND t.relname <> 'pms_alembic_version'
        AND t.relname NOT LIKE 'pms\\_beliefs\\_%'
    """,
    "indexes": """
        SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = :schema
        AND tablename LIKE 'pms\\_%' AND tablename <> 'pms_alembic_version'
        AND tablename NOT LIKE 'pms\\_beliefs\\_%'
    """,
    "triggers": """
        SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(g.oid)
        FROM pg_trigger g JOIN pg_class t ON t.oid = g.tgrelid
        WHERE NOT tgisinternal AND tgname LIKE 'pms\\_%'
    """,
}


@contextlib.contextmanager
def engine_of(connection: sa.Connection) -> Iterator[None]:
    """Let the code under test work on a connection of which nothing is kept."""
    from flexmeasures.data import db

    engine = mock.Mock()
    engine.begin = engine.connect = lambda: contextlib.nullcontext(connection)
    with mock.patch.object(type(db), "engine", engine):
        yield


def definitions(connection: sa.Connection) -> dict[str, Any]:
    values = {"schema": "public"}
    return {
        name: sorted(map(tuple, connection.execute(sa.text(query), values)), key=str)
        for name, query in DEFINITIONS.items()
    }
