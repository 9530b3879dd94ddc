"""The product's word where requests are kept for workers: a short run of the harness.

``make faults ARGS=--queued`` runs it for as long as wanted.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from conftest import DATA_DIR
from faults import plant
from faults.run import run
from faults.world import World, world
from support.telemetry import at, pack_sample, request

SECONDS = 10
# A reply that takes longer than this waited for more than one try at Redis.
BOUND = 10


@pytest.fixture(scope="module")
def running() -> Iterator[World]:
    with world(DATA_DIR, queued=True) as found:
        yield found


def ask(running: World, method: str, path: str, body: str | None = None) -> Any:
    headers = next(iter(running.accounts[0]["all"].values()))
    headers = {"Content-Type": "application/json", **headers}
    url = f"http://127.0.0.1:{running.port}{path}"
    return requests.request(method, url, data=body, headers=headers, timeout=BOUND)


def test_what_was_acknowledged_is_there_once_and_nothing_else_is(running: World) -> None:
    seed = random.SystemRandom().randrange(10**6)
    report = run(running, SECONDS, seed, every=(0.5, 2.5))
    print(report)
    assert report.clean, str(report)
    assert report.verdict.samples > 0
    assert report.kills.total() > 0
    assert report.changes.total() > 0


def test_without_redis_requests_are_kept_and_done_when_it_is_back(running: World) -> None:
    path = "/pms/api/v1/devices/dataset/pms"
    running.redis.kill()
    try:
        replies = [
            ask(running, "POST", path, request({"pms_id": plant.PMS}, pack_sample("0241", at(n))))
            for n in range(4)
        ]
    finally:
        running.redis.start()
    assert {reply.status_code for reply in replies} == {202}
    time.sleep(6)  # the web server does not try Redis again at once
    last = request({"pms_id": plant.PMS}, pack_sample("0241", at(9)))
    replies.append(ask(running, "POST", path, last))
    running.settle()
    told = [ask(running, "GET", reply.headers["Location"]).json() for reply in replies]
    assert [(t["status"], t["stored"]) for t in told] == [("PROCESSED", 1)] * 5
