"""A map of cells as programs and scripts get it: whole numbers, and null where there is nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from flexmeasures_pms.overview.cell_ranking import RankedCell, ranking
from flexmeasures_pms.overview.cells import CellMap, shown
from flexmeasures_pms.storage.queries.cells import ReadingGrid

MOST_RANKED = 100


def record(ident: str, found: CellMap) -> dict[str, Any]:
    """Return a map, with the cells that stand out the most.

    :param ident: of the PMS.
    """
    return {
        "pms": ident,
        "quantity": found.quantity,
        "unit": "dimensionless" if found.quantity == "open" else "mV",
        "start": found.start,
        "seconds": found.width.total_seconds(),
        "columns": found.columns,
        "look_back": found.look_back[1].total_seconds(),
        "packs": [
            {
                "case": row.stay.case.ident,
                "dock": row.stay.dock,
                "cabinet": row.stay.cabinet,
                "begin": row.stay.begin,
                "end": row.stay.end,
                "cells": _whole(shown(found, row)),
            }
            for row in found.rows
        ],
        "ranking": [_ranked(one) for one in ranking(found)[:MOST_RANKED]],
    }


def _whole(values: ReadingGrid) -> list[list[int | None]]:
    whole = np.nan_to_num(values, nan=-1).astype(int).tolist()
    return [[None if value < 0 else value for value in cell] for cell in whole]


def _ranked(one: RankedCell) -> dict[str, Any]:
    return {
        "case": one.case.ident,
        "dock": one.dock,
        "cell": one.cell,
        "seconds": one.duration.total_seconds(),
        "share": one.share,
        "weak_by": one.weak_by,
        "begin": one.begin,
        "end": one.end,
    }
