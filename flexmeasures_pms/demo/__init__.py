"""Trying the plugin on one machine: real servers from wheels, and a simulated site.

FlexMeasures imports every module of a plugin at its start, on hosts without the extra
``demo`` too, so what only that extra brings (or only Unix has) is imported where it is used.
"""
