"""The plugin's tables in the database: how they are made, and which revision they are at.

Alembic's own files are in ``scripts/``, which is no package: FlexMeasures imports every module
of a plugin's packages, and Alembic's environment can only be imported by Alembic.
"""
