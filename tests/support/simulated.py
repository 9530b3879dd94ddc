"""A simulated site in an organisation of a test: registered, and with telemetry."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask.testing import FlaskClient, FlaskCliRunner

from flexmeasures_pms.simulator import Layout, Site, registry_csv

URL = "/pms/api/v1/devices/dataset"


def register_layout(runner: FlaskCliRunner, account_id: int, layout: Layout) -> None:
    """Register all of a layout, as an installer would."""
    account = ["--account", str(account_id)]
    place = ["--timezone", layout.timezone]
    place += ["--latitude", str(layout.latitude), "--longitude", str(layout.longitude)]
    for system in layout.systems:
        orders = [("register-pms", system.pms)]
        orders += [("register-mppt", ident) for ident in system.mppts]
        orders += [("register-inverter", ident) for ident in system.inverters]
        for order, ident in orders:
            assert runner.invoke(args=["pms", order, ident, *account, *place]).exit_code == 0
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "registry.csv"
        file.write_text(registry_csv(layout))
        whole = ["pms", "import-registry", str(file), *account, "--yes"]
        assert runner.invoke(args=whole).exit_code == 0


def send(
    client: FlaskClient,
    headers: Mapping[str, str],
    layout: Layout,
    until: datetime | None = None,
    *,
    lasting: timedelta = timedelta(minutes=10),
    step: timedelta = timedelta(minutes=1),
) -> datetime:
    """Send what a layout measures before a time, and return that time.

    :param until: now unless given.
    """
    end = until or datetime.now(UTC).replace(microsecond=0)
    site = Site(layout)
    for request in site.requests(end - lasting, end, step, samples_per_request=60):
        reply = client.post(
            f"{URL}/{request.dataset}",
            data=request.body,
            headers=headers,
            content_type="application/json",
        )
        assert reply.status_code == 200, reply.get_data(as_text=True)
    return end
