"""``python -m benchmarks``: what the path from POST to belief costs, beside raw COPY.

In one run, and in turns: a machine whose speed drifts slows all of them. The limit of each
row is a raw COPY of the same rows, in batches of the same size, into the same table.
"""

from __future__ import annotations

import os
import platform as machine
import time
from collections.abc import Callable
from datetime import UTC, datetime

import click

from benchmarks import measures
from benchmarks.measures import LAYOUT
from benchmarks.platform import platform_under_test

SAMPLE, SAVE = "HTTP, 1 client, a 48-pack sample", "save_to_db, a 48-pack sample"


@click.command()
@click.option("--rounds", default=30, show_default=True, help="Of the quick measurements.")
@click.option("--slow-rounds", default=2, show_default=True, help="Of save_to_db.")
@click.option("--only", multiple=True, metavar="WORD", help="Only rows that have this word.")
def main(rounds: int, slow_rounds: int, only: tuple[str, ...]) -> None:
    """Measure writing and reading telemetry against what is possible."""
    begin = time.perf_counter()
    cores = os.cpu_count()
    click.echo(f"{datetime.now(UTC):%Y-%m-%d}, {machine.machine()}, {cores} cores,", nl=False)
    click.echo(f" Python {machine.python_version()}; medians\n")
    form = "{:<44}{:>9}{:>11}{:>11}{:>12}"
    click.echo(form.format("", "beliefs", "ms", "limit ms", "% of limit"))
    taken: dict[str, float] = {}
    with platform_under_test(LAYOUT) as found:
        for name, measure in _measurements(rounds, slow_rounds).items():
            if only and not any(word in name for word in only):
                continue
            beliefs, taken[name], limit = measure(found)
            share = 100 * limit / taken[name]
            figures = (f"{beliefs:,}", f"{taken[name]:,.1f}", f"{limit:,.1f}", f"{share:.3g} %")
            click.echo(form.format(name, *figures))
            if name == SAMPLE:
                taken["COPY"] = limit
    if SAMPLE in taken and SAVE in taken:
        ours = taken[SAMPLE]
        click.echo(
            f"\nA 48-pack sample over HTTP takes {ours / taken['COPY']:.2f} times a raw COPY;"
        )
        click.echo(f"save_to_db takes {taken[SAVE] / ours:,.0f} times as long as that.")
    seconds, memory = time.perf_counter() - begin, measures.peak_memory()
    click.echo(f"\n{seconds:.0f} s in all; peak memory of this process: {memory} MB")


def _measurements(rounds: int, slow_rounds: int) -> dict[str, Callable[..., measures.Figures]]:
    return {
        **{
            f"HTTP, 1 client, a {packs}-pack sample": measures.sample_over_http(packs, rounds)
            for packs in (4, 12, 48)
        },
        "HTTP, 1 client, a backlog of 100 x 12 packs": measures.backlog_over_http(rounds // 10 + 1),
        "HTTP, 48 packs as recorded by default": measures.sample_by_default(rounds),
        "HTTP, 4 clients of 4 PMSes on 2 workers": measures.four_clients(rounds, own_pms=True),
        "HTTP, 4 clients of 1 PMS on 2 workers": measures.four_clients(rounds, own_pms=False),
        "ingest of a day, 12 packs, a reading a minute": measures.ingest_of_a_day,
        SAVE: measures.save_to_db(slow_rounds),
        "sensors/<id>/data, one belief a post": measures.sensor_data,
        "latest of 48 packs; limit: latest_state x 2,016": measures.latest_of_48(rounds),
    }


if __name__ == "__main__":
    main()
