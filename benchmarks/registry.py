"""``python -m benchmarks.registry``: the cost of a large registry for a process.

One PMS of 48 packs, then the same database with 1,000 of them: a fresh process gets its
first request of a 48-pack sample, and the next ones; then requests of the others. Another
process shows the fleet.
"""

from __future__ import annotations

import json
import os
import platform as machine
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import click

from benchmarks import clones, fleet
from benchmarks.platform import Platform, application, platform_under_test
from flexmeasures_pms.ingest.limits import decoding_limits
from flexmeasures_pms.simulator import Layout, Site, fleet_layout

LAYOUT = fleet_layout(1, 4, 12)
STEP = timedelta(seconds=5)
ROWS = {
    "things registered": "things",
    "sensors": "sensors",
    "a process starts in [s]": "start",
    "a process, before its first request [MB]": "memory_before",
    "first request, 48 packs [ms]": "first_request",
    "the process after it [MB]": "memory_after",
    "the next requests, 48 packs [ms]": "next_request",
    "of that the registry, remembered [ms]": "remembered",
    "the registry, not remembered [ms]": "not_remembered",
    "the registry, after a change elsewhere [ms]": "change_elsewhere",
    "a request with a hot swap [ms]": "hot_swap",
    "the request after it [ms]": "after_hot_swap",
    "newest readings of a PMS, first [ms]": "latest_first",
    "newest readings of a PMS, then [ms]": "latest_then",
    "the process after packs of all PMSes [MB]": "memory_all",
    "  and after their sensors [MB]": "memory_sensors",
    "  remembered of the registry": "weight",
    "all of it read, as for `pms tree` [s]": "whole_seconds",
    "  and held [MB]": "whole_memory",
}


@click.command()
@click.option("--pms", default=1000, show_default=True, help="PMSes of 48 packs.")
@click.option("--probe", nargs=3, hidden=True, help="Measure in this process.")
@click.option("--page", hidden=True, help="Measure the fleet page in this process.")
def main(pms: int, probe: tuple[str, str, str] | None, page: str | None) -> None:
    """Measure a registry of many PMSes, compared with one of a single PMS."""
    if probe:
        account_id, key, count = probe
        click.echo(json.dumps(measure(int(account_id), key, int(count))))
        return
    if page:
        click.echo(json.dumps(fleet.measure(page)))
        return
    begin = time.perf_counter()
    cores = os.cpu_count()
    click.echo(f"{datetime.now(UTC):%Y-%m-%d}, {machine.machine()}, {cores} cores,", nl=False)
    click.echo(f" Python {machine.python_version()}; medians\n")
    with platform_under_test(LAYOUT) as found:
        columns = [_column(found, 1)]
        clones.multiply(found.database_uri, found.account_id, pms)
        columns.append(_column(found, pms))
    click.echo(f"{'':<46}{'1 PMS':>12}{f'{pms:,} PMSes':>16}")
    for label, name in [*ROWS.items(), *fleet.ROWS.items()]:
        one, many = (_figure(column[name]) for column in columns)
        click.echo(f"{label:<46}{one:>12}{many:>16}")
    click.echo(f"\n{time.perf_counter() - begin:.0f} s in all")


def _figure(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"


def _column(found: Platform, pms: int) -> dict[str, float]:
    measured = _in_a_fresh_process("--probe", str(found.account_id), found.key, str(pms))
    fleet.post_now(found.app, found.key, LAYOUT)
    clones.report(found.database_uri, pms)
    return measured | _in_a_fresh_process("--page", found.token)


def _in_a_fresh_process(*arguments: str) -> dict[str, float]:
    command = (sys.executable, "-m", "benchmarks.registry", *arguments)
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def memory() -> int:
    """Return the memory of this process [MB]."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") >> 20


def timed(work: Callable[[], Any]) -> float:
    """Return how many milliseconds something takes."""
    begin = time.perf_counter()
    work()
    return (time.perf_counter() - begin) * 1000


def bodies(number: int, layout: Layout = LAYOUT) -> Iterator[bytes]:
    """Yield samples of 48 packs of a copy of the PMS."""
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)
    for request in Site(layout).requests(start, start + timedelta(hours=3), STEP):
        if request.dataset == "pms":
            body = json.loads(request.body)
            for dataset in body["datasets"]:
                dataset["pms_id"] = clones.ident(dataset["pms_id"], number)
                for sample in dataset["data"]:
                    sample["pack"]["id"] = clones.ident(sample["pack"]["id"], number)
            yield json.dumps(body).encode()


def measure(account_id: int, key: str, pms: int) -> dict[str, float]:
    """Measure in this fresh process."""
    begin = time.perf_counter()
    app = application()
    started = time.perf_counter() - begin
    client = app.test_client()
    headers = {"x-api-key": key, "Content-Type": "application/json"}
    samples = bodies(pms // 2)
    first, second, *more = islice(samples, 42)
    found: dict[str, float] = {"start": started, "memory_before": memory()}

    def post(body: bytes) -> None:
        reply = client.post("/pms/api/v1/devices/dataset/pms", data=body, headers=headers)
        receipt = (reply.get_json() or {}).get("receipt", {})
        if reply.status_code != 200 or receipt["stored"] != receipt["samples"]:
            raise RuntimeError(f"Not all was stored: {reply.get_data(as_text=True)[:500]}")

    found["first_request"] = timed(lambda: post(first))
    found["memory_after"] = memory()
    found["next_request"] = statistics.median([timed(partial(post, body)) for body in more[:30]])
    address = f"/pms/api/v1/pms/{clones.ident(LAYOUT.systems[0].pms, pms // 2)}/latest"
    asked = [timed(lambda: client.get(address, headers=headers)) for _ in range(20)]
    found["latest_first"], found["latest_then"] = asked[0], statistics.median(asked[1:])
    with app.app_context():
        found |= _registry(account_id, second)
    swapped = json.loads(more[30])
    one, other, *_ = swapped["datasets"][0]["data"]
    docks = one["pack"]["dock"], other["pack"]["dock"]
    other["pack"]["dock"], one["pack"]["dock"] = docks
    found["hot_swap"] = timed(lambda: post(json.dumps(swapped).encode()))
    later = json.loads(more[31])
    for sample in later["datasets"][0]["data"][:2]:
        sample["pack"]["dock"] = sum(docks) - sample["pack"]["dock"]
    found["after_hot_swap"] = timed(lambda: post(json.dumps(later).encode()))
    with app.app_context():
        return found | _all_of_it(account_id, pms)


def _registry(account_id: int, body: bytes) -> dict[str, float]:
    from flexmeasures.data import db

    from flexmeasures_pms.beliefs.resolve import registered_near
    from flexmeasures_pms.registry.editing import orders
    from flexmeasures_pms.registry.editing.change import Author
    from flexmeasures_pms.registry.editing.order import Order
    from flexmeasures_pms.registry.loading import cache as remembered

    samples = _decoded(body)

    def ask() -> None:
        registered_near(account_id, samples)

    def anew() -> float:
        remembered.forget(account_id)
        return timed(ask)

    def elsewhere(number: int) -> float:
        order = Order(Author("bench"), account_id=account_id)
        orders.register(order, "mppt", f"elsewhere {number}")
        db.session.commit()
        return timed(ask)

    ask()
    return {
        "remembered": statistics.median([timed(ask) for _ in range(100)]),
        "change_elsewhere": statistics.median([elsewhere(n) for n in range(20)]),
        "not_remembered": statistics.median([anew() for _ in range(20)]),
    }


def _decoded(body: bytes) -> Any:
    from flexmeasures_pms.config import settings
    from flexmeasures_pms.wire import decode

    return decode(
        body, dataset="pms", content_type="application/json", limits=decoding_limits(settings())
    ).samples


def _all_of_it(account_id: int, pms: int) -> dict[str, float]:
    import sqlalchemy as sa
    from flexmeasures.data import db

    from flexmeasures_pms.beliefs.resolve import registered_near
    from flexmeasures_pms.beliefs.sensors import sensor_ids
    from flexmeasures_pms.registry.loading import cache as remembered
    from flexmeasures_pms.registry.loading import snapshot

    assets = []
    body = next(bodies(0)).decode()
    for number in range(pms):
        samples = json.loads(body)
        for dataset in samples["datasets"]:
            dataset["pms_id"] = clones.ident(dataset["pms_id"], number)
            for sample in dataset["data"]:
                sample["pack"]["id"] = clones.ident(sample["pack"]["id"], number)
        near = registered_near(account_id, _decoded(json.dumps(samples).encode()))
        assets.append(near.owned)
        db.session.rollback()
    found: dict[str, float] = {"memory_all": memory(), "weight": remembered.remembered()}
    for owned in assets:
        sensor_ids(owned)
    found["memory_sensors"] = memory()
    whole: list[Any] = []
    found["whole_seconds"] = timed(lambda: whole.append(snapshot.read(account_id))) / 1000
    found["whole_memory"] = memory() - int(found["memory_sensors"])
    count = "SELECT (SELECT count(*) FROM pms_trackable), (SELECT count(*) FROM sensor)"
    found["things"], found["sensors"] = db.session.execute(sa.text(count)).one()
    return found


if __name__ == "__main__":
    main()
