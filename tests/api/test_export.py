"""Readings as files: what was sent comes back, to who may read it."""

from __future__ import annotations

import csv
import gzip
import sys
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import Result
from conftest import Organisation
from flask.testing import FlaskClient, FlaskCliRunner
from support.gateways import make_key
from support.site import Site
from support.telemetry import CELLS, at, converter_sample, pack_sample, request
from werkzeug.test import TestResponse

PREFIX = "/pms/api/v1"
Send = Callable[..., None]
Ask = Callable[..., TestResponse]


@pytest.fixture
def site(organisation: Organisation) -> Site:
    site = Site(organisation.id)
    with site.at_once() as new:
        for pms in ("PMS-1", "PMS-2"):
            new.pms(pms)
        new.cases({"0241": 1, "0242": 2}, "PMS-1-A")
        new.register("mppt", "MPPT-1", timezone="Asia/Jakarta")
    return site


@pytest.fixture
def post(client: FlaskClient, organisation: Organisation, site: Site) -> Send:
    def send(*samples: dict[str, Any], dataset: str = "pms", **device: Any) -> None:
        reply = client.post(
            f"{PREFIX}/devices/dataset/{dataset}",
            data=request(device or {"pms_id": "PMS-1"}, *samples),
            headers=organisation.headers,
            content_type="application/json",
        )
        assert reply.status_code == 200, reply.get_data(as_text=True)

    return send


@pytest.fixture
def ask(client: FlaskClient, organisation: Organisation) -> Ask:
    def get(ident: str = "0241", headers: Any = None, **query: Any) -> TestResponse:
        time = {"start": at(0).isoformat(), "end": at(10_000).isoformat()}
        return client.get(
            f"{PREFIX}/devices/{ident}/export",
            query_string=time | query,
            headers=organisation.headers if headers is None else headers,
        )

    return get


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text)))


def test_what_was_sent_comes_back(post: Send, ask: Ask) -> None:
    later = at(1) + timedelta(milliseconds=7)
    post(pack_sample("0241", at(0), amps=-0.625), pack_sample("0241", later, fet=None, amps=3.0))
    post(pack_sample("0241", at(2_000), amps=1e-05), pms_id="PMS-2")

    reply = ask()

    assert reply.content_type == "text/csv; charset=utf-8"
    found = rows(reply.get_data(as_text=True))
    assert [(row["time"], row["id"], row["device"]) for row in found] == [
        ("2026-03-01T12:00:00.000Z", "0241", "PMS-1"),
        ("2026-03-01T12:01:00.007Z", "0241", "PMS-1"),
        ("2026-03-02T21:20:00.000Z", "0241", "PMS-2"),
    ]
    assert [row["pack current [A]"] for row in found] == ["-0.625", "3", "1e-05"]
    assert [row["FET 1 temperature [°C]"] for row in found] == ["34.1", "", "34.1"]
    assert [row["cell 03 open"] for row in found] == ["1"] * 3
    for row in found:
        cells = [row[f"cell {n:02d} voltage [V]"] for n in range(1, 15)]
        assert [float(cell) for cell in cells] == [float(cell) for cell in CELLS]
        assert row["dock"] == "1"


def test_readings_that_are_no_beliefs_are_there(post: Send, ask: Ask) -> None:
    post(*(pack_sample("0241", at(n)) for n in range(20)))
    assert [row["dock"] for row in rows(ask().get_data(as_text=True))] == ["1"] * 20


def test_parquet_has_the_same(post: Send, ask: Ask) -> None:
    post(*(pack_sample("0241", at(n * 700), amps=n / 7) for n in range(8)))

    reply = ask(format="parquet")

    assert reply.content_type == "application/vnd.apache.parquet"
    found = pd.read_parquet(BytesIO(reply.get_data()))
    text = pd.read_csv(
        BytesIO(ask().get_data()), dtype={"id": str}, parse_dates=["time"],
        float_precision="round_trip",
    )  # fmt: skip
    assert list(found["time"]) == [at(n * 700) for n in range(8)] == list(text["time"])
    assert list(found["id"]) == ["0241"] * 8 == list(text["id"])
    for name in text.columns[3:]:
        assert found[name].equals(text[name].astype(float)), name


def test_a_file_is_compressed_on_its_way(post: Send, ask: Ask, organisation: Organisation) -> None:
    post(*(pack_sample("0241", at(n)) for n in range(60)))
    packed = ask(headers=organisation.headers | {"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.get_data()) == ask().get_data()


def test_where_nothing_was_read_there_is_only_a_header(post: Send, ask: Ask) -> None:
    (header,) = ask("MPPT-1").get_data(as_text=True).splitlines()
    assert header.startswith("time,id,device,")
    post(converter_sample(at(0)), dataset="mppt", mppt_id="MPPT-1")
    (row,) = rows(ask("MPPT-1").get_data(as_text=True))
    assert (row["device"], row["battery voltage [V]"]) == ("MPPT-1", "55.1")


def test_another_organisation_gets_nothing(
    post: Send, ask: Ask, other_organisation: Organisation
) -> None:
    post(pack_sample("0241", at(0)))
    theirs = other_organisation.headers
    assert ask(headers=theirs).status_code == 404
    assert ask(headers=theirs).get_data() == ask("nothing", headers=theirs).get_data()
    assert ask(headers={}).status_code == 401


def test_a_gateway_gets_what_its_own_devices_reported_while_the_pack_was_there(
    post: Send, ask: Ask, organisation: Organisation
) -> None:
    post(pack_sample("0241", at(0)))
    one, two = (make_key(organisation.id, ("pms", n), name=n) for n in ("PMS-1", "PMS-2"))
    assert ask(headers=two).status_code == 404
    post(pack_sample("0241", at(120)), pms_id="PMS-2")
    for key, minute in ((one, 0), (two, 120)):
        (row,) = rows(ask(headers=key).get_data(as_text=True))
        assert row["time"] == at(minute).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"format": "xlsx"}, "csv, parquet"),
        ({"start": "2026-04-01T00:00:00Z", "end": "2026-03-01T00:00:00Z"}, "start"),
        ({"start": "2026-01-01T00:00:00Z"}, "31 days"),
    ],
)
def test_what_can_not_be_asked_is_said(
    post: Send, ask: Ask, query: dict[str, Any], says: str
) -> None:
    reply = ask(**query)
    assert reply.status_code == 400
    assert says in reply.get_json()["message"]


def test_without_pyarrow_it_says_what_to_install(
    post: Send, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    reply = ask(format="parquet")
    assert reply.status_code == 400
    assert "flexmeasures-pms[parquet]" in reply.get_json()["message"]
    assert ask().status_code == 200


@pytest.fixture
def command(runner: FlaskCliRunner, organisation: Organisation) -> Callable[..., Result]:
    def run(*args: object) -> Result:
        words = ["pms", "export", *map(str, args), "--account", str(organisation.id)]
        return runner.invoke(args=words)

    return run


def test_the_command_writes_the_same(
    post: Send, ask: Ask, command: Callable[..., Result], tmp_path: Path
) -> None:
    post(*(pack_sample("0241", at(n * 700)) for n in range(4)))
    post(pack_sample("0242", at(9), dock=2))

    assert command("0241").stdout_bytes == ask().get_data()

    file = tmp_path / "packs.parquet"
    both = command("0241", "0242", "--format", "parquet", "--output", file)
    assert both.exit_code == 0, both.output
    assert pd.read_parquet(file)["id"].tolist() == ["0241"] * 4 + ["0242"]
    part = command("0241", "--start", at(1).isoformat(), "--end", at(1_400).isoformat())
    assert [row["time"] for row in rows(part.stdout)] == ["2026-03-01T23:40:00.000Z"]


def test_the_command_says_what_it_can_not_export(
    post: Send, command: Callable[..., Result]
) -> None:
    def says(*args: object) -> str:
        result = command(*args)
        assert result.exit_code != 0
        return result.stderr

    assert "9999" in says("9999")
    assert "by themselves" in says("0241", "MPPT-1")
    start, end = at(9).isoformat(), at(3).isoformat()
    assert "--start" in says("0241", "--start", start, "--end", end)
