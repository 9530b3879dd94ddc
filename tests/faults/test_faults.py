"""The product's word, kept while everything around it breaks: a short run of the harness.

``make faults`` runs it for as long as wanted.
"""

from __future__ import annotations

import gzip
import random
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from conftest import DATA_DIR
from faults import plant
from faults.run import run
from faults.world import World, world
from support.telemetry import CELLS, at, pack_sample, request

SECONDS = 12
# A reply that takes longer than this was not bounded by the settings below.
BOUND = 20
SETTINGS: dict[str, object] = {"PMS_LOCK_TIMEOUT": 5, "PMS_STATEMENT_TIMEOUT": 5}


@pytest.fixture(scope="module")
def running() -> Iterator[World]:
    with world(DATA_DIR, SETTINGS) as found:
        yield found


def credential(running: World) -> dict[str, str]:
    found: dict[str, str] = next(iter(running.accounts[0]["all"].values()))
    return found


def post(running: World, body: str | bytes, timeout: float = BOUND, **headers: str) -> Any:
    headers = {**credential(running), **headers}
    headers.setdefault("Content-Type", "application/json")
    url = f"http://127.0.0.1:{running.port}/pms/api/v1/devices/dataset/pms"
    return requests.post(url, body, headers=headers, timeout=timeout)


def test_what_was_acknowledged_is_there_once_and_nothing_else_is(running: World) -> None:
    seed = random.SystemRandom().randrange(10**6)
    report = run(running, SECONDS, seed, every=(0.5, 2.5))
    print(report)
    assert report.clean, str(report)
    assert report.verdict.samples > 0
    assert report.kills.total() > 0
    assert report.changes.total() > 0


def test_without_postgresql_every_request_is_told_to_come_back(running: World) -> None:
    body = request({"pms_id": plant.PMS}, pack_sample("0241", at(1)))
    assert post(running, body).status_code == 200
    running.postgres.kill()
    try:
        begin = time.monotonic()
        replies = [post(running, body) for _ in range(6)]
        assert time.monotonic() - begin < BOUND
    finally:
        running.postgres.start()
    for reply in replies:
        assert reply.status_code == 503, reply.text
        assert reply.json()["status"] == "UNAVAILABLE"
        assert int(reply.headers["Retry-After"]) > 0
    assert post(running, body).json()["receipt"]["duplicate"] == 1


def test_redis_is_not_needed_to_take_telemetry(running: World) -> None:
    body = request({"pms_id": plant.PMS}, pack_sample("0241", at(2)))
    running.redis.kill()
    try:
        assert post(running, body).json()["receipt"]["stored"] == 1
    finally:
        running.redis.start()


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("content_type", ["text/csv", "application/json"])
def test_nothing_is_taken_of_a_request_that_was_cut_off(
    running: World, content_type: str, compressed: bool
) -> None:
    data = gzip.compress(broken_off(content_type)) if compressed else broken_off(content_type)
    length = {"Content-Length": str(len(data))}
    encoding = {"Content-Encoding": "gzip"} if compressed else {}

    reply = exchange(running, {"Content-Type": content_type, **length, **encoding}, data[:-3])

    assert reply.startswith(b"HTTP/1.1 400"), reply
    assert b"cut off" in reply


@pytest.mark.parametrize("end", [b"", b"1", b"xyz\r\n0\r\n\r\n", b"-1\r\n\r\n0\r\n\r\n"])
def test_nothing_is_taken_of_malformed_chunks(running: World, end: bytes) -> None:
    data = broken_off("text/csv")
    chunks = f"{len(data):x}\r\n".encode() + data + b"\r\n" + end

    headers = {"Content-Type": "text/csv", "Transfer-Encoding": "chunked"}
    reply = exchange(running, headers, chunks)

    assert reply.startswith(b"HTTP/1.1 400"), reply
    assert b"UNREADABLE_BODY" in reply


def broken_off(content_type: str) -> bytes:
    """A body whose first part alone could be taken for a whole one, if it is CSV."""
    if content_type == "application/json":
        return request({"pms_id": plant.PMS}, pack_sample("0999")).encode()
    row = f"{plant.PMS},20250101T190000.000+0700,0999,1,-1.5," + ",".join(CELLS)
    cells = ",".join(f"cell.volts.{n}" for n in range(1, 15))
    return (f"pms_id,time_local,pack.id,pack.dock,pack.amps,{cells}\n" + f"{row}\n" * 3).encode()


def exchange(running: World, headers: dict[str, str], content: bytes) -> bytes:
    """Send a head and some content, close our side, and return all that comes back."""
    headers = {"Host": "localhost", **credential(running), **headers}
    lines = ["POST /pms/api/v1/devices/dataset/pms HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    with socket.create_connection(("127.0.0.1", running.port), BOUND) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + content)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(4096), b""))
