"""The same with millions of old beliefs in the table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from benchmarks import measures, month
from benchmarks.measures import Figures, Measurement, latest_of_48, sample_over_http
from benchmarks.platform import Platform

MILLION = 1_000_000
BEFORE = datetime(2024, 12, 1, tzinfo=UTC)


def grown(rounds: int, millions: Sequence[int]) -> Iterator[tuple[str, Measurement]]:
    """Yield the measurements with a longer history, each with its name.

    :param millions: old beliefs of the same packs; the table is filled up to each number in turn.
    """
    there = 0
    for wanted in millions:
        more = partial(_fill, beliefs=(wanted - there) * MILLION, years=there)
        yield (
            f"HTTP, 48 packs, {wanted} million more there",
            _after(more, sample_over_http(48, rounds)),
        )
        yield f"latest of 48 packs, {wanted} million more", latest_of_48(rounds)
        there = wanted


def _after(filled: Callable[[Platform], None], measure: Measurement) -> Measurement:
    def measured(platform: Platform) -> Figures:
        filled(platform)
        return measure(platform)

    return measured


def _fill(platform: Platform, beliefs: int, years: int) -> None:
    """Add samples and beliefs of the PMS that is measured: 48 packs every 5 seconds, long ago."""
    if not beliefs:
        return
    with platform.app.app_context():
        packs = month.packs_of(platform.account_id, measures.ONE_PMS.systems[0])
        begin = BEFORE - timedelta(days=365 * (years + 1))
        samples = beliefs // (len(packs.cases) * len(month.NAMES))
        stretch = month.Stretch(packs, begin, begin + measures.STEP * samples, measures.STEP)
        month.fill(platform.database_uri, [stretch])
