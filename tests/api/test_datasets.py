"""HTTP in, rows and replies out."""

from __future__ import annotations

import gzip
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from conftest import Organisation
from flask.testing import FlaskClient
from flexmeasures.data import db
from flexmeasures.data.models.time_series import Sensor, TimedBelief
from sqlalchemy import select
from support import stored
from support.site import Site
from support.telemetry import NOON, at, converter_sample, pack_sample, request
from werkzeug.test import TestResponse

from flexmeasures_pms.storage.tables import quarantine

URL = "/pms/api/v1/devices/dataset/pms"
PMS = {"pms_id": "PMS-1"}


@pytest.fixture
def site(organisation: Organisation) -> Site:
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms()
        new.case("0241", "PMS-1-A", 1)
    return site


@pytest.fixture
def post(client: FlaskClient, organisation: Organisation) -> Any:
    def send(body: str | bytes, url: str = URL, **options: Any) -> TestResponse:
        options.setdefault("content_type", "application/json")
        headers = {**organisation.headers, **options.pop("headers", {})}
        return client.post(url, data=body, headers=headers, **options)

    return send


def counts(reply: TestResponse) -> dict[str, int]:
    assert reply.status_code == 200, reply.get_data(as_text=True)
    receipt = reply.get_json()["receipt"]
    parts = ("stored", "duplicate", "quarantined", "no_answer", "refused")
    assert receipt["samples"] == sum(receipt[part] for part in parts)
    return {name: receipt[name] for name in (*parts, "faulty", "beliefs") if receipt[name]}


def codes(reply: TestResponse) -> list[tuple[str, str]]:
    return [(p["path"], p["code"]) for p in reply.get_json()["problems"]]


def test_a_pack_sample_is_there_under_the_names_of_the_catalogue(site: Site, post: Any) -> None:
    reply = post(request(PMS, pack_sample("0241", volts=51.2)))

    assert counts(reply) == {"stored": 1, "beliefs": 43}
    assert reply.get_json()["message"] == "Stored 1 of 1 samples."
    found = stored.readings(site.account_id, "case:0241", NOON)
    assert found["pack voltage"] == 51.164
    assert found["reported pack voltage"] == 51.2
    assert found["pack current"] == -0.625
    assert found["pack power"] == -31.9775
    assert (found["temperature top"], found["temperature bottom"]) == (35, 34)
    assert (found["lowest cell voltage"], found["highest cell voltage"]) == (3.647, 3.669)
    assert found["cell spread"] == 22
    assert (found["cell 03 voltage"], found["cell 03 open"], found["cell 04 open"]) == (3.647, 1, 0)
    assert (found["FET 1 temperature"], found["FET 2 temperature"]) == (34.1, 32.2)
    assert (found["FET 1 open"], found["dock"]) == (0, 1)
    assert stored.sources(site.account_id, "case:0241") == {"PMS-1"}


def test_a_reading_was_known_right_after_it_happened(site: Site, post: Any) -> None:
    post(request(PMS, pack_sample("0241", NOON + timedelta(milliseconds=32))))

    (belief,) = db.session.scalars(
        select(TimedBelief).join(Sensor).where(Sensor.name == "pack current")
        .join(Sensor.generic_asset).where(Sensor.generic_asset.has(account_id=site.account_id))
    )  # fmt: skip
    assert belief.event_start == NOON + timedelta(milliseconds=32)
    assert belief.belief_horizon == timedelta(0)
    assert belief.cumulative_probability == 0.5
    assert belief.source.type == "gateway"
    assert belief.source.account_id == site.account_id


def test_the_same_request_again_changes_nothing(site: Site, post: Any) -> None:
    body = request(PMS, pack_sample("0241"), pack_sample("0241", at(1)))
    assert counts(post(body)) == {"stored": 2, "beliefs": 42 + 25}
    before = stored.beliefs(site.account_id, "case:0241")

    assert counts(post(body)) == {"duplicate": 2}
    assert stored.beliefs(site.account_id, "case:0241") == before


def test_one_sample_twice_in_a_request_is_stored_once(site: Site, post: Any) -> None:
    sample = pack_sample("0241")
    assert counts(post(request(PMS, sample, sample))) == {
        "stored": 1, "duplicate": 1, "beliefs": 42,
    }  # fmt: skip


@pytest.mark.parametrize("together", [True, False])
def test_of_two_different_readings_the_first_stands_and_the_other_waits(
    site: Site, post: Any, together: bool
) -> None:
    first, second = pack_sample("0241"), pack_sample("0241", amps=9.9)
    if together:
        reply = post(request(PMS, first, second))
        assert counts(reply) == {"stored": 1, "quarantined": 1, "beliefs": 42}
    else:
        post(request(PMS, first))
        reply = post(request(PMS, second))
        assert counts(reply) == {"quarantined": 1}

    assert [code for _, code in codes(reply)] == ["conflict"]
    assert stored.readings(site.account_id, "case:0241", NOON)["pack current"] == -0.625
    (row,) = stored.waiting(site.account_id)
    assert (row.reason, row.event_time) == ("conflict", NOON)
    assert "9.9" in row.text


def test_a_conflict_leaves_nothing_of_its_sample_behind(site: Site, post: Any) -> None:
    post(request(PMS, pack_sample("0241")))
    before = stored.beliefs(site.account_id, "case:0241")

    assert counts(post(request(PMS, pack_sample("0241", amps=9.9, volts=51.2)))) == {
        "quarantined": 1
    }
    assert stored.beliefs(site.account_id, "case:0241") == before


def test_a_sample_that_knows_more_adds_what_was_missing(site: Site, post: Any) -> None:
    post(request(PMS, pack_sample("0241", amps=None)))

    # The current, and the power that follows from it.
    assert counts(post(request(PMS, pack_sample("0241")))) == {"stored": 1, "beliefs": 2}


def test_the_same_conflict_again_waits_only_once(site: Site, post: Any) -> None:
    post(request(PMS, pack_sample("0241")))
    for _ in range(2):
        assert counts(post(request(PMS, pack_sample("0241", amps=9.9)))) == {"quarantined": 1}
    assert len(stored.waiting(site.account_id)) == 1


def test_bad_samples_do_not_keep_the_good_ones_out(site: Site, post: Any) -> None:
    reply = post(
        request(
            PMS,
            pack_sample("0241"),
            pack_sample("0299"),
            pack_sample("0241", at(1), cell={"volts": [3.6] * 13, "open": []}),
            pack_sample("0241", at(60 * 24 * 365 * 20)),
            {"pack": {"id": "0241"}},
            "junk",
            pack_sample("0241", at(2)),
        )
    )

    assert counts(reply) == {"stored": 3, "quarantined": 4, "faulty": 1, "beliefs": 42 + 25 + 8}
    assert codes(reply) == [
        ("datasets[0].data[1].pack.id", "unknown_pack"),
        ("datasets[0].data[2].pack.cell.volts", "invalid_value"),
        ("datasets[0].data[3].time_local", "time_out_of_range"),
        ("datasets[0].data[4].time_local", "missing_time"),
        ("datasets[0].data[5]", "invalid_value"),
    ]
    assert len(stored.waiting(site.account_id)) == 4


def test_an_unknown_pms_keeps_its_samples_in_quarantine(site: Site, post: Any) -> None:
    reply = post(request({"pms_id": "PMS-9"}, pack_sample("0241")))

    assert counts(reply) == {"quarantined": 1}
    assert codes(reply) == [("datasets[0].pms_id", "unknown_device")]


def test_a_pack_that_does_not_answer_gives_no_readings(site: Site, post: Any) -> None:
    silent = pack_sample("0241", cell={"volts": [0] * 14, "open": []})

    assert counts(post(request(PMS, silent, pack_sample("0")))) == {"no_answer": 2}
    assert stored.belief_count(site.account_id) == 0
    assert stored.waiting(site.account_id) == []


def test_impossible_readings_are_left_out_and_counted(site: Site, post: Any) -> None:
    volts = [3.6] * 13 + [5.01]
    reply = post(
        request(PMS, pack_sample("0241", amps=6553.5, temp=[-41, 20, 21], cell={"volts": volts}))
    )

    assert counts(reply)["faulty"] == 3
    found = stored.readings(site.account_id, "case:0241", NOON)
    assert "cell 14 voltage" not in found
    assert "pack voltage" not in found
    assert "pack current" not in found
    assert "temperature top" not in found
    assert found["cell 13 voltage"] == 3.6


def test_an_unallocated_dock_is_no_dock(site: Site, post: Any) -> None:
    assert counts(post(request(PMS, pack_sample("0241", dock=99)))) == {"stored": 1, "beliefs": 41}


def test_mppts_and_inverters_report_by_themselves(site: Site, post: Any) -> None:
    with site.at_once() as new:
        new.register("mppt", "MPPT-1", timezone="Asia/Jakarta")
        new.register("inverter", "INV-1")
    code = {"status": {"code": "2801"}}

    mppt = post(request({"mppt_id": "MPPT-1", **code}, converter_sample()), URL[:-3] + "mppt")
    grid = {"volts": [48.0] * 3, "amps": [1.2] * 3, "pf": [0.92] * 3}
    inverter = post(
        request({"inverter_id": "inv-1 "}, converter_sample(grid=grid)), URL[:-3] + "inverter"
    )

    assert counts(mppt)["stored"] == counts(inverter)["stored"] == 1
    found = stored.readings(site.account_id, "mppt:MPPT-1", NOON)
    assert (found["PV 1 power"], found["PV 2 power"]) == (288, 0)
    assert found["battery power"] == -88.2151
    assert (found["load 1 current"], found["load 1 power"]) == (-1.2, 57.6)
    assert (found["charging status"], found["running"], found["bus connected"]) == (1, 1, 1)
    found = stored.readings(site.account_id, "inverter:INV-1", NOON)
    assert (found["grid power"], found["grid 3 power"]) == (91.7848, 30.5949)
    assert stored.sources(site.account_id, "inverter:INV-1") == {"INV-1"}


def test_the_status_belongs_to_the_cabinet_that_the_docks_tell(
    organisation: Organisation, post: Any
) -> None:
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms(cabinets=2)
        new.case("0241", "PMS-1-B", 1)
    device = PMS | {"status": {"code": "0001", "temp": 48.3}}

    post(request(device, pack_sample("0241", dock=13), pack_sample("0241", at(1), dock=13)))

    newest = stored.readings(site.account_id, "cabinet:PMS-1-B", at(1))
    assert newest == {"status code": 1, "bus connected": 1, "EHub temperature": 48.3}
    assert stored.readings(site.account_id, "cabinet:PMS-1-B", NOON) == {}
    assert stored.beliefs(site.account_id, "cabinet:PMS-1-A") == {}


def test_the_status_belongs_to_the_pms_where_the_docks_do_not_tell(
    organisation: Organisation, post: Any
) -> None:
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms(cabinets=2)
        new.case("0241", "PMS-1-A", 1)
        new.case("0242", "PMS-1-B", 1)

    packs = (pack_sample("0241", dock=1), pack_sample("0242", dock=13))
    post(request(PMS | {"status": {"code": "0000"}}, *packs))

    assert stored.readings(site.account_id, "pms:PMS-1", NOON) == {
        "status code": 0, "bus connected": 0,
    }  # fmt: skip


def test_gateways_in_the_field_post_to_the_old_path(site: Site, post: Any) -> None:
    reply = post(request(PMS, pack_sample("0241")), "/devices/dataset/pms")
    assert counts(reply)["stored"] == 1


def test_a_body_may_be_compressed(site: Site, post: Any) -> None:
    body = gzip.compress(request(PMS, pack_sample("0241")).encode())
    assert counts(post(body, headers={"Content-Encoding": "gzip"}))["stored"] == 1


def test_a_body_may_be_csv(site: Site, post: Any) -> None:
    cells = ",".join(f"cell.volts.{n}" for n in range(1, 15))
    row = "PMS-1,0001,20260301T190000.000+0700,0241,1,-1.5," + ",".join(["3.7"] * 14)
    body = f"pms_id,status.code,time_local,pack.id,pack.dock,pack.amps,{cells}\n{row}\n"

    assert counts(post(body, content_type="text/csv"))["stored"] == 1
    assert stored.readings(site.account_id, "case:0241", NOON)["pack voltage"] == 51.8
    assert stored.readings(site.account_id, "cabinet:PMS-1-A", NOON)["bus connected"] == 1


@pytest.mark.parametrize(
    ("body", "content_type", "code"),
    [
        ("{", "application/json", 400),
        ("a,b\n1,2\n", "text/csv", 422),
        ("x", "text/plain", 415),
        ("[]", "application/json", 422),
        ('{"datasets": [{"pms_id": "PMS-1"}]}', "application/json", 422),
        ('{"items": []}', "application/json", 422),
        ("[" * 1000, "application/json", 413),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_as_a_whole(
    site: Site, post: Any, body: str, content_type: str, code: int
) -> None:
    reply = post(body, content_type=content_type)

    assert reply.status_code == code, reply.get_data(as_text=True)
    assert reply.is_json
    assert reply.get_json()["message"]
    assert stored.waiting(site.account_id) == []


def test_a_body_beyond_the_limit_is_refused_before_it_is_read(site: Site, post: Any) -> None:
    reply = post(b" " * (5 << 20))
    assert (reply.status_code, reply.get_json()["status"]) == (413, "BODY_TOO_LARGE")


def test_there_are_three_datasets(post: Any) -> None:
    reply = post("{}", URL[:-3] + "epack")
    assert (reply.status_code, reply.is_json) == (404, True)


def test_samples_are_called_late_after_an_hour(site: Site, post: Any) -> None:
    assert post(request(PMS, pack_sample("0241"))).get_json()["receipt"]["late"] == 1


def test_problems_are_capped_and_the_rest_counted(site: Site, post: Any) -> None:
    reply = post(request(PMS, *(pack_sample("0299", at(n)) for n in range(120)))).get_json()
    assert (len(reply["problems"]), reply["more_problems"]) == (100, 20)


@pytest.mark.parametrize("charset", ["utf-16", "latin-1", '"ISO-8859-1"', "cp1252; charset=utf-8"])
def test_another_charset_is_refused(site: Site, post: Any, charset: str) -> None:
    text = request(PMS, pack_sample("0241"))
    for kind in ("application/json", "text/csv"):
        reply = post(text, content_type=f"{kind}; charset={charset}")
        assert (reply.status_code, reply.get_json()["status"]) == (415, "UNSUPPORTED_BODY")
    assert stored.belief_count(site.account_id) == 0


@pytest.mark.parametrize("charset", ["utf-8", '"UTF-8"', "us-ascii"])
def test_utf_8_may_be_named_and_is_not_kept(site: Site, post: Any, charset: str) -> None:
    content_type = f"application/json; charset={charset}; profile=x"
    reply = post(request(PMS, pack_sample("0241"), pack_sample("0999")), content_type=content_type)

    assert counts(reply) == {"stored": 1, "quarantined": 1, "beliefs": 42}
    query = sa.select(quarantine.c.content_type).where(quarantine.c.account_id == site.account_id)
    assert db.session.scalars(query).all() == ["application/json"]
