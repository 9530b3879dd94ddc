"""Rates of all processes together, in Redis; and in each alone where Redis does not answer."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from threading import Thread
from typing import Any

import pytest
from flask import Flask
from redis import Redis
from support.queue import connection

from flexmeasures_pms.demo.valkey import free_port
from flexmeasures_pms.errors import TooMany
from flexmeasures_pms.gateways import rates, shared_rates
from flexmeasures_pms.gateways.rates import Cost


@pytest.fixture(autouse=True)
def redis(app_context: Flask, valkey_server: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """FlexMeasures with a real Redis."""
    found = connection(valkey_server)
    found.flushall()
    use(app_context, monkeypatch, found)
    rates.forget()
    yield found
    rates.forget()
    found.flushall()


def use(app: Flask, monkeypatch: pytest.MonkeyPatch, redis: Redis) -> None:
    monkeypatch.setattr(app, "redis_connection", redis)
    monkeypatch.delitem(app.extensions, "flexmeasures_pms_rates", raising=False)


def refused(samples: int, limit: int = 10, who: str = "a", **more: Cost) -> str:
    try:
        rates.spend(who, {"samples": Cost(samples, limit), **more})
    except TooMany as error:
        assert 1 <= error.seconds <= 60
        return str(error)
    return ""


def in_another_process() -> None:
    rates.forget()


def test_processes_count_together() -> None:
    assert not refused(6)
    in_another_process()
    assert "more than 10 samples" in refused(5)
    assert not refused(4)
    in_another_process()
    assert refused(1)
    assert not refused(10, who="b")


@pytest.mark.parametrize("together", [True, False])
def test_of_a_refused_request_only_the_work_is_counted(
    app_context: Flask, monkeypatch: pytest.MonkeyPatch, together: bool
) -> None:
    if not together:
        use(app_context, monkeypatch, Redis("127.0.0.1", free_port()))
    assert not refused(6, requests=Cost(1, 3), bytes=Cost(10, 30))
    assert "samples" in refused(6, requests=Cost(1, 3), bytes=Cost(10, 30))
    assert "bytes" in refused(1, requests=Cost(0, 3), bytes=Cost(11, 30))
    assert not refused(4, requests=Cost(1, 3))
    assert "requests" in refused(0, requests=Cost(1, 3))


def test_a_minute_ends(monkeypatch: pytest.MonkeyPatch, redis: Any) -> None:
    assert not refused(10)
    assert refused(1)
    redis.pexpire(f"{shared_rates.KEY}a", 1)
    time.sleep(0.01)
    assert not refused(25)
    assert 59_000 < redis.pttl(f"{shared_rates.KEY}a") <= 60_000


def test_more_requests_do_not_make_a_minute_longer(redis: Any) -> None:
    assert not refused(1)
    redis.pexpire(f"{shared_rates.KEY}a", 5_000)
    assert not refused(1)
    assert redis.pttl(f"{shared_rates.KEY}a") <= 5_000


def test_a_request_costs_one_call(redis: Any) -> None:
    refused(1)  # connects and loads the script
    before = redis.info("commandstats")["cmdstat_evalsha"]["calls"]
    refused(1, requests=Cost(1, 600), bytes=Cost(1, 600))
    assert redis.info("commandstats")["cmdstat_evalsha"]["calls"] == before + 1


def test_without_redis_each_process_goes_on_from_what_it_knows(
    app_context: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not refused(6)
    use(app_context, monkeypatch, Redis("127.0.0.1", free_port()))
    assert refused(5)
    assert not refused(4)
    in_another_process()
    assert not refused(10)
    assert refused(1)


def test_what_was_spent_is_refused_before_work_is_done() -> None:
    assert not refused(10)
    with pytest.raises(TooMany):
        rates.foresee("a", {"samples": Cost(1, 10)})
    rates.foresee("a", {"samples": Cost(0, 10), "bytes": Cost(1, 10)})
    in_another_process()
    rates.foresee("a", {"samples": Cost(1, 10)})  # it has not heard of it, and asks later
    assert refused(1)


@pytest.mark.parametrize("away", [False, True])
def test_a_request_without_a_body_makes_no_process_forget_what_bodies_cost(
    app_context: Flask, monkeypatch: pytest.MonkeyPatch, away: bool
) -> None:
    assert not refused(4, bytes=Cost(30, 30))
    in_another_process()
    rates.spend("a", {"requests": Cost(1, 600)})
    if away:
        use(app_context, monkeypatch, Redis("127.0.0.1", free_port()))
    with pytest.raises(TooMany, match="30 bytes"):
        rates.foresee("a", {"bytes": Cost(1, 30)})
    with pytest.raises(TooMany, match="10 samples"):
        rates.foresee("a", {"samples": Cost(7, 10)})


def test_a_redis_that_does_not_answer_is_waited_for_once(
    app_context: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes connections and says nothing; no good request is refused because of it."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        use(app_context, monkeypatch, Redis(*silent.getsockname()))
        assert [refused(1) for _ in range(10)] == [""] * 10
        assert refused(1)
        silent.settimeout(0)
        silent.accept()[0].close()
        with pytest.raises(BlockingIOError):  # nobody tried a second time
            silent.accept()


def test_a_redis_that_came_back_counts_again(
    app_context: Flask, monkeypatch: pytest.MonkeyPatch, redis: Any
) -> None:
    use(app_context, monkeypatch, Redis("127.0.0.1", free_port()))
    refused(1)
    line = app_context.extensions["flexmeasures_pms_rates"]
    assert line.away_until > time.monotonic()
    use(app_context, monkeypatch, redis)
    refused(1)
    assert redis.hget(f"{shared_rates.KEY}a", "samples") == b"1"


def test_no_more_is_taken_than_the_limit_by_many_at_once(app_context: Flask) -> None:
    taken: list[int] = []

    def send() -> None:
        with app_context.app_context():
            taken.extend(1 for _ in range(20) if not refused(1, limit=50))

    threads = [Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 50
