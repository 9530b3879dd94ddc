"""``python -m benchmarks``: three ways to write one 48-pack sample, in one run.

The same beliefs go into the same table over HTTP (this plugin, one gunicorn worker),
through FlexMeasures' ``save_to_db``, and as a raw COPY, which is the limit. The three
take turns, so that a machine whose speed drifts slows them all.
"""

from __future__ import annotations

import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import click
import psycopg2
import requests
from flask import Flask

from benchmarks import ways
from flexmeasures_pms.demo.process import Server, running
from flexmeasures_pms.demo.servers import servers, stopping_on_signals
from flexmeasures_pms.demo.settings import environment, write_config
from flexmeasures_pms.demo.valkey import free_port
from flexmeasures_pms.demo.web import HOST, answers
from flexmeasures_pms.simulator import Site, fleet_layout

START = datetime(2026, 1, 5, 5, tzinfo=UTC)
STEP = timedelta(seconds=5)
LAYOUT = fleet_layout(1, 4, 12)
TEN_YEARS = timedelta(days=3650)
WARM_UP = 5


@contextmanager
def platform_under_test() -> Iterator[tuple[Flask, str]]:
    """Run FlexMeasures with a 48-pack PMS for the time of the block; yield it and its address."""
    with tempfile.TemporaryDirectory(prefix="pms-bench-") as folder, stopping_on_signals():
        data_dir = Path(folder)
        data_dir.chmod(0o755)
        with servers(data_dir) as found:
            write_config(data_dir, found)
            os.environ.update(environment(data_dir, found))
            app = ways.prepare(LAYOUT)
            with web_server(data_dir) as url:
                yield app, url


@contextmanager
def web_server(data_dir: Path) -> Iterator[str]:
    """Run one gunicorn worker for the time of the block, and yield its address."""
    port = free_port()
    command = ("-m", "gunicorn", "benchmarks.ways:application()", "--bind", f"{HOST}:{port}")
    server = Server(
        [sys.executable, *command, "--workers", "1", "--timeout", "120", "--log-level", "warning"],
        record=data_dir / "web.json",
        log=data_dir / "web.log",
        ready=lambda: answers(port),
        seconds=120,
        environment=dict(os.environ),
    )
    with running(server):
        yield f"http://{HOST}:{port}"


def timed(work: Callable[[], object]) -> float:
    """Return how many milliseconds something takes."""
    begin = time.perf_counter()
    work()
    return (time.perf_counter() - begin) * 1000


def measure(app: Flask, url: str, rounds: int, slow_rounds: int) -> dict[str, list[float]]:
    """Take turns, and return the milliseconds of each way; ``beliefs`` is their number."""
    site = Site(LAYOUT).requests(START, START + STEP * 100_000, STEP)
    samples = (request for request in site if request.dataset == "pms")
    database = psycopg2.connect(app.config["SQLALCHEMY_DATABASE_URI"])
    session = requests.Session()
    session.headers["Authorization"] = ways.token(app)
    taken: dict[str, list[float]] = {"COPY": [], "HTTP": [], "save_to_db": [], "beliefs": []}
    for number, sample in zip(range(-WARM_UP, rounds), samples, strict=False):
        http = timed(partial(ways.post, session, url, sample.body))
        rows = ways.rows_at(database, sample.time)
        copy = timed(partial(ways.copy, database, ways.as_text(rows, TEN_YEARS)))
        if number >= 0:
            taken["HTTP"].append(http)
            taken["COPY"].append(copy)
            taken["beliefs"].append(len(rows))
        if 0 <= number < slow_rounds:
            taken["save_to_db"].append(timed(ways.saving(app, rows, 2 * TEN_YEARS)))
    database.close()
    return taken


@click.command()
@click.option("--rounds", default=40, show_default=True, help="Of HTTP and COPY.")
@click.option("--slow-rounds", default=2, show_default=True, help="Of save_to_db.")
def main(rounds: int, slow_rounds: int) -> None:
    """Write one 48-pack sample over HTTP, through save_to_db and as a raw COPY."""
    with platform_under_test() as (app, url):
        taken = measure(app, url, rounds, slow_rounds)
    beliefs = statistics.median(taken.pop("beliefs"))
    medians = {way: statistics.median(times) for way, times in taken.items()}
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    click.echo(f"One 48-pack sample, {beliefs:.0f} beliefs ({machine})\n")
    click.echo(
        f"{'way':<12}{'rounds':>7}{'median ms':>12}{'min ms':>10}{'x COPY':>10}{'x HTTP':>10}"
    )
    for way, middle in medians.items():
        click.echo(
            f"{way:<12}{len(taken[way]):>7}{middle:>12.1f}{min(taken[way]):>10.1f}"
            f"{middle / medians['COPY']:>10.2f}{middle / medians['HTTP']:>10.2f}"
        )


if __name__ == "__main__":
    main()
