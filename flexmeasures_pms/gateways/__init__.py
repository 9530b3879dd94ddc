"""Gateways: their keys, what each may report, and how much."""
