"""Pages say when a quarantine is nearly full, and what was refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from conftest import Organisation
from flask import Flask
from flask.testing import FlaskClient
from support.changed import changed_settings
from support.session import log_in
from support.site import Site
from support.stored import waiting
from support.telemetry import at, pack_sample, request

Show = Callable[[str], str]
URL = "/pms/api/v1/devices/dataset/pms"
NOTE = "Register what is missing, or discard samples."


@pytest.fixture
def site(client: FlaskClient, organisation: Organisation) -> Site:
    """Four samples of an unknown pack wait, 3 of PMS-1 and one of no device."""
    site = Site(organisation.id)
    with site.at_once() as draft:
        draft.pms()
        draft.case("0241", "PMS-1-A", 1)
    send(client, organisation, {"pms_id": "PMS-1"}, *(new(minute) for minute in range(3)))
    send(client, organisation, {}, new(3))
    log_in(client, organisation)
    return site


def new(minute: float) -> dict[str, Any]:
    return pack_sample("0999", at(minute), dock=2)


def send(
    client: FlaskClient, owner: Organisation, head: dict[str, Any], *samples: dict[str, Any]
) -> int:
    options: Any = {"headers": owner.headers, "content_type": "application/json"}
    reply = client.post(URL, data=request(head, *samples), **options)
    assert reply.status_code == 200, reply.get_data(as_text=True)
    number: int = reply.get_json()["receipt"]["id"]
    return number


@pytest.fixture
def show(client: FlaskClient) -> Show:
    def ask(path: str) -> str:
        reply = client.get(f"/pms{path}")
        assert reply.status_code == 200
        return unescape(reply.get_data(as_text=True))

    return ask


def warnings(text: str) -> list[str]:
    found = re.search(r'<div class="pms-warning" role="status">(.*?)</div>', text, re.DOTALL)
    return re.findall(r"<p>([^<]+)", found[1])[:-1] if found else []


@pytest.mark.parametrize("path", ["", "/quarantine"])
def test_from_80_percent_on_pages_say_what_is_full(
    site: Site, show: Show, app: Flask, path: str
) -> None:
    with changed_settings(app, max_quarantine=5, quarantine_share=100):
        text = show(path)
        assert warnings(text) == ["The quarantine is 80 % full: 4 of 5 samples."]
        assert NOTE in text
    with changed_settings(app, max_quarantine=6, quarantine_share=50):
        assert warnings(show(path)) == [
            "PMS-1 fills 100 % of its share of the quarantine: 3 of 3 samples."
        ]
    with changed_settings(app, max_quarantine=100, quarantine_share=1):
        assert warnings(show(path)) == [
            "Samples without a device id fill 100 % of their share of the quarantine: 1 of 1 "
            "samples.",
            "PMS-1 fills 300 % of its share of the quarantine: 3 of 1 samples.",
        ]
    size = sum(row.size for row in waiting(site.account_id))
    with changed_settings(app, max_quarantine_bytes=size, quarantine_share=100):
        said, *_ = warnings(show(path))
        assert said == "The quarantine is 100 % full: 0.0 of 0.0 MiB."


@pytest.mark.parametrize("path", ["", "/quarantine"])
def test_below_80_percent_they_say_nothing(site: Site, show: Show, app: Flask, path: str) -> None:
    for changed in ({"max_quarantine": 6}, {"max_quarantine": 200_000}):
        with changed_settings(app, quarantine_share=100, **changed):
            text = show(path)
            assert warnings(text) == []
            assert NOTE not in text


def test_the_fleet_leads_to_the_quarantine(site: Site, show: Show, app: Flask) -> None:
    with changed_settings(app, max_quarantine=5, quarantine_share=100):
        assert f'href="/pms/quarantine?organisation={site.account_id}"' in show("")
        assert "pms-warning" not in show("?live=1")


def test_another_organisation_is_told_nothing(
    site: Site, client: FlaskClient, other_organisation: Organisation, app: Flask, show: Show
) -> None:
    log_in(client, other_organisation)
    with changed_settings(app, max_quarantine=1, quarantine_share=100):
        assert warnings(show("")) == []
        assert warnings(show("/quarantine")) == []


def test_each_reason_has_what_releases_it(site: Site, show: Show) -> None:
    text = show("/quarantine")
    assert "Released by a registration." in text
    assert "Register the pack, or correct where its board was" in text
    number = re.search(r'href="/pms/quarantine/(\d+)', text)
    assert number
    assert "Released by a registration." in show(f"/quarantine/{number[1]}")


def test_receipts_and_completeness_show_what_was_refused(
    site: Site, client: FlaskClient, organisation: Organisation, show: Show, app: Flask
) -> None:
    with changed_settings(app, max_quarantine=4, quarantine_share=100):
        number = send(
            client, organisation, {"pms_id": "PMS-1"}, pack_sample("0241"), new(9), new(10), new(70)
        )
    assert "3 ✕" in show("/receipts")
    assert "3 (not kept: they have to be sent again)" in show(f"/receipts/{number}")
    text = show(f"/completeness?days=1&end={at(180):%Y-%m-%dT%H:%MZ}")
    assert "1 of 1 samples, 100 %; 2 samples refused" in text
    assert "0 of 1 samples, 0 %; 1 sample refused" in text
    assert text.count("data-refused") == 3  # one of them explains the sign
    assert ", 3 samples refused</span>" in text
