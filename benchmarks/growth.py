"""``python -m benchmarks.growth``: the same with 0, 10 and 50 million beliefs in the table."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import click

from benchmarks import measures, month
from benchmarks.platform import Platform, platform_under_test

MILLION = 1_000_000
BEFORE = datetime(2024, 12, 1, tzinfo=UTC)


@click.command()
@click.option("--millions", multiple=True, type=int, default=(0, 10, 50), show_default=True)
@click.option("--rounds", default=30, show_default=True)
def main(millions: tuple[int, ...], rounds: int) -> None:
    """Measure a 48-pack sample over HTTP, a COPY of it, and reading all latest states."""
    form = "{:>10}{:>12}{:>12}{:>12}{:>14}"
    click.echo(form.format("beliefs", "HTTP ms", "COPY ms", "latest ms", "one by one ms"))
    with platform_under_test(measures.LAYOUT) as found:
        there = 0
        for wanted in millions:
            _fill(found, (wanted - there) * MILLION, there)
            there = wanted
            _, http, copied = measures.sample_over_http(48, rounds)(found)
            _, latest, single = measures.latest_of_48(rounds)(found)
            figures = (f"{http:.1f}", f"{copied:.1f}", f"{latest:.1f}", f"{single:,.0f}")
            click.echo(form.format(f"{wanted} M", *figures))


def _fill(platform: Platform, beliefs: int, years: int) -> None:
    """Add beliefs of the PMS that is measured: 48 packs every 5 seconds, long past."""
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
    from flexmeasures_pms.beliefs.sources import source_ids
    from flexmeasures_pms.registry.directory import directory

    system = measures.ONE_PMS.systems[0]
    with platform.app.app_context():
        registered = directory(platform.account_id)
        packs = [registered.find("case", case.ident) for case in system.cases()]
        assets = [pack.asset_id for pack in packs if pack and pack.asset_id]
        known = sensor_ids(assets)
        pms = registered.find("pms", system.pms)
        source = source_ids(platform.account_id, [pms] if pms else [])
        db.session.commit()
    return [known[asset] for asset in assets], next(iter(source.values()))


if __name__ == "__main__":
    main()
