"""Benchmarks: compare ratios within one run; no pass or fail."""
