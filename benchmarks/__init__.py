"""Measurements: ratios within one run, never a verdict."""
