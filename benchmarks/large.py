"""``python -m benchmarks.large``: FlexMeasures' own pages with many packs.

One PMS of 48 packs, copied in the database; then a fresh process asks for each page twice, and
the second answer is measured.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime

import click

from benchmarks import clones
from benchmarks.platform import application, platform_under_test
from flexmeasures_pms.simulator import fleet_layout

LAYOUT = fleet_layout(1, 4, 12)
_LISTED = "fields=id|name|generic_asset_type|owner|latitude|longitude|sensors&all_accessible=true"
PATHS = {
    "dashboard": "/dashboard",
    "asset list": "/assets",
    "  10 rows of it": f"/api/v3_0/assets?page=1&per_page=10&{_LISTED}",
    "assets of an organisation": "/assets/owned_by/{account}",
    "organisation": "/accounts/{account}",
    "context of a PMS": "/assets/{pms}/context",
    "graphs of a PMS": "/assets/{pms}/graphs",
    "properties of a PMS": "/assets/{pms}/properties",
    "status of a PMS": "/assets/{pms}/status",
}


@click.command()
@click.option("--pms", default=300, show_default=True, help="PMSes of 48 packs.")
@click.option("--probe", nargs=2, hidden=True, help="Measure in this process.")
def main(pms: int, probe: tuple[str, str] | None) -> None:
    """Measure FlexMeasures' pages with the assets of many PMSes."""
    if probe:
        click.echo(json.dumps(measure(int(probe[0]), probe[1])))
        return
    click.echo(f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores; {pms * 48:,} packs\n")
    with platform_under_test(LAYOUT) as found:
        rows = clones.multiply(found.database_uri, found.account_id, pms)
        arguments = ("--probe", str(found.account_id), found.token)
        command = (sys.executable, "-m", "benchmarks.large", *arguments)
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    click.echo(f"{rows['generic_asset']:,} assets, {rows['sensor']:,} sensors")
    click.echo(f"{'':<28}{'time [s]':>10}{'of it CPU':>11}{'size [MB]':>11}")
    for label, (taken, cpu, size) in json.loads(done.stdout.splitlines()[-1]).items():
        click.echo(f"{label:<28}{taken:>10.2f}{cpu:>11.2f}{size:>11.2f}")


def measure(account_id: int, token: str) -> dict[str, tuple[float, float, float]]:
    """Measure in this fresh process.

    :returns: by page: time [s], CPU time of this process [s], size [MB].
    """
    app = application()
    client = app.test_client()

    def ask(path: str) -> tuple[float, float, float]:
        begin, used = time.perf_counter(), time.process_time()
        reply = client.get(path, headers={"Authorization": token})
        size = len(reply.get_data()) / 1e6
        if reply.status_code != 200:
            raise RuntimeError(f"{path} was answered with {reply.status_code}.")
        return time.perf_counter() - begin, time.process_time() - used, size

    with app.app_context():
        pms = _one_pms()
    paths = {label: path.format(account=account_id, pms=pms) for label, path in PATHS.items()}
    return {label: (ask(path), ask(path))[1] for label, path in paths.items()}


def _one_pms() -> int:
    import sqlalchemy as sa
    from flexmeasures.data import db

    query = "SELECT asset_id FROM pms_trackable WHERE kind = 'pms' ORDER BY id LIMIT 1"
    return int(db.session.execute(sa.text(query)).scalar_one())


if __name__ == "__main__":
    main()
