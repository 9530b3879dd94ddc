"""What one sender may send in a minute."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.messages import unhurried

from flexmeasures_pms.errors import TooMany
from flexmeasures_pms.gateways import rates


@pytest.fixture(autouse=True)
def anew() -> Iterator[None]:
    rates.forget()
    yield
    rates.forget()


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Set the clock to some seconds after the start of the test."""
    start = time.monotonic()

    def set_clock(seconds: float) -> None:
        monkeypatch.setattr(rates, "monotonic", lambda: start + seconds)

    set_clock(0)
    return set_clock


def refused(amount: int, per_minute: int = 10, who: str = "a", what: str = "samples") -> int:
    """How many seconds to wait; 0 when it was taken."""
    try:
        rates.spend(who, {what: rates.Cost(amount, per_minute)})
    except TooMany as error:
        return error.seconds
    return 0


def test_beyond_the_limit_the_rest_of_the_minute_is_to_be_waited(
    at: Callable[[float], None],
) -> None:
    assert refused(6) == 0
    at(20)
    assert refused(5) == 40
    assert refused(4) == 0
    at(59.5)
    assert refused(1) == 1
    at(60)
    assert refused(10) == 0


def test_what_is_refused_is_not_counted(at: Callable[[float], None]) -> None:
    assert refused(9) == 0
    for _ in range(5):
        assert refused(2) == 60
    assert refused(1) == 0


def test_more_than_a_minute_has_comes_through_alone(at: Callable[[float], None]) -> None:
    assert refused(1) == 0
    assert refused(25) == 60
    at(61)
    assert refused(25) == 0
    assert refused(1) == 60


def test_each_sender_and_each_kind_is_counted_by_itself(at: Callable[[float], None]) -> None:
    assert refused(10) == 0
    assert refused(1) == 60
    assert refused(10, who="b") == 0
    assert refused(10, what="requests") == 0


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_is_set_changes_no_wait(monkeypatch: pytest.MonkeyPatch, hours: int) -> None:
    assert refused(10) == 0
    there = time.time() + hours * 3600
    monkeypatch.setattr(time, "time", lambda: there)

    assert 58 <= refused(1) <= 60


@unhurried
@given(st.lists(st.integers(1, 30), max_size=30), st.integers(1, 20))
def test_within_a_minute_never_more_than_the_limit_is_taken(amounts: list[int], limit: int) -> None:
    rates.forget()
    taken = [amount for amount in amounts if not refused(amount, limit)]
    assert sum(min(amount, limit) for amount in taken) <= limit
    assert bool(taken) == bool(amounts)
