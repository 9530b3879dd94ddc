"""A link that can't be trusted, between a gateway and the server.

Every connection carries one request. What happens to it is drawn from a generator seeded
with its number, so that a seed means one plan of faults.
"""

from __future__ import annotations

import random
import socket
import socketserver
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

HOST = "127.0.0.1"
PIECE = 1 << 16
SECONDS = 60
RESET = struct.pack("ii", 1, 0)

# What happens to a request, and how often. None of it is known to either end.
CHANCES = {
    "passed": 50,
    "refused": 5,  # closed before a byte was read
    "delayed": 8,
    "trickled": 5,  # in small pieces
    "cut request": 10,
    "cut reply": 9,
    "no reply": 8,  # the whole request got through, the reply did not
    "repeated": 7,  # by a proxy or a modem that did not trust its own luck
    "late": 6,  # the gateway gives up on it and goes on; it arrives after newer ones
}


class Proxy(socketserver.ThreadingTCPServer):
    """Listens on a port of its own and passes on to the server's, more or less."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port: int, seed: int):
        super().__init__((HOST, 0), _Link)
        self.upstream = (HOST, port)
        self.seed = seed
        self.faulty = True
        self.befell: Counter[str] = Counter()
        self._numbers = 0
        self._busy = 0
        self._lock = threading.Lock()

    @property
    def port(self) -> int:
        """Where gateways connect to."""
        return int(self.server_address[1])

    def draw(self) -> tuple[str, random.Random]:
        """What happens to the next connection, and the generator for its details."""
        with self._lock:
            self._numbers += 1
            chance = random.Random(f"{self.seed} link {self._numbers}")
            kind = chance.choices([*CHANCES], [*CHANCES.values()])[0] if self.faulty else "passed"
            self.befell[kind] += 1
            return kind, chance

    def enter(self, step: int) -> None:
        """Count those that are under way."""
        with self._lock:
            self._busy += step

    def drain(self, seconds: float = SECONDS) -> None:
        """Wait until nothing is under way any more, late requests among them."""
        deadline = time.monotonic() + seconds
        while self._busy and time.monotonic() < deadline:
            time.sleep(0.02)

    def handle_error(self, request: object, client_address: object) -> None:
        """Take broken connections for what they are here: everyday life."""


class _Link(socketserver.BaseRequestHandler):
    server: Proxy

    def handle(self) -> None:
        kind, chance = self.server.draw()
        self.server.enter(1)
        try:
            self.request.settimeout(SECONDS)
            with suppress(OSError):
                self._pass(kind, chance)
        finally:
            self.server.enter(-1)

    def _pass(self, kind: str, chance: random.Random) -> None:
        if kind == "refused":
            return self._reset()
        request = _whole_request(self.request)
        if kind == "cut request":
            return self._cut_request(request, chance)
        if kind == "late":
            self._reset()
            time.sleep(chance.uniform(0.2, 3))
        elif kind == "delayed":
            time.sleep(chance.uniform(0.05, 0.8))
        send = _trickle if kind == "trickled" else socket.socket.sendall
        reply = self._exchange(request, send)
        if kind == "repeated":
            self._exchange(request, socket.socket.sendall)
        if kind in ("late", "no reply"):
            return self._reset()
        if kind == "cut reply":
            self.request.sendall(reply[: chance.randrange(len(reply) or 1)])
            return self._reset()
        self.request.sendall(reply)
        return None

    def _exchange(self, request: bytes, send: Callable[[socket.socket, bytes], None]) -> bytes:
        with socket.create_connection(self.server.upstream, SECONDS) as upstream:
            send(upstream, request)
            return b"".join(iter(lambda: upstream.recv(PIECE), b""))

    def _cut_request(self, request: bytes, chance: random.Random) -> None:
        with socket.create_connection(self.server.upstream, SECONDS) as upstream:
            upstream.sendall(request[: chance.randrange(len(request))])
            if chance.random() < 0.5:
                time.sleep(chance.uniform(0, 0.5))
            if chance.random() < 0.5:
                upstream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self._reset()

    def _reset(self) -> None:
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.request.close()


def _whole_request(connection: socket.socket) -> bytes:
    """Read the head, then as many bytes as it announces."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(PIECE)
        if not piece:
            raise ConnectionError("The gateway went away.")
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    missing = int(fields[b"content-length"]) - len(body)
    while missing > 0:
        piece = connection.recv(PIECE)
        if not piece:
            raise ConnectionError("The gateway went away.")
        data += piece
        missing -= len(piece)
    return data


def _trickle(upstream: socket.socket, request: bytes) -> None:
    step = max(1, len(request) // 5)
    for begin in range(0, len(request), step):
        upstream.sendall(request[begin : begin + step])
        time.sleep(0.02)
