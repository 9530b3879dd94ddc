"""How large a registry file may be that is imported while its sender waits."""

from __future__ import annotations

MOST_BYTES = 1 << 20
MOST_CHANGES = 300
"""Lines that change the registry: a new case, with asset and sensors, took 50 ms when measured."""
