"""A gateway whose clock is ahead does not hide the present."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from flexmeasures.data import db
from sqlalchemy import select
from support import stored
from support.site import Site
from support.telemetry import converter_sample, pack_sample, request

from flexmeasures_pms.catalogue.asset_types import DatasetName
from flexmeasures_pms.config import settings
from flexmeasures_pms.ingest.accept import Origin, accept
from flexmeasures_pms.ingest.receipt import Receipt
from flexmeasures_pms.overview.rack import rack
from flexmeasures_pms.registry.loading.load import load_directory
from flexmeasures_pms.storage.log_tables import sample
from flexmeasures_pms.storage.readings.latest import forget_latest, latest_of
from flexmeasures_pms.storage.tables import latest

Post = Callable[..., dict[str, Any]]
Get = Callable[[str], Any]

API = "/pms/api/v1"
NORMAL, BUS_FAULT, SYSTEM_FAULT = {"code": "0001"}, {"code": "0000"}, {"code": "1001"}
BOARD = ("acquisition-board", "66CFF353734574E43231516")


def later(**more: float) -> datetime:
    """A time from now, of whole milliseconds."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000) + timedelta(**more)


def wire(time: datetime) -> str:
    """A time as the API has it."""
    return time.isoformat().replace("+00:00", "Z")


@pytest.fixture
def site(organisation: Organisation) -> Site:
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms()
        new.case("0901", "PMS-1-A", 1)
        new.case("0902", "PMS-1-A", 2)
        new.register("mppt", "MPPT-1")
    return site


@pytest.fixture
def post(client: FlaskClient, organisation: Organisation) -> Post:
    """Send samples now, and return the reply."""

    def send(*samples: dict[str, Any], dataset: str = "pms", **device: Any) -> dict[str, Any]:
        reply = client.post(
            f"{API}/devices/dataset/{dataset}",
            data=request(device or {"pms_id": "PMS-1"}, *samples),
            headers=organisation.headers,
            content_type="application/json",
        )
        assert reply.status_code == 200, reply.get_data(as_text=True)
        body: dict[str, Any] = reply.get_json()
        return body

    return send


@pytest.fixture
def get(client: FlaskClient, organisation: Organisation) -> Get:
    def ask(path: str) -> Any:
        reply = client.get(f"{API}{path}", headers=organisation.headers)
        assert reply.status_code == 200, reply.get_data(as_text=True)
        return reply.get_json()

    return ask


def received(
    site: Site, at: datetime, *samples: dict[str, Any], dataset: DatasetName = "pms", **device: Any
) -> Receipt:
    """Accept samples as if they were received at some other time."""
    body = request(device or {"pms_id": "PMS-1"}, *samples).encode()
    json = "application/json"
    return accept(
        body,
        dataset,
        Origin(site.account_id, "tests", json, at),
        content_type=json,
        encoding="",
        settings=settings(),
        admit=lambda _: None,
    )


def waiting_ahead(site: Site, kind: str, ident: str) -> int:
    number = site.number(kind, ident)
    newest = db.session.scalar(select(latest.c.event_time).where(latest.c.trackable_id == number))
    times = db.session.scalars(select(sample.c.event_time).where(sample.c.subject_id == number))
    return sum(newest is None or time > newest for time in times)


def states(site: Site, now: datetime) -> dict[str, list[str]]:
    """The states of packs on the rack."""
    registered = load_directory(site.account_id)
    pms = registered.find("pms", "PMS-1")
    assert pms is not None
    shown = rack(registered, pms, now)
    return {o.pack.ident: [f.code for f in o.findings] for o in shown.occupants()}


def dock(site: Site, case: str) -> int | None:
    return load_directory(site.account_id).dock_across(site.number("case", case), later())


def test_a_hot_pack_is_shown_after_a_sample_of_the_future(site: Site, post: Post, get: Get) -> None:
    reply = post(pack_sample("0901", later(hours=7)), pack_sample("0902", later(), dock=2))
    now = later()
    post(pack_sample("0901", now, temp=[71.0, 70.0, 69.0]))

    [warning] = reply["warnings"]
    assert (warning["code"], warning["path"]) == (
        "ahead_of_clock", "datasets[0].data[0].time_local",
    )  # fmt: skip
    assert warning["message"].startswith("1 sample of 'PMS-1' is up to 6 h 59 min ahead of the")
    shown = get("/pms/PMS-1/rack")
    hot = [{"code": "hot", "figure": 71.0, "id": "0901"}]
    assert [{k: f[k] for k in ("code", "figure", "id")} for f in shown["findings"]] == hot
    [device] = [d for d in get("/fleet")["devices"] if d["id"] == "PMS-1"]
    assert [{k: f[k] for k in ("code", "figure", "id")} for f in device["findings"]] == hot
    newest = get("/devices/0901/latest")
    assert (newest["readings"]["temperature top"], newest["time"]) == (71.0, wire(now))
    assert states(site, later(minutes=10))["0901"] == ["hot", "silent"]


def test_a_bus_fault_is_shown_after_a_sample_of_the_future(
    site: Site, post: Post, get: Get
) -> None:
    post(pack_sample("0901", later(hours=7)), pms_id="PMS-1", status=NORMAL)
    post(pack_sample("0901", later()), pms_id="PMS-1", status=BUS_FAULT)

    assert get("/pms/PMS-1/rack")["findings"][0]["code"] == "bus_fault"


def test_a_bus_fault_in_the_dataset_of_a_sample_of_the_future_is_of_now(
    site: Site, post: Post, get: Get
) -> None:
    samples = pack_sample("0901", later(hours=7)), pack_sample("0902", later(), dock=2)
    post(*samples, pms_id="PMS-1", status=BUS_FAULT)

    assert get("/pms/PMS-1/rack")["findings"][0]["code"] == "bus_fault"


def test_the_status_of_a_dataset_that_is_sent_again_later_is_of_the_same_sample(site: Site) -> None:
    now = later()
    samples = (
        pack_sample("0901", now),
        pack_sample("0902", now + timedelta(minutes=4), dock=2),
    )
    first, again = (
        received(site, at, *samples, pms_id="PMS-1", status=BUS_FAULT)
        for at in (now, now + timedelta(hours=1))
    )

    assert (first.counts.stored, again.counts.duplicate) == (2, 2)
    assert again.problems == []
    of_ehub = stored.times(site.account_id, "cabinet:PMS-1-A")
    assert of_ehub == {now + timedelta(minutes=4)}


def test_a_fault_of_an_mppt_is_shown_after_a_sample_of_the_future(
    site: Site, post: Post, get: Get
) -> None:
    mppt: dict[str, Any] = {"dataset": "mppt", "mppt_id": "MPPT-1"}
    post(converter_sample(later(hours=7)), **mppt, status={"code": "0001"})
    post(converter_sample(later()), **mppt, status=SYSTEM_FAULT)

    [device] = [d for d in get("/fleet")["devices"] if d["id"] == "MPPT-1"]
    assert [f["code"] for f in device["findings"]] == ["fault"]


def test_a_sample_of_the_future_moves_no_pack_and_the_next_true_one_does(
    site: Site, post: Post
) -> None:
    post(pack_sample("0901", later(hours=7), dock=5))
    assert dock(site, "0901") == 1

    post(pack_sample("0901", later(), dock=4))
    assert dock(site, "0901") == 4


def test_a_sample_of_the_future_is_stored_once(site: Site, post: Post) -> None:
    time = later(hours=7)
    first, again = post(pack_sample("0901", time)), post(pack_sample("0901", time))
    other = post(pack_sample("0901", time, amps=9.0))

    assert first["receipt"]["stored"] == again["receipt"]["duplicate"] == 1
    assert [p["code"] for p in other["problems"]] == ["conflict"]
    assert stored.readings(site.account_id, "case:0901", time)["pack current"] == -0.625
    assert waiting_ahead(site, "case", "0901") == 1


def test_a_clock_that_differs_a_little_is_no_fault(site: Site, post: Post, get: Get) -> None:
    time = later(seconds=40)
    reply = post(pack_sample("0901", time))

    assert "warnings" not in reply
    assert get("/devices/0901/latest")["time"] == wire(time)
    assert waiting_ahead(site, "case", "0901") == 0


def test_a_clock_that_is_always_ahead_lags(site: Site) -> None:
    """With a sample a minute, five minutes ahead, what is shown is as old as that."""
    start = later(hours=1)
    for minute in range(12):
        at = start + timedelta(minutes=minute)
        sample = pack_sample("0901", at + timedelta(minutes=5), temp=[40.0 + minute, 30.0, 30.0])
        receipt = received(site, at, sample, pms_id="PMS-1", status={"code": "0001", "temp": 40})
        assert [w.code for w in receipt.warnings] == ["ahead_of_clock"]

    registered = load_directory(site.account_id)
    pms = registered.find("pms", "PMS-1")
    assert pms is not None
    at = start + timedelta(minutes=11)
    shown = rack(registered, pms, at)
    [pack] = [o.pack for o in shown.occupants() if o.pack.ident == "0901"]
    assert (pack.time, pack.temperatures[0], pack.silent) == (
        at + timedelta(minutes=1),
        47.0,
        False,
    )
    ehub = shown.cabinets[0].ehub
    assert ehub is not None
    assert ehub.time == pack.time
    assert waiting_ahead(site, "case", "0901") == 4


def test_what_was_ahead_is_the_latest_when_its_time_has_come(site: Site, get: Get) -> None:
    """Until then states are recorded on change; after it nothing relies on what was before."""
    start = later(hours=1)
    in_order = [
        (0, 0, {"cell": cells(opened=[])}),
        (1, 20, {"cell": cells(opened=[7])}),
        (2, 2, {"cell": cells(opened=[])}),
        (21, 21, {"cell": cells(opened=[])}),
        (22, 22, {"cell": cells(opened=[])}),
    ]
    for received_at, minute, changed in in_order:
        sample = pack_sample("0901", start + timedelta(minutes=minute), **changed)
        received(site, start + timedelta(minutes=received_at), sample)

    assert opened_cell(site, start) == {0: 0, 2: 0, 20: 1, 21: 0, 22: 0}


def test_a_request_that_was_queued_for_long_takes_nothing_back(site: Site) -> None:
    start = later(minutes=-30)
    for minute, opened in ((0, [7]), (10, [7]), (2, [])):
        at = start + timedelta(minutes=minute)
        if minute == 2:
            forget_latest({site.number("case", "0901")})
        received(site, at, pack_sample("0901", at, cell=cells(opened=opened)))

    assert opened_cell(site, start) == {0: 1, 2: 0, 10: 1}
    newest = latest_of([site.number("case", "0901")])[site.number("case", "0901")]
    assert newest.event_time == start + timedelta(minutes=10)


def test_a_latest_reading_that_is_ahead_makes_way(site: Site) -> None:
    """It was stored before such readings were kept apart, or the server's clock was set back."""
    now = later()
    case = site.number("case", "0901")
    received(site, now, pack_sample("0901", later(minutes=-1), cell=cells([7])))
    start = later(hours=7)
    for minute in (0, 5, 10):
        at = start + timedelta(minutes=minute)
        received(site, at, pack_sample("0901", at, cell=cells([7])))
    received(site, now, pack_sample("0901", now, cell=cells([])))
    assert latest_of([case])[case].event_time == now

    between = start + timedelta(minutes=7)
    again = received(site, between, pack_sample("0901", start, cell=cells([7])))
    received(site, between, pack_sample("0901", between, cell=cells([])))
    assert (again.counts.stored, again.counts.duplicate) == (0, 1)
    opened = opened_cell(site, start)
    assert {minute: opened[minute] for minute in (0, 5, 7, 10)} == {0: 1, 5: 1, 7: 0, 10: 1}
    after = start + timedelta(minutes=11)
    received(site, after, pack_sample("0901", start + timedelta(minutes=1), cell=cells([7])))
    assert latest_of([case])[case].event_time == start + timedelta(minutes=10)


def opened_cell(site: Site, start: datetime) -> dict[int, Any]:
    """Whether cell 7 is open, by minute, filled forward."""
    filled = stored.filled(site.account_id, "case:0901")
    return {
        (time - start) // timedelta(minutes=1): value
        for (time, _, name), value in filled.items()
        if name == "cell 07 open"
    }


def cells(opened: list[int]) -> dict[str, Any]:
    return {"volts": [3.65] * 14, "open": opened}


def test_readings_of_a_board_that_are_ahead_move_with_the_board(site: Site) -> None:
    now, time = later(), later(minutes=30)
    site.register(*BOARD)
    site.install(BOARD, ("case", "0901"))
    received(site, now, pack_sample(BOARD[1].lower(), time, dock=None))
    site.correct(BOARD, into="0902")

    assert stored.times(site.account_id, "case:0902") == {time}
    assert [waiting_ahead(site, "case", case) for case in ("0901", "0902")] == [0, 1]
    for case, dock in (("0901", 1), ("0902", 2)):
        received(site, time, pack_sample(case, now, dock=dock))
    assert states(site, time) == {"0901": ["silent"], "0902": ["unallocated"]}


def test_each_device_has_one_warning_with_the_number_of_its_samples(
    client: FlaskClient, organisation: Organisation, site: Site
) -> None:
    with site.at_once() as new:
        new.pms("PMS-2")
        new.case("0903", "PMS-2-A", 1)
    datasets = [
        {"pms_id": "PMS-1", "data": [pack_sample("0901", later()),
                                     pack_sample("0901", later(seconds=90)),
                                     pack_sample("0902", later(minutes=3, seconds=30), dock=2)]},
        {"pms_id": "PMS-2", "data": [pack_sample("0903", later(hours=2, seconds=30))]},
    ]  # fmt: skip
    reply = client.post(
        f"{API}/devices/dataset/pms",
        data=json.dumps({"datasets": datasets}),
        headers=organisation.headers,
        content_type="application/json",
    ).get_json()

    assert [(w["path"], w["message"].partition(" ahead")[0]) for w in reply["warnings"]] == [
        ("datasets[0].data[1].time_local", "2 samples of 'PMS-1' are up to 3 min"),
        ("datasets[1].data[0].time_local", "1 sample of 'PMS-2' is up to 2 h 0 min"),
    ]
