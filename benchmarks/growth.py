"""The same where much is stored: beliefs of this week, of earlier years, and folded days."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from benchmarks import measures, month
from benchmarks.measures import Figures, Measurement, latest_of_48, sample_over_http
from benchmarks.platform import Platform

MILLION = 1_000_000
THIS_WEEK, EACH_YEAR, YEARS = 10, 25, (2022, 2023)
"""Millions of beliefs in the table of this week and of each of some years."""
FOLDED_DAYS = 30
_FOLDED = datetime(2024, 6, 1, tzinfo=UTC)
WEEK = f"HTTP, 48 packs, {THIS_WEEK} million more this week"
ALL = f"HTTP, 48 packs, also {EACH_YEAR * len(YEARS)} million and folded days"


def grown(rounds: int) -> Iterator[tuple[str, Measurement]]:
    """Yield the measurements with a longer history, each with its name."""
    yield WEEK, _after(_fill_week, sample_over_http(48, rounds))
    yield ALL, _after(_fill_years, sample_over_http(48, rounds))
    yield "latest of 48 packs, with all of these", latest_of_48(rounds)


def _after(filled: Callable[[Platform], None], measure: Measurement) -> Measurement:
    def measured(platform: Platform) -> Figures:
        filled(platform)
        return measure(platform)

    return measured


def _fill_week(platform: Platform) -> None:
    """Add samples and beliefs of the PMS that is measured, received now."""
    stretch = _stretch(platform, datetime(2024, 12, 1, tzinfo=UTC), THIS_WEEK)
    with platform.app.app_context():
        month.fill(platform.database_uri, [stretch])


def _fill_years(platform: Platform) -> None:
    """Add beliefs of earlier years, and folded days."""
    for year in YEARS:
        stretch = _stretch(platform, datetime(year, 1, 1, tzinfo=UTC), EACH_YEAR)
        month.fill_beliefs(platform.database_uri, [stretch], f"pms_beliefs_{year}")
    _fill_days(platform)


def _stretch(platform: Platform, begin: datetime, millions: int) -> month.Stretch:
    """Return samples of 48 packs every 5 seconds, of so many beliefs."""
    packs = _packs(platform)
    samples = millions * MILLION // (len(packs.cases) * len(month.NAMES))
    return month.Stretch(packs, begin, begin + measures.STEP * samples, measures.STEP)


def _packs(platform: Platform) -> month.Packs:
    with platform.app.app_context():
        return month.packs_of(platform.account_id, measures.ONE_PMS.systems[0])


def _fill_days(platform: Platform) -> None:
    """Fold a day of 48 packs, and copy what that gives to the days after it."""
    from flexmeasures.data import db

    from flexmeasures_pms.storage.log.folding import fold

    packs, day = _packs(platform), _FOLDED.date()
    stretch = month.Stretch(packs, _FOLDED, _FOLDED + timedelta(days=1), measures.STEP)
    month.fill_samples(platform.database_uri, [stretch])
    with platform.app.app_context():
        for case in packs.cases:
            fold(case, day)
            db.session.commit()
    month.repeat_day(platform.database_uri, packs.cases, day, range(1, FOLDED_DAYS))
