from collections import defaultdict
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from flexmeasures_pms.demo.once import MinuteReadings, SensorDay, compare, table
from flexmeasures_pms.simulator import SimulatedRequest, Site, demo_layout

START = datetime.fromisoformat("2026-03-01T00:00+07:00")
LAYOUT = demo_layout(START + timedelta(hours=1))


class Found:
    """A FlexMeasures that has stored some readings, for each sensor in the order asked."""

    def __init__(self, *days: MinuteReadings) -> None:
        self.days = list(days)

    def assets(self, account_id: int) -> dict[str, int]:
        assert account_id == 7
        idents = ["case:0244", "case:0246", "case:0247"]
        return dict.fromkeys([*idents, "mppt:IT6415AD-01-001", "inverter:SPI-B2-01-001"], 1)

    def sensors(self, asset_id: int) -> dict[str, dict[str, Any]]:
        return defaultdict(lambda: {"id": asset_id, "unit": "V"})

    def day(self, sensor: dict[str, Any], start: datetime) -> MinuteReadings:
        assert sensor["unit"] == "V"
        assert start == START
        return self.days.pop(0) if self.days else [None] * 1440


@pytest.fixture(scope="module")
def requests() -> list[SimulatedRequest]:
    step = timedelta(minutes=1)
    end = START + timedelta(hours=2)
    return list(Site(LAYOUT).requests(START, end, step, samples_per_request=30))


def rows(requests: list[SimulatedRequest], found: Found) -> list[SensorDay]:
    return compare(requests, LAYOUT, START, found, 7)


def test_readings_are_taken_from_the_bodies_that_were_sent(
    requests: list[SimulatedRequest],
) -> None:
    by_name = {(row.asset, row.sensor): row.sent for row in rows(requests, Found())}
    docks = by_name["case:0246", "dock"]
    assert docks[0] == 6
    assert docks[54] == 6
    assert docks[55:60] == [None] * 5, "carried to the other cabinet"
    assert docks[60] == 19
    assert docks[120:] == [None] * 1320, "nothing was sent after two hours"
    volts = by_name["case:0244", "pack voltage"][0]
    assert volts is not None
    assert 14 * 3.2 < volts < 14 * 4.15


def test_what_is_found_as_sent_agrees(requests: list[SimulatedRequest]) -> None:
    sent = [row.sent for row in rows(requests, Found())]
    assert all(row.agrees for row in rows(requests, Found(*sent)))


@pytest.mark.parametrize(
    ("minute", "value"), [(3, None), (3, 1.0), (57, 6.0)], ids=["lost", "changed", "made up"]
)
def test_one_reading_that_differs_is_told(
    requests: list[SimulatedRequest], minute: int, value: float | None
) -> None:
    row = next(row for row in rows(requests, Found()) if row.sensor == "dock")
    found = [*row.sent]
    found[minute] = value
    assert not replace(row, found=found).agrees
    assert "DIFFER" in table([replace(row, found=found)])
    assert "agree" in table([replace(row, found=[*row.sent])])


def test_nothing_sent_and_nothing_found_is_no_proof() -> None:
    assert not SensorDay("case:1", "dock", "", [None] * 1440, [None] * 1440).agrees


def test_a_state_counts_until_it_is_written_again(requests: list[SimulatedRequest]) -> None:
    sent = next(row.sent for row in rows(requests, Found()) if row.sensor == "dock")
    written = [v if n % 15 == 0 or n == 60 else None for n, v in enumerate(sent)]
    days = [row.sent for row in rows(requests, Found())]
    at = next(n for n, row in enumerate(rows(requests, Found())) if row.sensor == "dock")
    days[at] = written
    assert rows(requests, Found(*days))[at].agrees
    days[at] = [None if n == 30 else v for n, v in enumerate(written)]
    assert not rows(requests, Found(*days))[at].agrees
