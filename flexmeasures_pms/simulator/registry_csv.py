"""The registry file of a layout, as ``flexmeasures pms import-registry`` reads it."""

from __future__ import annotations

import csv
import io
from datetime import datetime

from flexmeasures_pms.simulator.cells import CELLS
from flexmeasures_pms.simulator.layout import Layout, System

HEADER = (
    "pack.id",
    "board.id",
    "fet.board.id",
    *(f"cell.id.{n}" for n in range(1, CELLS + 1)),
    "pms.id",
    "cabinet.id",
    "ehub.id",
    "busbar.id",
    "dock",
)


def registry_csv(layout: Layout, at: datetime | None = None) -> str:
    """Return the CSV text: a row for each case with its parts and its dock of its cabinet.

    :param at: the moment whose docks are written; before any move unless given. A case
        that is being carried then is written where it was.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    for system in layout.systems:
        writer.writerows(_rows(layout, system, at))
    return text.getvalue()


def _rows(layout: Layout, system: System, at: datetime | None) -> list[tuple[str | int, ...]]:
    latest = {m.case: m for m in layout.moves if at is not None and m.at <= at}
    cabinets = {c.ident: c for c in system.cabinets}
    rows: list[tuple[str | int, ...]] = []
    for first in system.cabinets:
        for case in first.cases:
            move = latest.get(case.ident)
            cabinet = cabinets[move.cabinet] if move else first
            dock = move.dock if move else case.dock
            rows.append((
                case.ident, case.board, case.fet_board, *case.cell_blocks,
                system.pms, cabinet.ident, cabinet.ehub, cabinet.busbar, dock,
            ))  # fmt: skip
    return rows
