"""Identity: what is registered, where it is installed, and since when.

:mod:`~flexmeasures_pms.registry.kinds` says what fits where,
:mod:`~flexmeasures_pms.registry.timeline` is the arithmetic of installations over time, and
:mod:`~flexmeasures_pms.registry.directory` answers questions. ``loading`` reads a directory from
the database; :mod:`~flexmeasures_pms.registry.editing.orders` makes changes.
"""
