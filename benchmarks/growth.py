"""The same with millions of old beliefs in the table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
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
    """Add beliefs of the PMS that is measured: 48 packs every 5 seconds, long ago."""
    if not beliefs:
        return
    sensors, source = _sensors(platform)
    begin = BEFORE - timedelta(days=365 * (years + 1))
    samples = beliefs // (len(sensors) * len(month.NAMES))
    stretch = month.Stretch(sensors, begin, begin + measures.STEP * samples, measures.STEP)
    month.fill(platform.database_uri, [stretch], source)


def _sensors(platform: Platform) -> tuple[list[Mapping[str, int]], int]:
    """Return the sensors of each pack of the first PMS, and the PMS's source."""
    from flexmeasures.data import db

    from flexmeasures_pms.beliefs.sensors import sensor_ids
    from flexmeasures_pms.beliefs.sources import make_sources, source_ids
    from flexmeasures_pms.registry.loading.load import load_directory

    system = measures.ONE_PMS.systems[0]
    with platform.app.app_context():
        registered = load_directory(platform.account_id)
        packs = [registered.find("case", case.ident) for case in system.cases()]
        assets = [pack.asset_id for pack in packs if pack and pack.asset_id]
        known = sensor_ids(assets)
        pms = registered.find("pms", system.pms)
        make_sources(platform.account_id, [pms] if pms else [])
        source = source_ids(platform.account_id, [pms] if pms else [])
        db.session.commit()
    return [known[asset] for asset in assets], next(iter(source.values()))
