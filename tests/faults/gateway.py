"""Gateways: each keeps a body until it was acknowledged, and sends it again until then."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import sha256
from http.client import HTTPConnection, HTTPException
from typing import Any

from faults import plant
from faults.traffic import Body

HOST = "127.0.0.1"
PATIENCE = 30  # seconds to wait for a reply
PAUSE = 0.1  # before sending again; a gateway takes longer
LONGEST_PAUSE = 0.5
THINKING = 0.02  # between two bodies
THINKING_QUEUED = 0.3  # so that workers, who die, can keep up


@dataclass
class Gateways:
    """All gateways of one organisation, which share its bodies.

    :param account: its credentials.
    :param queued: whether requests are acknowledged before they are processed.
    :param sent: every body of which a byte may have reached the server.
    :param wrong: replies that should never come.
    """

    port: int
    account: dict[str, Any]
    bodies: Iterator[Body]
    queued: bool = False
    sent: list[Body] = field(default_factory=list)
    replies: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)
    give_up: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self) -> None:
        """Send one body after another, until told to stop. Several threads may do so."""
        while not self.stopping.is_set():
            self.deliver(self.take())
            time.sleep(THINKING_QUEUED if self.queued else THINKING)

    def take(self) -> Body:
        """Have something to say, and say as whom."""
        with self._lock:
            body = next(self.bodies)
            self.sent.append(body)
            senders = self.account["all"]
            if not any(name in body.text for name in plant.ONLY_FOR_ALL):
                senders = senders | self.account["some"]
            body.sender = [*senders][len(self.sent) % len(senders)]
            return body

    def deliver(self, body: Body) -> None:
        """Send a body until it is acknowledged, or given up."""
        while not self.give_up.is_set():
            body.attempts += 1
            pause = self._attempt(body)
            if body.acknowledged or body.attempts == body.tries:
                return
            time.sleep(pause)

    def _attempt(self, body: Body) -> float:
        """Send a body once. Return how long to wait before the next time."""
        data = body.text.encode()
        headers = {**self.credential(body), "Content-Type": body.content_type}
        if body.compressed:
            data = gzip.compress(data, mtime=0)
            headers["Content-Encoding"] = "gzip"
        headers["Connection"] = "close"
        sent = time.monotonic()
        body.first_sent = min(body.first_sent, sent)
        connection = HTTPConnection(HOST, self.port, timeout=PATIENCE)
        try:
            with closing(connection):
                path = f"/pms/api/v1/devices/dataset/{body.dataset}"
                connection.request("POST", path, data, headers)
                reply = connection.getresponse()
                content = reply.read()
        except (OSError, HTTPException):
            self._count("broken")
            return PAUSE
        self._count(str(reply.status))
        pause = self._judge(body, data, reply.status, reply.getheader("Retry-After"), content)
        if body.acknowledged:
            body.last_sent, body.reply = sent, content
        return pause

    def _judge(
        self, body: Body, data: bytes, code: int, retry_after: str | None, content: bytes
    ) -> float:
        if code == (202 if self.queued else 200):
            reply = json.loads(content)
            if fault := _fault_of(reply, body, data):
                self.wrong.append(f"{fault}: {content[:300]!r}")
            body.acknowledged = True
            body.acknowledged_at = min(body.acknowledged_at, time.monotonic())
            body.receipts.append(reply["receipt"]["id"])
            return 0
        if code == 429 and retry_after:
            return float(retry_after)
        if code != 503 or not retry_after or not _is_refusal(content):
            self.wrong.append(f"{code} {retry_after=} {content[:300]!r}")
        return LONGEST_PAUSE

    def credential(self, body: Body) -> dict[str, str]:
        """Return the headers of the sender of a body."""
        found: dict[str, str] = (self.account["all"] | self.account["some"])[body.sender]
        return found

    def _count(self, what: str) -> None:
        with self._lock:
            self.replies[what] += 1


def _fault_of(reply: dict[str, Any], body: Body, data: bytes) -> str:
    """What is wrong with an acknowledgement; nothing, if all is well."""
    receipt = reply["receipt"]
    parts = ("stored", "duplicate", "quarantined", "no_answer", "refused")
    processed = reply["status"] == "PROCESSED"
    if processed and receipt["samples"] != sum(receipt[part] for part in parts):
        return "The parts do not make the whole"
    if receipt["samples"] != body.samples:
        return f"Not the {body.samples} samples that were sent"
    return "" if receipt["digest"] == f"sha256:{sha256(data).hexdigest()}" else "Another's digest"


def _is_refusal(content: bytes) -> bool:
    try:
        return bool(json.loads(content)["message"])
    except (ValueError, KeyError):
        return False
