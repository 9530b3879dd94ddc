"""What is measured: the asset types, their quantities, and the formulas.

Everything here is pure: no I/O, no FlexMeasures. Decoding, provisioning, the
graphs and the documentation are all driven by the one table in
:mod:`flexmeasures_pms.catalogue.quantities`.
"""
