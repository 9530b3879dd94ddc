"""What should have come, and what did."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexmeasures_pms.ingest.cases_in_hour import CasesInHour
from flexmeasures_pms.ingest.completeness import of_hour, period
from flexmeasures_pms.registry.directory import Entry
from flexmeasures_pms.storage.intake.receipt_hours import StoredHour

HOUR = timedelta(hours=1)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PMS = Entry(7, "pms", "PMS-1")


def hours(*came: tuple[int, int] | None) -> dict[tuple[int, datetime], StoredHour]:
    """What came in the hours up to noon's, as (samples, packs); None for nothing."""
    first = NOON - (len(came) - 1) * HOUR
    return {(PMS.id, first + n * HOUR): StoredHour(*there) for n, there in enumerate(came) if there}


def test_a_full_hour_is_complete() -> None:
    found = of_hour(PMS, NOON, hours((34_560, 48), (34_560, 48)), 1)
    assert (found.samples, found.packs, found.expected) == (34_560, 48, 34_560)
    assert (found.cadence, found.share) == (5, 1)


def test_samples_that_are_missing_are_missed() -> None:
    found = of_hour(PMS, NOON, hours((34_560, 48), (25_920, 48)), 1)
    assert (found.expected, found.share) == (34_560, 0.75)


def test_a_pack_that_is_missing_is_missed() -> None:
    found = of_hour(PMS, NOON, hours((2_880, 4), (2_160, 3)), 1)
    assert (found.packs, found.expected, found.share) == (3, 2_880, 0.75)


def test_an_hour_of_silence_is_no_complete_hour() -> None:
    found = of_hour(PMS, NOON, hours((2_880, 4), None), 1)
    assert (found.samples, found.packs, found.expected, found.share) == (0, 0, 2_880, 0)


def test_after_a_day_of_silence_nothing_is_expected_and_nothing_came() -> None:
    last = hours((2_880, 4), *[None] * 24)
    assert of_hour(PMS, NOON, last, 1).expected == 2_880
    found = of_hour(PMS, NOON + HOUR, last, 1)
    assert (found.expected, found.cadence, found.share) == (None, None, 0)


def test_of_an_hour_that_goes_on_only_what_should_be_there_is_expected() -> None:
    found = of_hour(PMS, NOON, hours((2_880, 4), (720, 4)), 0.25)
    assert (found.expected, found.share) == (720, 1)
    assert of_hour(PMS, NOON, hours((2_880, 4)), 0.00001).share == 1


def test_the_cadence_may_change_from_one_day_to_the_next() -> None:
    slower = hours((2_880, 4), *[(240, 4)] * 25)
    found = of_hour(PMS, NOON, slower, 1)
    assert (found.cadence, found.expected, found.share) == (60, 240, 1)


def test_what_other_packs_send_does_not_hide_a_missing_one() -> None:
    parts = {"A": 1.0, "B": 1.0, "C": 1.0}
    cases = {
        NOON - HOUR: CasesInHour(parts, set(parts)),
        NOON: CasesInHour(parts, {"A", "B"}),
    }
    found = of_hour(PMS, NOON, hours((30, 3), (30, 3)), 1, cases)
    assert (found.samples, found.expected, found.share) == (30, 30, 0.6667)
    assert (found.packs, found.installed, found.missing) == (3, 3, ("C",))


def test_what_came_in_an_hour_with_a_swap_is_not_expected_of_whole_hours() -> None:
    at_first = CasesInHour({"A": 1.0, "B": 0.9, "C": 0.02}, {"A", "B", "C"})
    then = CasesInHour({"A": 1.0, "C": 1.0}, {"A", "C"})
    stored = hours((60 + 54 + 2, 3), (120, 2))
    for hour, cases in ((NOON - HOUR, at_first), (NOON, then)):
        found = of_hour(PMS, hour, stored, 1, {NOON - HOUR: at_first, NOON: then})
        assert (found.share, found.missing) == (1, ()), cases


def test_of_the_running_hour_packs_are_missed_once_they_should_have_reported() -> None:
    before = {NOON - HOUR: CasesInHour({"A": 1.0, "B": 1.0}, {"A", "B"})}
    stored = hours((12, 2), (1, 1))
    for elapsed, missing, share in ((0.1, (), 1), (0.3, ("B",), 0.25)):
        running = CasesInHour({"A": elapsed, "B": elapsed}, {"A"}, elapsed)
        found = of_hour(PMS, NOON, stored, elapsed, before | {NOON: running})
        assert (found.missing, found.share) == (missing, share)


@given(
    st.lists(
        st.none() | st.tuples(st.integers(1, 10**6), st.integers(1, 48)), min_size=1, max_size=30
    ),
    st.floats(0, 1),
)
def test_a_share_is_a_share_and_nothing_is_never_complete(
    came: list[tuple[int, int] | None], elapsed: float
) -> None:
    found = of_hour(PMS, NOON, hours(*came), elapsed)
    assert 0 <= found.share <= 1
    assert (found.share == 0) == (found.samples == 0) or found.samples < (found.expected or 0)


@pytest.mark.parametrize(
    ("since", "until", "found"),
    [
        (None, None, (NOON - 24 * HOUR, NOON + HOUR / 4)),
        (NOON - HOUR / 2, None, (NOON - HOUR, NOON + HOUR / 4)),
        (NOON - HOUR, NOON, (NOON - HOUR, NOON)),
        (None, NOON + 99 * HOUR, (NOON - 24 * HOUR, NOON + HOUR / 4)),
        (NOON, NOON, None),
        (NOON + HOUR, None, None),
        (None, datetime(1, 1, 1, tzinfo=UTC), None),
        (datetime(1, 1, 1, tzinfo=UTC), NOON, (datetime(2010, 1, 1, tzinfo=UTC), NOON)),
    ],
)
def test_the_last_day_is_shown_and_never_the_future(
    since: datetime | None, until: datetime | None, found: tuple[datetime, datetime] | None
) -> None:
    assert period(since, until, NOON + HOUR / 4) == found
