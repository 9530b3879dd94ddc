"""The cost of the fleet page for a process, as part of ``python -m benchmarks.registry``."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from flask import Flask
from werkzeug.test import TestResponse

from benchmarks.platform import application
from flexmeasures_pms.simulator import Layout, Site

ROWS = {
    "fleet page, first [ms]": "page_first",
    "fleet page, then [ms]": "page_then",
    "  all devices": "devices",
    "  over the wire, gzip [kB]": "page_wire",
    "its live part, with news [ms]": "live",
    "  without [ms]": "live_same",
    "the fleet for programs [ms]": "json",
    "  that over the wire, gzip [kB]": "json_wire",
}
ROUNDS = 10


def post_now(app: Flask, key: str, layout: Layout) -> None:
    """Post a sample of everything in a site, as of now."""
    client = app.test_client()
    headers = {"x-api-key": key, "Content-Type": "application/json"}
    now, step = datetime.now(UTC).replace(microsecond=0), timedelta(seconds=5)
    for request in Site(layout).requests(now - step, now, step):
        path = f"/pms/api/v1/devices/dataset/{request.dataset}"
        reply = client.post(path, data=request.body, headers=headers)
        if reply.status_code != 200:
            raise RuntimeError(f"Not stored: {reply.get_data(as_text=True)[:500]}")


def measure(token: str) -> dict[str, float]:
    """Measure in this fresh process."""
    client = application().test_client()
    headers = {"Authorization": token, "Accept-Encoding": "gzip"}

    def ask(path: str, more: Mapping[str, str] | None = None) -> tuple[float, TestResponse]:
        begin = time.perf_counter()
        reply = client.get(path, headers={**headers, **(more or {})})
        taken = (time.perf_counter() - begin) * 1000
        if reply.status_code not in (200, 304):
            raise RuntimeError(f"{path} was answered with {reply.status_code}.")
        return taken, reply

    def median(path: str, more: Mapping[str, str] | None = None) -> float:
        return statistics.median(ask(path, more)[0] for _ in range(ROUNDS))

    first, page = ask("/pms")
    live = ask("/pms?live=1")[1]
    fleet = ask("/pms/api/v1/fleet")[1]
    plain = client.get("/pms/api/v1/fleet", headers={"Authorization": token}).get_data()
    return {
        "page_first": first,
        "page_then": median("/pms"),
        "page_wire": len(page.get_data()) / 1000,
        "live": median("/pms?live=1"),
        "live_same": median("/pms?live=1", {"If-None-Match": live.headers["ETag"]}),
        "json": median("/pms/api/v1/fleet"),
        "json_wire": len(fleet.get_data()) / 1000,
        "devices": len(json.loads(plain)["devices"]),
    }
