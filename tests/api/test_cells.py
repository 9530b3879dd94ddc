"""``GET …/pms/<id>/cells``."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from support.gateways import make_key
from support.site import Site
from support.telemetry import NOON, at, pack_sample, request
from werkzeug.test import TestResponse

PREFIX = "/pms/api/v1"
HOUR = f"start={NOON:%Y-%m-%dT%H:%MZ}&end={at(60):%Y-%m-%dT%H:%MZ}"


@pytest.fixture
def site(client: FlaskClient, organisation: Organisation) -> Site:
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms()
        new.case("0241", "PMS-1-A", 1)
    low = [3.7] * 13 + [3.62]
    for minute in (30, 60):
        client.post(
            f"{PREFIX}/devices/dataset/pms",
            data=request(
                {"pms_id": "PMS-1"},
                pack_sample("0241", at(minute), cell={"volts": low, "open": [2]}),
            ),
            headers=organisation.headers,
            content_type="application/json",
        )
    return site


@pytest.fixture
def get(client: FlaskClient) -> Any:
    def ask(query: str, headers: dict[str, str], pms: str = "PMS-1") -> TestResponse:
        return client.get(f"{PREFIX}/pms/{pms}/cells?{query}", headers=headers)

    return ask


def test_the_cells_of_all_packs_are_told_with_the_weakest(
    site: Site, get: Any, organisation: Organisation
) -> None:
    reply = get(f"{HOUR}&columns=2", organisation.headers, pms="pms-1").get_json()
    assert reply == {
        "pms": "PMS-1", "quantity": "voltage", "unit": "mV",
        "sensors": [f"cell {n:02d} voltage" for n in range(1, 15)],
        "start": "2026-03-01T12:00:00Z", "end": "2026-03-01T13:00:00Z",
        "seconds": 1800.0, "columns": 2, "look_back": 5400.0,
        "packs": [{
            "case": "0241", "dock": 1, "cabinet": "PMS-1-A",
            "begin": "2026-03-01T12:00:00Z", "end": "2026-03-01T13:00:00Z",
            "cells": [[3700, 3700]] * 13 + [[3620, 3620]],
        }],
        "ranking": [{
            "case": "0241", "dock": 1, "cell": 14, "seconds": 3600.0, "share": 1.0,
            "weak_by": 80.0, "begin": "2026-03-01T12:00:00Z", "end": "2026-03-01T13:00:00Z",
        }],
    }  # fmt: skip


def test_the_other_quantities_are_told_too(
    site: Site, get: Any, organisation: Organisation
) -> None:
    query = f"{HOUR}&columns=1"
    (pack,) = get(f"{query}&quantity=difference", organisation.headers).get_json()["packs"]
    assert pack["cells"] == [[80]] * 13 + [[0]]
    (pack,) = get(f"{query}&quantity=deviation", organisation.headers).get_json()["packs"]
    assert pack["cells"] == [[6]] * 13 + [[-80]]
    reply = get(f"{query}&quantity=temperature", organisation.headers).get_json()
    assert reply["sensors"] == ["temperature top", "temperature middle", "temperature bottom"]
    assert (reply["unit"], reply["packs"][0]["cells"]) == ("°C", [[35], [33], [34]])
    reply = get(f"{query}&quantity=open", organisation.headers).get_json()
    assert reply["packs"][0]["cells"] == [[0], [1]] + [[0]] * 12
    assert [(r["cell"], r["weak_by"]) for r in reply["ranking"]] == [(2, None)]


def test_nothing_is_told_of_the_future_and_gaps_are_null(
    site: Site, get: Any, organisation: Organisation
) -> None:
    reply = get("start=2099-01-01T00:00Z", organisation.headers)
    assert reply.status_code == 400
    reply = get("end=2099-01-01T00:00Z&columns=3", organisation.headers).get_json()
    assert reply["packs"][0]["cells"] == [[None] * 3] * 14
    assert reply["ranking"] == []


@pytest.mark.parametrize(
    "query",
    ["start=soon", "end=1", "end=0001-01-01T00:00Z", "end=2999-01-01T00:00Z",
     "quantity=amps", "columns=0", "columns=241",
     "columns=x", "start=2026-03-01T12:00Z&end=2026-03-01T12:00Z"],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(
    site: Site, get: Any, organisation: Organisation, query: str
) -> None:
    assert get(query, organisation.headers).status_code == 400


def test_it_is_sent_compressed(site: Site, client: FlaskClient, organisation: Organisation) -> None:
    headers = {**organisation.headers, "Accept-Encoding": "gzip"}
    reply = client.get(f"{PREFIX}/pms/PMS-1/cells?{HOUR}", headers=headers)
    assert reply.headers["Content-Encoding"] == "gzip"
    assert b'"0241"' in gzip.decompress(reply.get_data())


def test_another_organisations_pms_looks_like_none(
    site: Site, get: Any, organisation: Organisation, other_organisation: Organisation
) -> None:
    for headers in (other_organisation.headers, make_key(other_organisation.id)):
        replies = [get(HOUR, headers, pms=pms) for pms in ("PMS-1", "PMS-9")]
        assert {reply.status_code for reply in replies} == {404}
        assert len({reply.get_data() for reply in replies}) == 1
        assert get(f"{HOUR}&account={organisation.id}", headers).status_code == 403
    assert get(HOUR, {}).status_code == 401


def test_a_key_is_told_of_its_devices_only(site: Site, get: Any) -> None:
    site.pms("PMS-2")
    key = make_key(site.account_id, ("pms", "PMS-1"))
    assert get(HOUR, key).status_code == 200
    assert get(HOUR, key, pms="PMS-2").status_code == 404
