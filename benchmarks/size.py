"""``python -m benchmarks.size``: bytes per pack and day, for each recording policy.

Of disk, and of PostgreSQL's write-ahead log (WAL); then the day folded, a day whose cell voltages
have a noise of 1 mV folded, and how soon a dropped week gives its disk back.
"""

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
from typing import Any

import click
import numpy as np
import psycopg2

from benchmarks.platform import Platform, platform_under_test
from flexmeasures_pms import config
from flexmeasures_pms.catalogue.quantities import CELLS
from flexmeasures_pms.demo.prepare import command
from flexmeasures_pms.simulator import Site, fleet_layout
from flexmeasures_pms.storage.readings.belief_tables import table_of

PACKS = 4
LAYOUT = fleet_layout(1, 1, PACKS)
START = datetime(2025, 3, 3, tzinfo=UTC)
DAY = timedelta(days=1)
# As docs/scaling.md advises: after each checkpoint the log has whole pages.
SETTINGS = {"max_wal_size": "16GB", "checkpoint_timeout": "15min"}
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
      (SELECT count(*) FROM timed_belief),
      pg_current_wal_insert_lsn() - %s"""
# Each policy begins with empty tables: what is left free in them would not be counted.
_EMPTY = (
    "TRUNCATE timed_belief, pms_sample, pms_day, pms_day_reading, pms_level, pms_latest, "
    "pms_receipt_hour"
)


_DATABASE = "SELECT pg_database_size(current_database())"
_FOLDED = """
    SELECT pg_total_relation_size('pms_day') + pg_total_relation_size('pms_day_reading'),
      pg_total_relation_size('pms_level')"""


@dataclass(frozen=True, slots=True)
class Size:
    """The size of some pack-days [bytes], their rows, and what WAL was written for them [bytes]."""

    beliefs: int
    log: int
    rows: int
    wal: int


@click.command()
@click.option("--log", type=click.Path(exists=True, path_type=Path), help="A pack's log (CSV).")
@click.option("--log-days", type=float, default=50 / 24, show_default=True)
@click.option("--log-pack", default="269", show_default=True)
@click.option("--log-pms", default="25", show_default=True)
def main(log: Path | None, log_days: float, log_pack: str, log_pms: str) -> None:
    """Measure a simulated day of packs at 5 s, and a field log if one is given."""
    with platform_under_test(LAYOUT, SETTINGS) as found, tempfile.TemporaryDirectory() as folder:
        day, noisy = Path(folder) / "day.jsonl", Path(folder) / "noisy.jsonl"
        _write_day(day)
        _table("simulator, 5 s", found, lambda: _ingest(found, day), PACKS)
        _write_day(noisy, millivolts=1)
        _empty(found)
        _ingest(found, noisy)
        _echo_folded("with 1 mV noise, folded", found, PACKS)
        _echo_dropped(found, lambda: _ingest(found, day))
        if log is not None:
            with redirect_stdout(StringIO()):
                account = ("--account", str(found.account_id))
                command(found.app, "register-pms", log_pms, "--timezone", "Asia/Jakarta", *account)
                command(found.app, "register-case", log_pack, *account)
            _table(log.name, found, lambda: _ingest(found, log), log_days)


def _write_day(path: Path, millivolts: float = 0) -> None:
    """Write a day of requests.

    :param millivolts: the standard deviation of noise that is added to each cell's voltage [mV].
    """
    noise = np.random.default_rng(3)
    with path.open("wb") as lines:
        for request in Site(LAYOUT).requests(
            START, START + DAY, timedelta(seconds=5), samples_per_request=100
        ):
            if request.dataset == "pms":
                body = json.loads(request.body)
                if millivolts:
                    _add_noise(body, noise, millivolts / 1000)
                lines.write(json.dumps(body, separators=(",", ":")).encode() + b"\n")


def _add_noise(body: Any, noise: np.random.Generator, volts: float) -> None:
    for sample in (sample for dataset in body["datasets"] for sample in dataset["data"]):
        cell = sample["pack"]["cell"]
        cell["volts"] = np.round(cell["volts"] + noise.normal(0, volts, CELLS), 3).tolist()


def _table(name: str, platform: Platform, work: Callable[[], None], pack_days: float) -> None:
    click.echo(f"\n{name}: per pack-day")
    form = "{:<34}{:>10}{:>12}{:>9}{:>9}{:>14}"
    click.echo(form.format("", "rows", "beliefs MB", "log MB", "WAL MB", "of every"))
    sizes = dict(_sizes(platform, work))
    every = sizes["every"].beliefs
    for policy, size in sizes.items():
        share = size.beliefs / every
        megabytes = (f"{n / pack_days / 1e6:.2f}" for n in (size.beliefs, size.log, size.wal))
        rows = f"{size.rows / pack_days:,.0f}"
        click.echo(form.format(policy, rows, *megabytes, f"{share:.1%}"))
    click.echo(
        f"a belief of every: {every / sizes['every'].rows:.0f} bytes, "
        f"and {sizes['every'].wal / sizes['every'].rows:.0f} of WAL"
    )
    _echo_folded("folded", platform, pack_days)


def _echo_folded(name: str, platform: Platform, pack_days: float) -> None:
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
        f"{name}, per pack-day: {days / pack_days / 1e6:.3f} MB, levels "
        f"{levels / pack_days / 1e6:.3f} MB; {found.days} days of things in {took:.1f} s"
    )


def _sizes(platform: Platform, work: Callable[[], None]) -> Iterator[tuple[str, Size]]:
    for policy, text in POLICIES.items():
        platform.app.config["PMS_RECORDING"] = text
        config.init(platform.app)
        _empty(platform)
        database = psycopg2.connect(platform.database_uri)
        with database, database.cursor() as cursor:
            cursor.execute("SELECT pg_current_wal_insert_lsn()")
            (begin,) = cursor.fetchone()
        work()
        with platform.app.app_context():
            table = table_of(datetime.now(UTC))
        # A table grows ahead of what is copied into it; that is given back here.
        database.autocommit = True
        with database.cursor() as cursor:
            cursor.execute(f"VACUUM pms_sample, {table}")
            cursor.execute(_SIZES, (begin,))
            yield policy, Size(*map(int, cursor.fetchone()))
        database.close()


def _empty(platform: Platform) -> None:
    with (
        closing(psycopg2.connect(platform.database_uri)) as database,
        database,
        database.cursor() as cursor,
    ):
        cursor.execute(_EMPTY)


def _echo_dropped(platform: Platform, work: Callable[[], None]) -> None:
    """Store every reading, drop the table of the week, and print how soon its disk is free."""
    platform.app.config["PMS_RECORDING"] = POLICIES["every"]
    config.init(platform.app)
    _empty(platform)
    work()
    with platform.app.app_context():
        table = table_of(datetime.now(UTC))
    with (
        closing(psycopg2.connect(platform.database_uri)) as database,
        database.cursor() as cursor,
    ):
        cursor.execute(_DATABASE)
        ((used,),) = cursor.fetchall()
        begin = time.monotonic()
        cursor.execute(f"DROP TABLE {table}")
        database.commit()
        took = time.monotonic() - begin
        cursor.execute(_DATABASE)
        ((left,),) = cursor.fetchall()
    click.echo(f"a table of a week dropped in {took:.2f} s: {(used - left) / 1e6:.0f} MB are free")


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
