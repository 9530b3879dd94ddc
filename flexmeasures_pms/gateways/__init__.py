"""Gateways: their keys, which devices each may report, and how much."""
