"""Identity: what is registered, where it is installed, and since when.

Pure parts: :mod:`~flexmeasures_pms.registry.kinds` (what fits where) and
:mod:`~flexmeasures_pms.registry.timeline` (installations over time). The tables are in
:mod:`~flexmeasures_pms.registry.tables`; :mod:`~flexmeasures_pms.registry.directory`
answers questions from memory, :mod:`~flexmeasures_pms.registry.editing.changes` makes changes.
"""
