"""One organisation's requests leave threads to the others."""

from __future__ import annotations

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


def test_one_waits_and_the_next_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(at_once, "PATIENCE_SECONDS", 60)
    done = Event()

    def come_second() -> None:
        with turn(1, SMALL, 1):
            done.set()

    with turn(1, SMALL, 1):
        second = Thread(target=come_second)
        second.start()
        while not at_once._busy[1].waiting:
            pass
        with pytest.raises(TooMany), turn(1, SMALL, 1):
            pass
        assert not done.is_set()
    second.join(60)
    assert done.is_set()


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
    body = request({"pms_id": "PMS-1"}, pack_sample("0241"))
    replies: list[Any] = []

    def post(sender: Organisation) -> Any:
        url = "/pms/api/v1/devices/dataset/pms"
        client = app_context.test_client()
        kind = "application/json"
        replies.append(client.post(url, data=body, headers=sender.headers, content_type=kind))
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
