"""Stored samples that are at another case than the registry says, by their board."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime
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
    any_,
    cast,
    column,
    exists,
    func,
    literal,
    select,
    text,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import TSTZRANGE

from flexmeasures_pms import deadline
from flexmeasures_pms.registry.kinds import BOARD
from flexmeasures_pms.registry.tables import installation, trackable
from flexmeasures_pms.storage.log.days import thaw
from flexmeasures_pms.storage.log_tables import day, sample

_OLD, _NEW, _BOARD, _PMS = (trackable.alias() for _ in range(4))

_ALWAYS = [cast(literal(end), DateTime(timezone=True)) for end in ("-infinity", "infinity")]
_MILLISECOND = cast(literal("1 millisecond"), Interval)

# When a board was believed to be in a case, and no longer is. What was stored because of that was
# received before the belief was given up, and is a day later at most; the clocks of hosts may
# differ. Hot samples are looked at in any case: few are that late.
_WRONG = """
    SELECT part_id AS board_id, assembly_id AS case_id, unnest(
      range_agg({believed}) FILTER (WHERE NOT upper_inf(known))
        - coalesce(range_agg(valid) FILTER (WHERE upper_inf(known)), '{{}}')) AS period
    FROM pms_installation WHERE part_id = ANY (:boards) AND slot = :slot
    GROUP BY part_id, assembly_id"""
_EVER = "valid"
_UNTIL_GIVEN_UP = "valid * tstzrange(NULL, upper(known) + interval '2 days')"

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
    day_of = _day_of(report.c.event_time)
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
    """Return the samples that were stored where it is no longer believed that boards were."""
    wrong = _wrong(boards, _EVER)
    names = ("subject_id", "device_id", "source_id", "board_id", "event_time")
    hot = (
        select(*(sample.c[name] for name in names))
        .select_from(wrong)
        .join(sample, and_(
            sample.c.subject_id == wrong.c.case_id,
            sample.c.board_id == wrong.c.board_id,
            sample.c.event_time >= func.coalesce(func.lower(wrong.c.period), _ALWAYS[0]),
            sample.c.event_time < func.coalesce(func.upper(wrong.c.period), _ALWAYS[1]),
        ))
    )  # fmt: skip
    one = _folded(_wrong(boards, _UNTIL_GIVEN_UP)).subquery("one")
    folded = select(*(one.c[name] for name in names)).where(
        one.c.board_id == one.c.wrong_board,
        one.c.period.contains(one.c.event_time),
    )
    return union_all(hot, folded).subquery("report")


def _wrong(boards: Collection[int], believed: str) -> Subquery:
    """Return the periods in which it was believed that boards are in cases, and no longer is.

    :param believed: the period of a belief that was given up.
    """
    periods = text(_WRONG.format(believed=believed)).bindparams(boards=list(boards), slot=BOARD)
    numbers = (column(name, Integer) for name in ("board_id", "case_id"))
    return periods.columns(*numbers, column("period", TSTZRANGE)).subquery("wrong")


def _day_of(time: ColumnElement[datetime]) -> ColumnElement[date]:
    return cast(func.timezone("UTC", time), Date)


def _folded(wrong: Subquery) -> Select[Any]:
    """Return the samples of folded days in which boards are at a wrong case."""
    one = (
        func.unnest(day.c.gaps, day.c.boards)
        .table_valued(column("gap", Integer), column("board", Integer), with_ordinality="n")
        .render_derived(name="sample_of_day")
    )
    key = (day.c.subject_id, day.c.day, day.c.device_id, wrong.c.board_id, wrong.c.period)
    passed = func.sum(one.c.gap).over(partition_by=key, order_by=one.c.n)
    begin = func.timezone("UTC", cast(day.c.day, DateTime))
    return (
        select(
            day.c.subject_id, day.c.device_id, day.c.source_id, one.c.board.label("board_id"),
            (begin + passed * _MILLISECOND).label("event_time"),
            wrong.c.board_id.label("wrong_board"), wrong.c.period,
        )
        .select_from(wrong)
        .join(day, and_(
            day.c.subject_id == wrong.c.case_id,
            day.c.day >= _day_of(func.coalesce(func.lower(wrong.c.period), _ALWAYS[0])),
            day.c.day <= _day_of(func.upper(wrong.c.period)),
            wrong.c.board_id == any_(day.c.boards),
        ))
        .join(one, true())
    )  # fmt: skip


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
