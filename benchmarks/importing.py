"""``python -m benchmarks.importing``: a large registry file, and what others notice of it.

While a command imports the file, a gateway reports packs that change their docks, and another
command registers something now and then: both need the organisation's registry.
"""

from __future__ import annotations

import csv
import os
import platform as machine
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import click
import requests

from benchmarks.platform import Platform, platform_under_test
from flexmeasures_pms.simulator import fleet_layout
from flexmeasures_pms.simulator.registry_csv import registry_csv

LAYOUT = fleet_layout(1, 4, 12)
_ENTER = Path(sys.executable).with_name("flexmeasures")


@dataclass(slots=True)
class Noticed:
    """What others noticed: seconds of requests and commands, and what was refused."""

    posts: list[float] = field(default_factory=list)
    commands: list[float] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


@click.command()
@click.option("--cases", default=12_000, show_default=True, help="Lines of the file.")
def main(cases: int) -> None:
    """Import a registry file while a gateway and another command use the registry."""
    click.echo(f"{datetime.now(UTC):%Y-%m-%d}, {machine.machine()}, {os.cpu_count()} cores\n")
    with platform_under_test(LAYOUT) as found, found.web(1) as address:
        file = found.data_dir / "cases.csv"
        file.write_text(_other_ids(registry_csv(fleet_layout(-(-cases // 48), 4, 12)), cases))
        noticed = Noticed()
        with _beside(found, address, noticed):
            _, registered, ready, peak = _imported(found, file)
        click.echo(f"{'lines':<44}{cases:>12,}")
        click.echo(f"{'registered after [s]':<44}{registered:>12.0f}")
        click.echo(f"{'all assets and sensors ready after [s]':<44}{ready:>12.0f}")
        click.echo(f"{'most memory of the command [MB]':<44}{peak:>12.0f}")
        click.echo(f"{'requests with moved packs':<44}{len(noticed.posts):>12}")
        click.echo(f"{'  refused':<44}{len(noticed.refused):>12}")
        click.echo(f"{'  the longest [s]':<44}{max(noticed.posts):>12.2f}")
        click.echo(f"{'registrations by another process':<44}{len(noticed.commands):>12}")
        click.echo(f"{'  the longest [s]':<44}{max(noticed.commands):>12.2f}")
        for text in noticed.refused[:3]:
            click.echo(text)


def _other_ids(text: str, cases: int) -> str:
    """Return a file whose things are not those of the site that reports."""
    header, *lines = csv.reader(StringIO(text))
    ids = [name.endswith(".id") or ".id." in name or "alias" in name for name in header]
    found = StringIO()
    writer = csv.writer(found)
    writer.writerow(header)
    for fields in lines[:cases]:
        writer.writerow(
            f"N{text}" if is_id and text else text for is_id, text in zip(ids, fields, strict=True)
        )
    return found.getvalue()


def _imported(found: Platform, file: Path) -> tuple[str, float, float, float]:
    """Return the output, the seconds until all is registered and ready, and the peak [MB]."""
    begin = time.perf_counter()
    arguments = ("pms", "import-registry", str(file), "--account", str(found.account_id), "--yes")
    with (file.parent / "import.log").open("w") as log:
        process = subprocess.Popen([str(_ENTER), *arguments], stdout=log, stderr=log)
        registered, peak = 0.0, 0.0
        while process.poll() is None:
            peak = max(peak, _peak(process.pid))
            if not registered and "Registered" in (file.parent / "import.log").read_text():
                registered = time.perf_counter() - begin
            time.sleep(0.2)
    text = (file.parent / "import.log").read_text()
    if process.returncode:
        raise click.ClickException(text[-2000:])
    return text, registered, time.perf_counter() - begin, peak


def _peak(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    peak = next((line for line in status.splitlines() if line.startswith("VmHWM")), "VmHWM 0 kB")
    return int(peak.split()[1]) / 1024


@contextmanager
def _beside(found: Platform, address: str, noticed: Noticed) -> Iterator[None]:
    """Let others use the registry for the time of the block."""
    over = threading.Event()
    others = [
        threading.Thread(target=_post, args=(found, address, noticed, over)),
        threading.Thread(target=_register, args=(found, noticed, over)),
    ]
    for thread in others:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in others:
            thread.join()


def _post(found: Platform, address: str, noticed: Noticed, over: threading.Event) -> None:
    """Report a pack from another dock, every two seconds."""
    system = LAYOUT.systems[0]
    cases = [case for cabinet in system.cabinets for case in cabinet.cases]
    turn = 0
    while not over.wait(2):
        turn += 1
        case, dock = cases[turn % len(cases)].ident, 1 + (turn * 7) % 48
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        sample = {"time_local": at, "pack": {"id": case, "dock": dock, "volts": 51.2}}
        body = {"datasets": [{"pms_id": system.pms, "data": [sample]}]}
        begin = time.perf_counter()
        headers = {"x-api-key": found.key}
        url = f"{address}/pms/api/v1/devices/dataset/pms"
        reply = requests.post(url, json=body, headers=headers, timeout=120)
        noticed.posts.append(time.perf_counter() - begin)
        if reply.status_code != 200 or not reply.json()["receipt"]["stored"]:
            noticed.refused.append(f"{reply.status_code} {reply.text[:300]}")


def _register(found: Platform, noticed: Noticed, over: threading.Event) -> None:
    """Register a device, every five seconds; what takes long is the wait for the registry."""
    from flexmeasures_pms.ingest.follow_up import commit
    from flexmeasures_pms.registry.editing import orders
    from flexmeasures_pms.registry.editing.change import Author
    from flexmeasures_pms.registry.editing.order import Order

    author = Author("bench")
    while not over.wait(5):
        with found.app.app_context():
            begin = time.perf_counter()
            order = Order(author, account_id=found.account_id)
            commit(orders.register(order, "mppt", f"M-{len(noticed.commands)}"), author)
            noticed.commands.append(time.perf_counter() - begin)


if __name__ == "__main__":
    main()
