"""One organisation's requests leave threads to the others."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from threading import Event, Thread
from typing import Any

import pytest
from conftest import Organisation
from flask import Flask
from support import stored
from support.changed import changed_settings
from support.telemetry import pack_sample, request

from flexmeasures_pms.api import datasets
from flexmeasures_pms.errors import TooMany
from flexmeasures_pms.gateways import at_once
from flexmeasures_pms.gateways.at_once import BYTES_EACH, turn

SMALL = 5_000


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(at_once, "PATIENCE_SECONDS", 0.05)
    yield
    assert not at_once._busy


def begun(*sizes: int, account: int = 1, most: int = 2) -> int:
    """How many requests are worked on at once, of some that come one after the other."""
    count = 0
    with ExitStack() as stack:
        for size in sizes:
            try:
                stack.enter_context(turn(account, size, most))
            except TooMany:
                continue
            count += 1
    return count


def test_so_many_are_worked_on_at_once() -> None:
    assert begun(*[SMALL] * 5) == 2
    assert begun(*[SMALL] * 5, most=3) == 3


def test_a_large_body_is_worked_on_alone() -> None:
    large = 4 * BYTES_EACH
    assert begun(large, large) == 1
    assert begun(large, SMALL) == 1
    assert begun(SMALL, large, SMALL) == 2


def test_another_organisation_is_not_kept_waiting() -> None:
    with turn(1, SMALL, 1), turn(2, SMALL, 1), pytest.raises(TooMany) as error, turn(1, SMALL, 1):
        pass
    assert error.value.seconds == 1


def test_a_request_that_failed_gives_its_place_back() -> None:
    for _ in range(3):
        with pytest.raises(ValueError, match="broken"), turn(1, SMALL, 1):
            raise ValueError("broken")


class Line:
    """Requests of one organisation that come one after the other; each goes on when told to.

    :param begun: the names of those that are or were worked on, in their order.
    """

    def __init__(self, most: int) -> None:
        self.begun: list[str] = []
        self._most = most
        self._go_on: dict[str, Event] = {}
        self._threads: list[Thread] = []

    def come(self, name: str, size: int = SMALL) -> None:
        """Let one come, and wait until it is worked on or waits."""
        before = self._came()
        self._go_on[name] = Event()
        self._threads.append(Thread(target=self._take_part, args=(name, size)))
        self._threads[-1].start()
        while self._came() == before:
            pass

    def end(self, *names: str) -> None:
        """Let some end, and wait for another to begin for each."""
        before = len(self.begun)
        for name in names:
            self._go_on[name].set()
        while len(self.begun) < min(before + len(names), len(self._go_on)):
            pass

    def end_all(self) -> None:
        """Let all end, and wait for them."""
        for event in self._go_on.values():
            event.set()
        for thread in self._threads:
            thread.join(60)

    def _came(self) -> int:
        return len(self.begun) + (len(at_once._busy[1].waiting) if 1 in at_once._busy else 0)

    def _take_part(self, name: str, size: int) -> None:
        with turn(1, size, self._most):
            self.begun.append(name)
            self._go_on[name].wait(60)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(at_once, "PATIENCE_SECONDS", 60)


@pytest.mark.usefixtures("patient")
def test_several_wait_in_their_order_and_beyond_them_is_refused_at_once() -> None:
    line = Line(most=2)
    for name in "abcdef":
        line.come(name)
    assert line.begun == ["a", "b"]
    with pytest.raises(TooMany), turn(1, SMALL, 2):
        pass
    for name in "ab":
        line.end(name)
    assert line.begun == ["a", "b", "c", "d"]
    line.end_all()
    assert sorted(line.begun) == list("abcdef")


@pytest.mark.usefixtures("patient")
def test_small_bodies_do_not_overtake_a_large_one() -> None:
    line = Line(most=2)
    line.come("small")
    line.come("large", 4 * BYTES_EACH)
    line.come("later")
    assert line.begun == ["small"]
    line.end("small")
    assert line.begun == ["small", "large"]
    line.end("large")
    assert line.begun == ["small", "large", "later"]
    line.end_all()


URL = "/pms/api/v1/devices/dataset/pms"
BODY = request({"pms_id": "PMS-1"}, pack_sample("0241")).encode()


class SlowLink(io.BytesIO):
    """A body of which nothing comes before it is told to."""

    def __init__(self, body: bytes) -> None:
        super().__init__(body)
        self.asked, self.go_on = Event(), Event()

    def readinto(self, buffer: Any) -> int:
        self.asked.set()
        assert self.go_on.wait(60)
        return super().readinto(buffer)


def test_a_body_that_comes_slowly_keeps_nobody_waiting(
    app_context: Flask, organisation: Organisation
) -> None:
    slow = SlowLink(BODY)
    codes: list[int] = []

    def post(stream: io.BytesIO) -> None:
        with app_context.app_context():
            reply = app_context.test_client().post(
                URL, input_stream=stream, content_length=len(BODY),
                headers=organisation.headers, content_type="application/json",
            )  # fmt: skip
            codes.append(reply.status_code)

    with changed_settings(app_context, organisation_requests=1):
        first = Thread(target=post, args=(slow,))
        first.start()
        assert slow.asked.wait(60)
        post(io.BytesIO(BODY))
        slow.go_on.set()
        first.join(60)
    assert codes == [200, 200]


@pytest.mark.parametrize(("encoding", "code"), [("", 200), ("identity", 200), ("gzip", 429)])
def test_a_body_counts_as_large_as_it_is_when_decoded(
    app_context: Flask, organisation: Organisation, encoding: str, code: int
) -> None:
    body = BODY + b" " * (BYTES_EACH // 5)
    headers = organisation.headers | ({"Content-Encoding": encoding} if encoding else {})
    with turn(organisation.id, SMALL, 2), changed_settings(app_context, organisation_requests=2):
        reply = app_context.test_client().post(
            URL, data=body, headers=headers, content_type="application/json"
        )
    assert reply.status_code == code


@pytest.mark.parametrize("mode", ["direct", "queued"])
def test_the_api_refuses_with_429_and_takes_others_meanwhile(
    app_context: Flask,
    organisation: Organisation,
    other_organisation: Organisation,
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
) -> None:
    inside, go_on = Event(), Event()
    name = "accept" if mode == "direct" else "keep"
    take: Callable[..., Any] = getattr(datasets, name)

    def stop_once(*args: Any, **kwargs: Any) -> Any:
        if not inside.is_set():
            inside.set()
            go_on.wait(60)
        return take(*args, **kwargs)

    monkeypatch.setattr(datasets, name, stop_once)
    replies: list[Any] = []

    def post(sender: Organisation) -> Any:
        client = app_context.test_client()
        kind = "application/json"
        replies.append(client.post(URL, data=BODY, headers=sender.headers, content_type=kind))
        return replies[-1]

    def post_first() -> None:
        with app_context.app_context():
            post(organisation)

    with changed_settings(app_context, organisation_requests=1, ingest_mode=mode):
        first = Thread(target=post_first)
        first.start()
        assert inside.wait(60)
        refused, other = post(organisation), post(other_organisation)
        go_on.set()
        first.join()
        again = post(organisation)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
    assert refused.get_json()["status"] == "TOO_MANY_REQUESTS"
    good = 200 if mode == "direct" else 202
    assert {other.status_code, again.status_code, replies[2].status_code} == {good}
    assert stored.belief_count(organisation.id) == 0
