"""One bad value, byte or line in a request: what stands beside it is stored, and it is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from support import stored
from support.site import Site
from support.telemetry import NOON, at, converter_sample, pack_sample, request, wire_time

URL = "/pms/api/v1/devices/dataset/"
PMS = {"pms_id": "PMS-1", "status": {"code": "0001", "temp": 48.3}}
PACKS = {"0904": 1, "0905": 2, "0906": 3}

Post = Callable[..., dict[str, Any]]


@pytest.fixture
def site(organisation: Organisation) -> Site:
    site = Site(organisation.id)
    with site.at_once() as new:
        for pms in ("PMS-1", "PMS-2"):
            new.pms(pms)
        new.cases(PACKS, "PMS-1-A")
        new.cases({"0911": 1}, "PMS-2-A")
    return site


@pytest.fixture
def post(client: FlaskClient, organisation: Organisation) -> Post:
    def send(
        body: str | bytes, content_type: str = "application/json", dataset: str = "pms"
    ) -> dict[str, Any]:
        reply = client.post(
            URL + dataset, data=body, content_type=content_type, headers=organisation.headers
        )
        assert reply.status_code == 200, reply.get_data(as_text=True)
        found: dict[str, Any] = reply.get_json()
        return found

    return send


def three() -> str:
    return request(PMS, *(pack_sample(pack, dock=dock) for pack, dock in PACKS.items()))


def counts(reply: dict[str, Any], *names: str) -> tuple[int, ...]:
    return tuple(reply["receipt"][name] for name in names)


def packs_of(site: Site, *packs: str) -> list[int]:
    """Return how many sensors of each pack have a belief."""
    return [len(stored.beliefs(site.account_id, f"case:{pack}")) for pack in packs]


def test_not_a_number_is_one_missing_field(site: Site, post: Post) -> None:
    reply = post(three().replace("-0.625", "NaN", 1))

    assert counts(reply, "samples", "stored", "faulty", "quarantined") == (3, 3, 1, 0)
    assert [(p["path"], p["value"]) for p in reply["problems"]] == [
        ("datasets[0].data[0].pack.amps", "NaN")
    ]
    nan, *good = packs_of(site, *PACKS)
    assert good == [nan + 2] * 2  # its current and power are missing
    assert counts(post(three().replace("-0.625", "NaN", 1)), "duplicate") == (3,)


@pytest.mark.parametrize("status", [[], "", "n/a", None, {"code": "?"}])
def test_an_unreadable_status_is_unknown(site: Site, post: Post, status: Any) -> None:
    body = json.loads(three())
    body["datasets"][0]["status"] = status

    reply = post(json.dumps(body))

    assert counts(reply, "stored", "quarantined") == (3, 0)
    assert [w["code"] for w in reply["warnings"]] == ["unknown_status"]
    assert stored.beliefs(site.account_id, "cabinet:PMS-1-A") == {}


def test_a_status_may_have_the_prefix_of_a_hex_number(site: Site, post: Post) -> None:
    reply = post(three().replace('"0001"', '"0x0001"'))

    assert "warnings" not in reply
    codes = stored.beliefs(site.account_id, "cabinet:PMS-1-A")
    assert {v for (_, _, name), v in codes.items() if name == "status code"} == {1.0}


@pytest.mark.parametrize("bad", [b'"09\x0105"', b'"09\xff05"'])
def test_a_bad_byte_in_an_id_spoils_its_sample_only(site: Site, post: Post, bad: bytes) -> None:
    reply = post(three().encode().replace(b'"0905"', bad))

    assert counts(reply, "stored", "quarantined") == (2, 1)
    assert reply["problems"][0]["path"] == "datasets[0].data[1].pack.id"
    assert 0 not in packs_of(site, "0904", "0906")


def test_padding_behind_a_body_is_skipped(site: Site, post: Post) -> None:
    reply = post(three().encode() + b"\x00" * 3)

    assert counts(reply, "samples", "stored") == (3, 3)
    assert reply["skipped"] == 1


def test_a_damaged_sample_waits_with_its_text_and_place(site: Site, post: Post) -> None:
    reply = post(three().replace('"id": "0905"', '"id: "0905"'))

    assert counts(reply, "samples", "stored", "quarantined") == (3, 2, 1)
    (waiting,) = stored.waiting(site.account_id)
    assert (waiting.reason, waiting.path) == ("unreadable_sample", "datasets[0].data[1]")
    assert "0905" in waiting.text


def test_behind_damage_a_pack_is_stored_only_where_it_is_registered(site: Site, post: Post) -> None:
    first = request(PMS, pack_sample("0904", dock=1), pack_sample("0905", dock=2))
    second = request({"pms_id": "PMS-2"}, pack_sample("0911"), pack_sample("0911", at(1)))
    # What is lost in the middle holds the end of one dataset and the head of the other.
    lost = first[: first.index("0905") + 4] + second[second.index('"dock"') :]

    reply = post(lost)

    assert counts(reply, "stored", "quarantined") == (1, 2)
    assert packs_of(site, "0911") == [0]
    intact = three().replace('"id": "0904"', '"id: "0904"')
    assert counts(post(intact), "stored", "quarantined") == (2, 1)


def test_an_oversized_sample_is_refused_and_the_others_are_stored(site: Site, post: Post) -> None:
    body = json.loads(three())
    body["datasets"][0]["data"][1]["note"] = "x" * 20_000

    reply = post(json.dumps(body))

    assert counts(reply, "samples", "stored", "quarantined", "refused") == (3, 2, 0, 1)
    assert [(p["path"], p["code"]) for p in reply["problems"]] == [
        ("datasets[0].data[1]", "sample_too_large")
    ]
    assert "It was not kept." in reply["problems"][0]["message"]


def test_a_dataset_that_is_none_leaves_the_others(site: Site, post: Post) -> None:
    body = json.loads(three())
    body["datasets"] += [7, {"pms_id": "PMS-1"}]

    reply = post(json.dumps(body))

    assert counts(reply, "samples", "stored", "quarantined") == (5, 3, 2)
    assert [p["path"] for p in reply["problems"]] == ["datasets[1]", "datasets[2].data"]


def header() -> str:
    return "pms_id,time_local,pack.id,pack.dock," + ",".join(
        f"cell.volts.{n}" for n in range(1, 15)
    )


def row(minute: float) -> str:
    return f"PMS-1,{wire_time(at(minute))},0904,1" + ",3.92" * 14


@pytest.mark.parametrize(
    ("text", "stored_at", "skipped"),
    [
        (f"{header()}\n{row(0)}{header()}\n{row(1)}\n", [0, 1], 1),
        (f"{header()}\n{row(0)}\n\ufeff{header()}\n{row(1)}\n", [0, 1], 1),
        (f"{header()}\n{row(0)}\n\0\0\0\0{row(1)}\n\0\0\0\n", [0, 1], 2),
        (f"sep=;\n{header()}\n{row(0)}\n{row(1)}\n".replace(",", ";"), [0, 1], 1),
        (f"{header()}\n{row(0)}\n{row(1)}\n".replace(",", "\t"), [0, 1], None),
        (f"{header()}\n{row(0)}\n{row(1)[:60]}\n{row(2)}\n", [0, 2], None),
    ],
)
def test_csv_files_that_were_glued_padded_or_cut(
    site: Site, post: Post, text: str, stored_at: list[int], skipped: int | None
) -> None:
    reply = post(text.encode(), "text/csv")

    assert stored.times(site.account_id, "case:0904") == {at(m) for m in stored_at}
    assert reply.get("skipped") == skipped


def test_a_converter_keeps_what_can_be_read(site: Site, post: Post) -> None:
    site.register("mppt", "M-1")
    sample = converter_sample(NOON, battery={"volts": 55.1, "amps": "n/a"}, load="off")

    reply = post(request({"mppt_id": "M-1"}, sample), dataset="mppt")

    assert counts(reply, "stored", "faulty") == (1, 2)
    names = {name for _, _, name in stored.beliefs(site.account_id, "mppt:M-1")}
    assert "battery voltage" in names
    assert "battery current" not in names
