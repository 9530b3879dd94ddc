"""``python -m benchmarks``: the path from POST to belief, compared with raw COPY.

In one run, and in turns: if the machine's speed drifts, all are affected alike. The limit of each
row is a raw COPY of the same rows, in batches of the same size, into FlexMeasures' own table.
"""

from __future__ import annotations

import os
import platform as machine
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import click

from benchmarks import growth, measures, memory
from benchmarks.measures import LAYOUT, Figures, Measurement
from benchmarks.platform import Platform, platform_under_test

SAMPLE, SAVE = "HTTP, 1 client, a 48-pack sample", "save_to_db, a 48-pack sample"
FORM = "{:<52}{:>8}{:>11}{:>11}{:>12}{:>6}"


@click.command()
@click.option("--rounds", default=30, show_default=True, help="Of the quick measurements.")
@click.option("--slow-rounds", default=3, show_default=True, help="Of save_to_db and ingest.")
@click.option("--only", multiple=True, metavar="WORD", help="Only rows that contain this word.")
@click.option("--quick", is_flag=True, help="Without the rows of a growing table.")
def main(rounds: int, slow_rounds: int, only: tuple[str, ...], quick: bool) -> None:
    """Measure writing and reading of telemetry against their limits."""
    begin = time.perf_counter()
    cores = os.cpu_count()
    click.echo(f"{datetime.now(UTC):%Y-%m-%d}, {machine.machine()}, {cores} cores,", nl=False)
    click.echo(f" Python {machine.python_version()}; medians\n")
    click.echo(FORM.format("", "beliefs", "ms", "limit ms", "% of limit", "MB"))
    taken: dict[str, Figures] = {}
    with platform_under_test(LAYOUT) as found:
        for name, measure in _measurements(rounds, slow_rounds, quick=quick):
            if not only or any(word in name for word in only):
                taken[name] = _measured(found, name, measure)
    _compare(taken)
    click.echo(f"\n{time.perf_counter() - begin:.0f} s in all")


def _measured(platform: Platform, name: str, measure: Measurement) -> Figures:
    platform.peaks.clear()
    memory.reset()
    beliefs, taken, limit = measure(platform)
    used = max(platform.peaks, default=memory.own_peak())
    share = f"{100 * limit / taken:.3g} %"
    click.echo(FORM.format(name, f"{beliefs:,}", f"{taken:,.1f}", f"{limit:,.1f}", share, used))
    return beliefs, taken, limit


def _compare(taken: dict[str, Figures]) -> None:
    if SAMPLE in taken and SAVE in taken:
        (_, ours, copied), (_, saved, _) = taken[SAMPLE], taken[SAVE]
        click.echo(f"\nA 48-pack sample over HTTP takes {ours / copied:.2f} times a raw COPY;")
        click.echo(f"save_to_db takes {saved / ours:,.0f} times as long as that.")
    for name in (growth.WEEK, growth.ALL):
        if SAMPLE in taken and name in taken:
            times = taken[name][1] / taken[SAMPLE][1]
            click.echo(f"{name}: {times:.2f} times as long as with an empty database.")


def _measurements(
    rounds: int, slow_rounds: int, *, quick: bool
) -> Iterator[tuple[str, Measurement]]:
    for packs in (4, 12, 48):
        name = f"HTTP, 1 client, a {packs}-pack sample"
        yield name, measures.sample_over_http(packs, rounds)
    yield (
        "HTTP, 1 client, a backlog of 100 x 12 packs",
        measures.backlog_over_http(rounds // 10 + 1),
    )
    yield "HTTP, 48 packs as recorded by default", measures.sample_as_set(rounds, "recorded")
    yield "HTTP, 48 packs, thinned", measures.sample_as_set(rounds, "thinned")
    for workers, threads in ((1, 2), (2, 1), (2, 2)):
        name = f"HTTP, 4 clients of 4 PMSes; {workers} x {threads} threads"
        yield name, measures.four_clients(rounds, workers, threads, own_pms=True)
    yield (
        "HTTP, 4 clients of 1 PMS; 2 x 1 threads",
        measures.four_clients(rounds, 2, 1, own_pms=False),
    )
    yield "HTTP, kept for workers: until 202", measures.queued(rounds, worked_off=False)
    yield "a worker stores a 48-pack sample", measures.queued(rounds, worked_off=True)
    yield "ingest of a day, 12 packs, a reading a minute", measures.ingest_of_a_day(slow_rounds)
    yield SAVE, measures.save_to_db(slow_rounds)
    yield "sensors/<id>/data, one belief a post", measures.sensor_data
    yield "latest of 48 packs; limit: latest_state x 2,016", measures.latest_of_48(rounds)
    if not quick:
        yield from growth.grown(rounds)


if __name__ == "__main__":
    main()
