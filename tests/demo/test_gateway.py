import json
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

import pytest

from flexmeasures_pms.demo.account import ServerError
from flexmeasures_pms.demo.gateway import SimulatedGateway, Unstored
from flexmeasures_pms.demo.log import open_log
from flexmeasures_pms.demo.web import ensure_free
from flexmeasures_pms.simulator import SimulatedRequest

PARTS = ("stored", "duplicate", "quarantined", "no_answer", "refused")
NAMES = ("samples", *PARTS, "faulty", "beliefs")
REQUEST = SimulatedRequest("pms", b'{"datasets": []}', datetime(2026, 1, 1, tzinfo=UTC), 1)


class Endpoint(BaseHTTPRequestHandler):
    statuses: ClassVar[list[int]] = []
    seen: ClassVar[list[tuple[str, str | None, bytes]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append((self.path, self.headers["Authorization"], body))
        reply = json.dumps({"receipt": dict.fromkeys(NAMES, 2)}).encode()
        self.send_response(self.statuses.pop(0))
        self.send_header("Retry-After", "0")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *args: object) -> None:
        """Keep quiet."""


@pytest.fixture
def port() -> Iterator[int]:
    Endpoint.statuses, Endpoint.seen = [], []
    with HTTPServer(("127.0.0.1", 0), Endpoint) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_a_busy_server_gets_the_same_body_again(port: int) -> None:
    Endpoint.statuses = [503, 429, 200]
    counts = SimulatedGateway(f"http://127.0.0.1:{port}", "token", print).post_all([REQUEST])
    expected = ("/pms/api/v1/devices/dataset/pms", "token", REQUEST.body)
    assert Endpoint.seen == [expected] * 3
    assert (counts.requests, counts.stored, counts.beliefs) == (1, 2, 2)


def test_receipts_add_up(port: int) -> None:
    Endpoint.statuses = [200, 200, 200]
    counts = SimulatedGateway(f"http://127.0.0.1:{port}", "token", print).post_all([REQUEST] * 3)
    assert (counts.requests, counts.samples, counts.beliefs) == (3, 6, 6)


def test_each_retry_is_noted(port: int) -> None:
    Endpoint.statuses = [503, 200]
    notes: list[str] = []
    SimulatedGateway(f"http://127.0.0.1:{port}", "token", notes.append).post(REQUEST)
    assert [note[:23] for note in notes] == ["503 for a request of 20"]


def test_what_was_not_stored_is_told_once_a_minute(tmp_path: Path) -> None:
    said: list[str] = []
    now = [0.0]
    unstored = Unstored(open_log(tmp_path, said.append), lambda: now[0])
    good = dict.fromkeys(NAMES, 0)
    for receipt in (good, good | {"quarantined": 2}, good | {"refused": 3}, good):
        unstored.add(receipt)
    assert said == ["Not stored of 1 requests: 2 samples are in quarantine, 0 were refused."]
    now[0] = 61
    unstored.add(good)
    assert said[1:] == ["Not stored of 1 requests: 0 samples are in quarantine, 3 were refused."]


def test_a_refusal_is_final_and_told(port: int) -> None:
    Endpoint.statuses = [403]
    with pytest.raises(ServerError, match="403"):
        SimulatedGateway(f"http://127.0.0.1:{port}", "token", print).post(REQUEST)


def test_a_taken_port_is_refused_with_advice(port: int) -> None:
    with pytest.raises(ServerError, match=f"PORT={port + 1}"):
        ensure_free(port)
