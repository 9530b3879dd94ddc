"""The page that says whether what should have come did."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from conftest import Organisation
from flask import Flask
from flask.testing import FlaskClient
from support.session import log_in
from support.site import Site
from support.telemetry import at, converter_sample, pack_sample, request

from flexmeasures_pms.ingest.completeness import Completeness
from flexmeasures_pms.overview.completeness_calendar import CalendarHour
from flexmeasures_pms.ui.views.completeness import told

URL = "/pms/completeness"
# Noon of UTC is 19:00 in Jakarta: the day of the site ends at 17:00 UTC.
DAY = "days=1&end=2026-03-01T23:00"
Show = Callable[..., str]


@pytest.fixture
def site(client: FlaskClient, organisation: Organisation) -> Site:
    """A PMS with four readings at 19, two at 20 and none at 21; an MPPT that never reported."""
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms()
        new.case("0241", "PMS-1-A", 1)
        new.register("mppt", "MPPT-1", timezone="Asia/Jakarta")
    minutes = (0, 15, 30, 45, 60, 75)
    reply = client.post(
        "/pms/api/v1/devices/dataset/pms",
        data=request({"pms_id": "PMS-1"}, *(pack_sample("0241", at(m)) for m in minutes)),
        headers=organisation.headers,
        content_type="application/json",
    )
    assert reply.get_json()["receipt"]["stored"] == 6
    log_in(client, organisation)
    return site


@pytest.fixture
def show(client: FlaskClient) -> Show:
    def ask(query: str = DAY, status: int = 200) -> str:
        reply = client.get(f"{URL}?{query}")
        assert reply.status_code == status
        return unescape(reply.get_data(as_text=True))

    return ask


def squares(text: str, device: str) -> list[tuple[str, str]]:
    """Return the states and words of a device's squares."""
    section = next(s for s in text.split("<section")[1:] if device in s)
    return re.findall(r'data-state="(\w+)"[^>]*aria-label="([^"]+)"', section)


def test_each_hour_is_a_square_with_words(site: Site, show: Show) -> None:
    text = show()
    found = squares(text, "PMS-1<")
    assert len(found) == 23
    assert found[18:] == [
        ("silent", "2026-03-01 18:00: nothing arrived, nor in the day before"),
        ("complete", "2026-03-01 19:00: 4 of 4 samples, 100 %"),
        ("part", "2026-03-01 20:00: 2 of 4 samples, 50 %"),
        ("nothing", "2026-03-01 21:00: 0 of 4 samples, 0 %"),
        ("nothing", "2026-03-01 22:00: 0 of 4 samples, 0 %"),
    ]
    assert "--share: 0.5" in text
    assert {state for state, _ in squares(text, "MPPT-1")} == {"silent"}


def test_each_device_has_a_verdict_in_words(site: Site, show: Show) -> None:
    text = show()
    assert "nothing for 2 hours now" in text
    assert "nothing for 23 hours now" in text
    assert "1 hour incomplete" in show("days=1&end=2026-03-01T21:00")
    assert "complete up to the last full hour" in show("days=1&end=2026-03-01T20:00")


def test_devices_can_be_searched_and_are_paged(
    site: Site, show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flexmeasures_pms.ui.views import completeness

    assert "MPPT-1" not in show(f"{DAY}&q=pms").split("<h2", 1)[1]
    assert "No device matches." in show(f"{DAY}&q=xyz")
    monkeypatch.setattr(completeness, "MOST_DAYS", 1)
    first, second = show(), show(f"{DAY}&page=2")
    assert "MPPT-1" in first and "PMS-1<" not in first
    assert "PMS-1<" in second
    assert "Page 2 of 2" in second


def test_a_site_without_devices_says_what_to_do(
    client: FlaskClient, organisation: Organisation, show: Show
) -> None:
    log_in(client, organisation)
    assert "Register a PMS, an MPPT or an inverter." in show("")


@pytest.mark.parametrize("query", ["end=never", "days=x", "page=0", "days=-1"])
def test_what_makes_no_sense_is_refused_in_words(site: Site, show: Show, query: str) -> None:
    assert 'class="pms-page"' in show(query, status=400)


def test_times_before_all_telemetry_and_after_now_are_taken(site: Site, show: Show) -> None:
    show("end=2000-01-02T00:00")
    show("end=2099-01-01T00:00&days=30")


def test_another_organisation_sees_nothing(
    site: Site, client: FlaskClient, show: Show, other_organisation: Organisation
) -> None:
    client.get("/logout")
    log_in(client, other_organisation)
    text = show()
    assert "No device is registered." in text
    assert "PMS-1" not in text and "MPPT-1" not in text
    show(f"{DAY}&organisation={site.account_id}", status=404)


def test_the_running_hour_is_told_as_far_as_it_is(
    site: Site, client: FlaskClient, organisation: Organisation, show: Any
) -> None:
    now = datetime.now(UTC)
    samples = (converter_sample(now - timedelta(minutes=n)) for n in range(60))
    client.post(
        "/pms/api/v1/devices/dataset/mppt",
        data=request({"mppt_id": "MPPT-1"}, *samples),
        headers=organisation.headers,
        content_type="application/json",
    )
    last = squares(show("days=1"), "MPPT-1")[-1]
    assert last[0] in ("complete", "most", "begun")


@pytest.mark.parametrize(
    ("samples", "expected", "words"),
    [
        (108, 47, "2026-03-01 19:00: 108 samples, 47 were expected"),
        (47, 47, "2026-03-01 19:00: 47 of 47 samples, 100 %"),
        (5, None, "2026-03-01 19:00: 5 samples, how many to expect is unknown"),
    ],
)
def test_no_more_samples_arrive_of_a_number_than_that(
    app_context: Flask, samples: int, expected: int | None, words: str
) -> None:
    start = datetime(2026, 3, 1, 12, tzinfo=UTC)
    hour = Completeness("PMS-1", "pms", start, samples, 1, expected, 360.0, 1.0)
    assert told(CalendarHour(start, "complete", hour, running=False), "Asia/Jakarta") == words
