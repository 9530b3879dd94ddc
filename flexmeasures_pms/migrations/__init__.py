"""The plugin's tables in the database: how they are created, and their revision.

Alembic's own files are in ``scripts/``, which is not a package: FlexMeasures imports every module
of a plugin's packages, and Alembic's environment can only be imported by Alembic.
"""
