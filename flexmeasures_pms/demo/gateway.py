"""A gateway that POSTs the readings of the simulated site over HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from flexmeasures_pms.demo.account import ServerError
from flexmeasures_pms.demo.log import DemoLog
from flexmeasures_pms.simulator import SimulatedRequest

PATH = "/pms/api/v1/devices/dataset/"
STEP = timedelta(seconds=5)
CATCH_UP_STEP = timedelta(minutes=1)
CATCH_UP_READINGS = 30
TRIES = 5
TOLD_EVERY = 60.0


class PostedCounts(msgspec.Struct):
    """The sums of the receipts, and the number of requests."""

    requests: int = 0
    samples: int = 0
    stored: int = 0
    duplicate: int = 0
    quarantined: int = 0
    no_answer: int = 0
    refused: int = 0
    faulty: int = 0
    beliefs: int = 0

    def add(self, receipt: dict[str, Any]) -> None:
        """Add the receipt of one request."""
        self.requests += 1
        for name in self.__struct_fields__[1:]:
            setattr(self, name, getattr(self, name) + int(receipt[name]))


@dataclass(slots=True)
class Unstored:
    """Samples that were sent and not stored, told at most once a minute."""

    log: DemoLog
    clock: Callable[[], float] = time.monotonic
    _counts: PostedCounts = field(default_factory=PostedCounts)
    _next: float = 0.0

    def add(self, receipt: dict[str, Any]) -> None:
        """Count the receipt of one request."""
        if receipt["quarantined"] or receipt["refused"]:
            self._counts.add(receipt)
        if self._counts.requests and (now := self.clock()) >= self._next:
            self.log.say(
                f"Not stored of {self._counts.requests} requests: {self._counts.quarantined} "
                f"samples are in quarantine, {self._counts.refused} were refused."
            )
            self._counts, self._next = PostedCounts(), now + TOLD_EVERY


class SimulatedGateway:
    """A device with an auth token.

    :param url: of FlexMeasures, without a path.
    :param token: of a user who may add beliefs.
    :param note: writes why a request has to be sent again.
    """

    def __init__(self, url: str, token: str, note: Callable[[str], None]) -> None:
        import requests

        self._url = url
        self._note = note
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy between us and this machine
        self._session.headers.update({"Authorization": token, "Content-Type": "application/json"})

    def post(self, request: SimulatedRequest) -> dict[str, Any]:
        """POST a request and return its receipt; retry while there is no answer.

        :raises ServerError: when it is refused, or there is no answer for too long.
        """
        import requests

        for attempt in range(TRIES):
            try:
                reply = self._session.post(
                    self._url + PATH + request.dataset, data=request.body, timeout=60
                )
            except (requests.ConnectionError, requests.Timeout) as error:
                self._note(f"No answer to a request of {request.time}: {error}")
                time.sleep(2**attempt)
                continue
            if reply.ok:
                receipt: dict[str, Any] = reply.json()["receipt"]
                return receipt
            if reply.status_code not in (429, 503):
                raise ServerError(
                    f"{reply.url} refused a request: {reply.status_code} {reply.text}"
                )
            self._note(f"{reply.status_code} for a request of {request.time}: {reply.text}")
            time.sleep(float(reply.headers.get("Retry-After", 2**attempt)))
        raise ServerError(f"{self._url} did not take a request of {request.time} in {TRIES} tries.")

    def post_all(self, requests_: Iterable[SimulatedRequest]) -> PostedCounts:
        """POST many requests and return the sums of their receipts."""
        counts = PostedCounts()
        for request in requests_:
            counts.add(self.post(request))
        return counts


def paced(requests_: Iterable[SimulatedRequest]) -> Iterator[SimulatedRequest]:
    """Yield requests when their time has come."""
    for request in requests_:
        time.sleep(max(0.0, (request.time - datetime.now(UTC)).total_seconds()))
        yield request
