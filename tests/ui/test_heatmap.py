"""The page with the cells of a PMS over a time."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from support.session import log_in
from support.site import Site, old_ids
from support.telemetry import NOON, at, pack_sample, request

URL = "/pms/PMS-1/cells"
# 12:00 and 13:00 UTC on the clock of Jakarta, as the form sends it.
HOUR = "start=2026-03-01T19:00&end=2026-03-01T20:00"
VOLTAGE = f"{HOUR}&quantity=voltage"


@pytest.fixture
def site(client: FlaskClient, organisation: Organisation) -> Site:
    """Two packs that reported at 12:30 and 13:00; cell 5 of the first is 80 mV below."""
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms()
        new.cases({"0241": 1, "0242": 2}, "PMS-1-A")
    weak, sound = [3.7] * 4 + [3.62] + [3.7] * 9, [3.7] * 13 + [3.699]
    for minute in (30, 60):
        samples = (
            pack_sample("0241", at(minute), cell={"volts": weak, "open": [2]}),
            pack_sample("0242", at(minute), dock=2, cell={"volts": sound, "open": []}),
        )
        client.post(
            "/pms/api/v1/devices/dataset/pms",
            data=request({"pms_id": "PMS-1"}, *samples),
            headers=organisation.headers,
            content_type="application/json",
        )
    log_in(client, organisation)
    return site


@pytest.fixture
def show(client: FlaskClient) -> Callable[..., str]:
    def ask(query: str = HOUR, url: str = URL, status: int = 200) -> str:
        reply = client.get(f"{url}?{query}")
        assert reply.status_code == status
        return unescape(reply.get_data(as_text=True))

    return ask


def data(text: str) -> Any:
    found = re.search(r'id="pms-cells">(.*?)</script>', text, re.DOTALL)
    assert found
    return json.loads(found[1])


def table(text: str, which: int) -> list[list[str]]:
    body = re.findall(r"<tbody>(.*?)</tbody>", text, re.DOTALL)[which]
    rows = re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)
    cells = [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL) for row in rows]
    return [[" ".join(re.sub("<[^>]*>", " ", cell).split()) for cell in row] for row in cells]


def test_the_weak_cell_is_first_with_its_figures(site: Site, show: Any) -> None:
    text = show(HOUR + "&order=below")
    first, second = table(text, 1)
    assert first[:3] == ["1", "0241", "5"]
    assert "weak 80.0 mV" in first[5]
    assert second[:3] == ["2", "0242", "14"]
    assert second[5] == "1.0 mV"
    assert "/pms/case/0241?start=2026-03-01T12" in text


def test_the_table_has_the_cells_of_the_moment(site: Site, show: Any) -> None:
    first, second = table(show(VOLTAGE), 0)
    assert first == ["1", "0241", *["3,700"] * 4, "3,620", *["3,700"] * 9]
    assert second[-1] == "3,699"
    (before, _) = table(show(VOLTAGE + "&at=2026-03-01T12:15Z"), 0)
    assert before[2:] == ["–"] * 14


def test_it_opens_on_the_deviation_from_the_others_with_its_limit(site: Site, show: Any) -> None:
    text = show()
    first, second = table(text, 0)
    assert first[2:] == [*["+6"] * 4, "−80", *["+6"] * 9]
    assert second[-1] == "−1"
    assert (data(text)["limit"], data(text)["scale"]) == (-30, [-60, 60])
    assert "weak: 30 mV or more below the mean of the others" in text


def test_temperatures_and_fets_are_shown_with_their_names(site: Site, show: Any) -> None:
    text = show(HOUR + "&quantity=temperature")
    assert data(text)["heads"] == ["Top", "Middle", "Bottom"]
    assert table(text, 0)[0] == ["1", "0241", "35.0", "33.0", "34.0"]
    assert "No sensor was at 55 °C or more." in text
    assert data(show(HOUR + "&quantity=fet-temperature"))["heads"] == ["FET 1", "FET 2"]
    assert table(show(HOUR + "&quantity=fet-open"), 0)[0][2:] == ["closed", "closed"]


def test_another_order_keeps_the_quantity_and_the_moment(site: Site, show: Any) -> None:
    text = show(f"{HOUR}&quantity=voltage&order=below&at=2026-03-01T12:15Z")
    assert '<input type="hidden" name="order" value="below">' in text
    assert '<input type="hidden" name="at" value="2026-03-01T12:15Z">' in text


def test_the_difference_and_open_cells_are_shown_too(site: Site, show: Any) -> None:
    first, _ = table(show(HOUR + "&quantity=difference"), 0)
    assert first[2:] == [*["80"] * 4, "0", *["80"] * 9]
    text = show(HOUR + "&quantity=open")
    first, _ = table(text, 0)
    assert first[2:5] == ["closed", "open", "closed"]
    assert [row[:3] for row in table(text, 1)] == [["1", "0241", "2"]]
    assert "Cells by how long they were open" in text


def test_the_script_gets_all_moments_and_the_page_says_how_many(site: Site, show: Any) -> None:
    text = show(VOLTAGE)
    found = data(text)
    assert (found["columns"], found["seconds"], found["zone"]) == (240, 15.0, "Asia/Jakarta")
    assert found["packs"][0]["cells"][4][-1] == 3620
    assert found["packs"][0]["href"] == "/pms/case/0241"
    assert "Sampled at 240 moments, 15 s apart." in text
    assert "not older than 1 h 30 min" in text
    assert "Asia/Jakarta (UTC+07:00)" in text


def test_slow_stretches_have_no_holes_where_packs_report_often_now(
    site: Site, client: FlaskClient, organisation: Organisation, show: Any
) -> None:
    slow, quick = range(60, 3600, 60), range(3600, 3700, 5)
    client.post(
        "/pms/api/v1/devices/dataset/pms",
        data=request(
            {"pms_id": "PMS-1"},
            *(pack_sample("0241", at(60 + s / 60), cell={"volts": [3.7] * 14}) for s in slow),
            *(pack_sample("0241", at(60 + s / 60), cell={"volts": [3.6] * 14}) for s in quick),
        ),
        headers=organisation.headers,
        content_type="application/json",
    )
    text = show("start=2026-03-01T20:01&end=2026-03-01T21:01&quantity=voltage")
    assert set(data(text)["packs"][0]["cells"][0]) == {3700, 3600}
    # The other pack has reported every half hour.
    assert "not older than 1 h 30 min, or than 15 s where they come more often." in text


def test_by_default_the_last_hour_with_readings_is_shown(site: Site, show: Any) -> None:
    assert data(show(""))["start"] == f"{NOON:%Y-%m-%dT%H:%M:%SZ}"


def test_the_longer_address_leads_there_too(site: Site, show: Any) -> None:
    site.pms("cells/A")
    assert "No pack was in cells/A in this period." in show(url="/pms/pms/cells/A/cells")


@pytest.mark.parametrize(
    "query",
    ["start=soon", f"{HOUR}&quantity=amps", "start=2999-01-01T00:00", "end=0002-01-01T00:00",
     "end=0001-01-01T00:00", f"{HOUR}&at=never"],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_in_words(site: Site, show: Any, query: str) -> None:
    assert 'class="pms-page"' in show(query, status=400)


def test_times_before_all_telemetry_are_taken(site: Site, show: Any) -> None:
    assert data(show("start=2002-01-01T00:00"))["start"] == "2010-01-01T00:00:00Z"
    show("end=2010-01-01T00:01:00Z&start=2010-01-01T00:00:00Z")


def test_hostile_ids_are_shown_as_text(site: Site, client: FlaskClient, show: Any) -> None:
    with old_ids():
        site.case("</script><script>x", "PMS-1-A", 3)
    raw = client.get(f"{URL}?{HOUR}").get_data(as_text=True)
    assert "</script><script>x" not in raw
    assert data(raw)["packs"][2]["case"] == "</script><script>x"


def test_another_organisation_sees_nothing(
    site: Site, client: FlaskClient, show: Any, other_organisation: Organisation
) -> None:
    client.get("/logout")
    log_in(client, other_organisation)
    theirs, nobodys = show(status=404), show(url="/pms/PMS-9/cells", status=404)
    assert "0241" not in theirs
    assert "Nothing is registered with this id" in theirs and "with this id" in nobodys
    show(f"{HOUR}&organisation={site.account_id}", status=404)


def test_it_is_told_in_indonesian_too(site: Site, show: Any) -> None:
    assert "Diambil pada 240 saat" in show(HOUR + "&lang=id")
    show(HOUR + "&lang=en")
