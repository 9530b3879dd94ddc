"""A registry file to begin with: all columns, and one line that shows what is in them."""

from __future__ import annotations

from flexmeasures_pms.registry.importing.columns import CELL_COLUMNS, COLUMNS
from flexmeasures_pms.registry.importing.csv_text import csv_text

EXAMPLE = "EXAMPLE"
"""The case of the line: a placeholder, so that nobody registers it by mistake."""

_LINE = {
    "pack.id": EXAMPLE,
    "pms.id": "PMS-01-001",
    "cabinet.id": "CAB-01-001",
    "dock": "6",
    "board.id": "66BFFFFFF353734574E43235318",
    "board.alias": "66BFF353734574E43235318",
    "fet.board.id": "FET-0269",
    **{name: f"CELL-0269-{n:02}" for n, name in enumerate(CELL_COLUMNS, 1)},
    "cabinet.position": "1",
    "cabinet.docks": "12",
    "ehub.id": "EHUB-7",
    "busbar.id": "BUS-7",
    "pms.timezone": "Asia/Jakarta",
    "pms.latitude": "-6.2",
    "pms.longitude": "106.8",
    "site.id": "BTS-17",
    "site.timezone": "Asia/Jakarta",
    "site.address": "Jalan Merdeka 1, Bandung",
    "valid_from": "2026-03-01T12:00:00+07:00",
}


def template(delimiter: str = ",") -> str:
    """Return the file as text."""
    return csv_text(COLUMNS, [_LINE], delimiter)
