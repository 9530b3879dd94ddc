"""Board reports: samples of a case that were sent with a board's id."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from flexmeasures.data import db
from sqlalchemy import delete, tuple_

from flexmeasures_pms.storage.tables import board_report


class BoardReport(NamedTuple):
    """One stored sample of a case that was sent with the board's id.

    :param source_id: source of the PMS that reported.
    """

    board_id: int
    event_start: datetime
    source_id: int
    case_id: int


_KEEP = """
    INSERT INTO pms_board_report (board_id, event_start, source_id, case_id)
    SELECT * FROM unnest(%s::bigint[], %s::timestamptz[], %s::int[], %s::bigint[])
    ON CONFLICT DO NOTHING"""


def keep_reports(reports: Iterable[BoardReport]) -> None:
    """Record samples that were sent with a board's id, in one order for all writers.

    One statement: 24 rows one by one cost 3 ms of a request's 38.
    """
    rows = sorted(set(reports))
    if rows:
        cursor = db.session.connection().connection.cursor()
        cursor.execute(_KEEP, [list(column) for column in zip(*rows, strict=True)])


def drop_reports(keys: Iterable[tuple[int, datetime, int]]) -> None:
    """Delete reports by (board, event start, source): their samples are moved."""
    columns = board_report.c
    key = tuple_(columns.board_id, columns.event_start, columns.source_id)
    db.session.execute(delete(board_report).where(key.in_(list(keys))))
