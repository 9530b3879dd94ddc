"""``python -m benchmarks.size``: bytes per pack and day, for each recording policy."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import click
import psycopg2

from benchmarks.platform import Platform, platform_under_test
from flexmeasures_pms.demo.prepare import command
from flexmeasures_pms.simulator import Site, fleet_layout
from flexmeasures_pms.storage.readings.belief_tables import table_of

PACKS = 4
LAYOUT = fleet_layout(1, 1, PACKS)
START = datetime(2025, 3, 3, tzinfo=UTC)
DAY = timedelta(days=1)
POLICIES = {
    "every": "*: every",
    "by default": "",
    "change, lossless": "*: change",
    "change, cells 2 mV, 0.1 A, 1 °C": (
        "*: change; cell voltage: change 0.002; pack current: change 0.1;"
        "pack voltage: change 0.03; pack power: change 5; cell spread: change 2;"
        "lowest cell voltage: change 0.002; highest cell voltage: change 0.002;"
        "temperature top: change 1; temperature middle: change 1; temperature bottom: change 1;"
        "FET temperature: change 1"
    ),
}
_SIZES = """
    SELECT (SELECT sum(pg_total_relation_size(c.oid))::bigint FROM pg_class c
        WHERE c.relkind = 'r' AND c.relname ~ '^(timed_belief$|pms_beliefs_)'),
      pg_total_relation_size('pms_sample'),
      (SELECT count(*) FROM timed_belief)"""
# Each policy begins with empty tables: what is left free in them would not be counted.
_EMPTY = (
    "TRUNCATE timed_belief, pms_sample, pms_day, pms_day_reading, pms_level, pms_latest, "
    "pms_receipt_hour"
)


_FOLDED = """
    SELECT pg_total_relation_size('pms_day') + pg_total_relation_size('pms_day_reading'),
      pg_total_relation_size('pms_level')"""


@dataclass(frozen=True, slots=True)
class Size:
    """The size of some pack-days [bytes], and their rows."""

    beliefs: int
    log: int
    rows: int


@click.command()
@click.option("--log", type=click.Path(exists=True, path_type=Path), help="A pack's log (CSV).")
@click.option("--log-days", type=float, default=50 / 24, show_default=True)
@click.option("--log-pack", default="269", show_default=True)
@click.option("--log-pms", default="25", show_default=True)
def main(log: Path | None, log_days: float, log_pack: str, log_pms: str) -> None:
    """Measure a simulated day of packs at 5 s, and a field log if one is given."""
    with platform_under_test(LAYOUT) as found, tempfile.TemporaryDirectory() as folder:
        day = Path(folder) / "day.jsonl"
        _write_day(day)
        _table("simulator, 5 s", found, lambda: _ingest(found, day), PACKS)
        if log is not None:
            with redirect_stdout(StringIO()):
                account = ("--account", str(found.account_id))
                command(found.app, "register-pms", log_pms, "--timezone", "Asia/Jakarta", *account)
                command(found.app, "register-case", log_pack, *account)
            _table(log.name, found, lambda: _ingest(found, log), log_days)


def _write_day(path: Path) -> None:
    with path.open("wb") as lines:
        for request in Site(LAYOUT).requests(
            START, START + DAY, timedelta(seconds=5), samples_per_request=100
        ):
            if request.dataset == "pms":
                body = json.loads(request.body)
                lines.write(json.dumps(body, separators=(",", ":")).encode() + b"\n")


def _table(name: str, platform: Platform, work: Callable[[], None], pack_days: float) -> None:
    click.echo(f"\n{name}: per pack-day")
    form = "{:<34}{:>12}{:>12}{:>12}{:>10}"
    click.echo(form.format("", "rows", "beliefs MB", "log MB", "of every"))
    sizes = dict(_sizes(platform, work))
    every = sizes["every"].beliefs
    for policy, size in sizes.items():
        share = size.beliefs / every
        megabytes = (f"{n / pack_days / 1e6:.2f}" for n in (size.beliefs, size.log))
        rows = f"{size.rows / pack_days:,.0f}"
        click.echo(form.format(policy, rows, *megabytes, f"{share:.1%}"))
    _echo_folded(platform, pack_days)


def _echo_folded(platform: Platform, pack_days: float) -> None:
    """Fold what was stored last, and print what that takes."""
    from flexmeasures_pms.storage.log.folding import fold_all

    with platform.app.app_context():
        begin = time.monotonic()
        found = fold_all(datetime.now(UTC))
        took = time.monotonic() - begin
    database = psycopg2.connect(platform.database_uri)
    database.autocommit = True
    with closing(database), database.cursor() as cursor:
        cursor.execute("VACUUM FULL pms_day, pms_day_reading, pms_level")
        cursor.execute(_FOLDED)
        days, levels = cursor.fetchone()
    click.echo(
        f"folded, per pack-day: {days / pack_days / 1e6:.3f} MB, levels "
        f"{levels / pack_days / 1e6:.3f} MB; {found.days} days of things in {took:.1f} s"
    )


def _sizes(platform: Platform, work: Callable[[], None]) -> Iterator[tuple[str, Size]]:
    from flexmeasures_pms import config

    for policy, text in POLICIES.items():
        platform.app.config["PMS_RECORDING"] = text
        config.init(platform.app)
        database = psycopg2.connect(platform.database_uri)
        with database, database.cursor() as cursor:
            cursor.execute(_EMPTY)
        work()
        with platform.app.app_context():
            table = table_of(datetime.now(UTC))
        # A table grows ahead of what is copied into it; that is given back here.
        database.autocommit = True
        with database.cursor() as cursor:
            cursor.execute(f"VACUUM pms_sample, {table}")
            cursor.execute(_SIZES)
            yield policy, Size(*cursor.fetchone())
        database.close()


def _ingest(platform: Platform, path: Path) -> None:
    from flexmeasures_pms.config import settings
    from flexmeasures_pms.ingest.files import ingest_file

    with platform.app.app_context():
        for _ in ingest_file(
            path,
            "pms",
            account_id=platform.account_id,
            settings=settings(),
            progress=lambda _: None,
        ):
            pass


if __name__ == "__main__":
    main()
