"""Times of samples."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.messages import codes, one, pms_sample, unhurried

from flexmeasures_pms.wire import times


@pytest.mark.parametrize(
    "text",
    [
        "20200210T150006.032+0700",
        "20200210T150006.0320+0700",
        "20200210T150006.0329999+0700",
        "20200210T150006.032+07:00",
        "20200210T150006.032+07",
        "20200210T080006.032Z",
        "20200210T080006.032+0000",
        "20200210T080006.032-00:00",
        "20200210T010006.032-0700",
        "20200209T203006.032-1130",
        "2020-02-10T15:00:06.032+07:00",
        "2020-02-10 15:00:06.032+0700",
        " 20200210T150006.032+0700 ",
    ],
)
def test_one_moment_in_many_spellings(text: str) -> None:
    sample = one(pms_sample() | {"time_local": text})

    assert sample.time == datetime(2020, 2, 10, 8, 0, 6, 32000, UTC)


@pytest.mark.parametrize(
    ("text", "second", "microsecond"),
    [
        ("20200210T150006+0700", 6, 0),
        ("20200210T150006.0+0700", 6, 0),
        ("20200210T150006.5+0700", 6, 500_000),
        ("20200210T1500+0700", 0, 0),
        ("2020-02-10T15:00+07:00", 0, 0),
    ],
)
def test_seconds_and_their_fraction_may_be_left_out(
    text: str, second: int, microsecond: int
) -> None:
    assert times.parse(text).utc == datetime(2020, 2, 10, 8, 0, second, microsecond, UTC)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("20200210T150006.032", "no offset"),
        ("2020-02-10 15:00:06", "no offset"),
        ("20200210T250006+0700", "does not exist"),
        ("20200210T240000+0700", "does not exist"),
        ("20200210T150060+0700", "does not exist"),
        ("20201310T150006+0700", "does not exist"),
        ("20200230T150006+0700", "does not exist"),
        ("20200210T150006+1500", "does not exist"),
        ("20200210T150006+0760", "does not exist"),
        ("00000210T150006+0700", "does not exist"),
        ("00010101T000000+0700", "does not exist"),
        ("99991231T235959-0700", "does not exist"),
        ("1581321606032", "not a time"),
        ("now", "not a time"),
        ("20200210T150006.+0700", "not a time"),
        ("20200210T150006,5+0700", "not a time"),
        ("2020-02-10T150006+0700", "not a time"),
        ("२०२०0210T150006+0700", "not a time"),
        ("20200210T150006." + "0" * 40 + "+0700", "not a time"),
    ],
)
def test_other_times_are_refused(text: str, fault: str) -> None:
    sample = one(pms_sample() | {"time_local": text})

    assert sample.time is None
    assert codes(sample) == ["invalid_time"]
    assert fault in sample.invalid[0].message


@pytest.mark.parametrize("value", [1581321606032, 1581321606.032, True, [], {}])
def test_times_are_text(value: Any) -> None:
    assert codes(one(pms_sample() | {"time_local": value})) == ["invalid_time"]


@unhurried
@given(
    st.datetimes(datetime.fromisoformat("2010-01-01"), datetime.fromisoformat("2100-01-01")),
    st.integers(-14 * 60, 14 * 60),
)
def test_local_time_less_its_offset_is_utc(local: datetime, minutes: int) -> None:
    sign = "-" if minutes < 0 else "+"
    hours, rest = divmod(abs(minutes), 60)
    text = f"{local:%Y%m%dT%H%M%S}.{local.microsecond:06d}{sign}{hours:02d}{rest:02d}"

    utc = times.parse(text).utc

    expected = local.replace(microsecond=local.microsecond // 1000 * 1000, tzinfo=UTC)
    assert (expected - utc).total_seconds() == minutes * 60
    assert utc.tzinfo is UTC
