"""Stored samples that are at another case than the registry says, by their board."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flexmeasures.data import db
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.generic_assets import GenericAsset
from sqlalchemy import (
    ColumnElement,
    Date,
    DateTime,
    FromClause,
    Integer,
    Interval,
    Select,
    Subquery,
    and_,
    cast,
    column,
    exists,
    func,
    literal,
    select,
    true,
    union_all,
)

from flexmeasures_pms import deadline
from flexmeasures_pms.registry.kinds import BOARD
from flexmeasures_pms.registry.tables import installation, trackable
from flexmeasures_pms.storage.log.days import thaw
from flexmeasures_pms.storage.log_tables import day, sample

_OLD, _NEW, _BOARD, _PMS = (trackable.alias() for _ in range(4))

_MILLISECOND = cast(literal("1 millisecond"), Interval)

_AWAITED = and_(_NEW.c.asset_id.is_(None), ~_NEW.c.provisioned)
"""The condition that the asset of the new case was never made."""


@dataclass(frozen=True, slots=True)
class Stray:
    """A stored sample that is at another case than the registry says.

    :param old_owned: whether the old case's asset is the organisation's; ``new_owned`` likewise.
    :param new_awaited: whether the new case's asset was not made yet.
    """

    board_id: int
    board: str
    time: datetime
    source_id: int
    pms: str
    pms_id: int
    old_id: int
    old: str
    old_asset: int | None
    old_owned: bool
    new_id: int | None
    new: str | None
    new_asset: int | None
    new_owned: bool
    new_awaited: bool


def strays(account_id: int, boards: Collection[int]) -> Iterator[Stray]:
    """Yield the strays of an organisation's boards, in order of time."""
    report = _reports(boards)
    query = (
        _of(
            account_id, boards, report,
            report.c.board_id, _BOARD.c.ident, report.c.event_time, report.c.source_id,
            func.coalesce(_PMS.c.ident, DataSource.name), report.c.device_id,
            _OLD.c.id, _OLD.c.ident, _OLD.c.asset_id, _owned(_OLD),
            _NEW.c.id, _NEW.c.ident, _NEW.c.asset_id, _owned(_NEW),
            _AWAITED,
        )
        .outerjoin(DataSource, DataSource.id == report.c.source_id)
        .outerjoin(_PMS, _PMS.c.id == report.c.device_id)
        .order_by(report.c.event_time, report.c.board_id, report.c.device_id)
    )  # fmt: skip
    return (Stray(*row) for row in db.session.execute(query))


def asset_pairs(account_id: int, boards: Collection[int]) -> set[tuple[int, int]]:
    """Return the organisation's assets that strays are in, each with one where they belong."""
    query = _of(account_id, boards, _reports(boards), _OLD.c.asset_id, _NEW.c.asset_id)
    query = query.where(_owned(_OLD), _owned(_NEW)).distinct()
    return {(old, new) for old, new in db.session.execute(query)}


def boards_astray(account_id: int, boards: Collection[int]) -> set[int]:
    """Return those of an organisation's boards that have strays."""
    corrected = _corrected(boards)
    report = _reports(corrected)
    return set(db.session.scalars(_of(account_id, corrected, report, report.c.board_id).distinct()))


def thaw_strays(account_id: int, boards: Collection[int]) -> None:
    """Make samples again of the folded days with strays; the cases are locked."""
    report = _reports(boards)
    day_of = cast(func.timezone("UTC", report.c.event_time), Date)
    query = _of(account_id, boards, report, report.c.subject_id, day_of)
    for subject_id, folded in db.session.execute(query.distinct().order_by(day_of)).all():
        deadline.check()
        thaw(subject_id, [folded])


def cases_awaited(account_id: int, boards: Collection[int]) -> set[int]:
    """Return the cases where strays belong, and whose assets were never made."""
    query = _of(account_id, boards, _reports(boards), _NEW.c.id).where(
        _NEW.c.id.is_not(None), _AWAITED
    )
    return set(db.session.scalars(query.distinct()))


def _corrected(boards: Collection[int]) -> list[int]:
    """Return those boards that were corrected: nothing else makes a sample stray."""
    before = installation.c
    query = select(before.part_id).where(
        before.part_id.in_(boards), before.slot == BOARD, ~func.upper_inf(before.known)
    )
    return list(db.session.scalars(query.distinct()))


def cases_of(boards: Collection[int]) -> set[int]:
    """Return all cases that boards were ever believed to be in, of boards that were corrected.

    A board that is only added to what is known has no strays.
    """
    place, before = installation.c, installation.alias().c
    corrected = exists().where(before.part_id == place.part_id, ~func.upper_inf(before.known))
    query = select(place.assembly_id).where(
        place.part_id.in_(boards), place.slot == BOARD, corrected
    )
    return set(db.session.scalars(query.distinct()))


def _reports(boards: Collection[int]) -> Subquery:
    """Return the samples of cases that corrected boards were in, hot or folded."""
    cases = cases_of(boards)
    names = ("subject_id", "device_id", "source_id", "board_id", "event_time")
    hot = select(*(sample.c[name] for name in names)).where(
        sample.c.subject_id.in_(cases), sample.c.board_id.in_(boards)
    )
    one = (
        func.unnest(day.c.gaps, day.c.boards)
        .table_valued(column("gap", Integer), column("board", Integer), with_ordinality="n")
        .render_derived(name="one")
    )
    passed = func.sum(one.c.gap).over(
        partition_by=(day.c.subject_id, day.c.day, day.c.device_id), order_by=one.c.n
    )
    folded = (
        select(
            day.c.subject_id, day.c.device_id, day.c.source_id, one.c.board.label("board_id"),
            (
                func.timezone("UTC", cast(day.c.day, DateTime)) + passed * _MILLISECOND
            ).label("event_time"),
        )
        .select_from(day)
        .join(one, true())
        .where(day.c.subject_id.in_(cases), day.c.boards.overlap(list(boards)))
    )  # fmt: skip
    return union_all(hot, folded).subquery("report")


def _of(account_id: int, boards: Collection[int], report: Subquery, *columns: Any) -> Select[Any]:
    place = installation.c
    holds = and_(
        place.part_id == report.c.board_id,
        place.slot == BOARD,
        func.upper_inf(place.known),
        place.valid.contains(report.c.event_time),
    )
    return (
        select(*columns)
        .select_from(report)
        .join(_BOARD, _BOARD.c.id == report.c.board_id)
        .join(_OLD, _OLD.c.id == report.c.subject_id)
        .outerjoin(installation, holds)
        .outerjoin(_NEW, _NEW.c.id == place.assembly_id)
        .where(_BOARD.c.account_id == account_id, report.c.board_id.in_(boards))
        .where(place.assembly_id.is_distinct_from(report.c.subject_id))
    )


def _owned(case: FromClause) -> ColumnElement[bool]:
    """Return the condition that a case's asset exists and is the organisation's."""
    is_asset = GenericAsset.id == case.c.asset_id
    return exists().where(is_asset, GenericAsset.account_id == case.c.account_id).correlate(case)
