"""Alembic's environment for the plugin's tables, beside FlexMeasures' own.

Runs on the connection from ``migrations.schema``, so that it needs no
``alembic.ini``. Only tables named ``pms_`` are looked at, and the version is kept in a
separate table: FlexMeasures' ``alembic_version`` can't have a second head.
"""

from __future__ import annotations

from alembic import context

from flexmeasures_pms.migrations.schema import OPTIONS

connection = context.config.attributes["connection"]
context.configure(connection=connection, **OPTIONS)
with context.begin_transaction():
    context.run_migrations()
