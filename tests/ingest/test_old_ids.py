"""Devices whose old ids have markup, which their data sources' names have not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from flexmeasures.data import db
from flexmeasures.data.models.data_sources import DataSource
from sqlalchemy import update
from sqlalchemy.engine import Row
from support import stored
from support.site import Site, old_ids
from support.telemetry import converter_sample, pack_sample, request

from flexmeasures_pms.identifiers import plain
from flexmeasures_pms.storage.readings.latest import forget_latest, latest_of

Post = Callable[..., None]

API = "/pms/api/v1"
BOARD = ("acquisition-board", "66CFF353734574E43231516")


def ago(minutes: float) -> datetime:
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000) - timedelta(minutes=minutes)


@pytest.fixture(params=["P'1", 'A"B', "A<b>`\\"])
def device(request: pytest.FixtureRequest) -> str:
    """The id of a PMS and of an MPPT."""
    return str(request.param)


@pytest.fixture
def site(organisation: Organisation, device: str) -> Site:
    site = Site(organisation.id)
    with old_ids(), site.at_once() as new:
        new.register("pms", device)
        new.register("mppt", device)
    site.register("case", "0901", "0902")
    return site


@pytest.fixture
def post(client: FlaskClient, organisation: Organisation, device: str) -> Post:
    def send(*samples: dict[str, Any], dataset: str = "pms") -> None:
        reply = client.post(
            f"{API}/devices/dataset/{dataset}",
            data=request({f"{dataset}_id": device}, *samples),
            headers=organisation.headers,
            content_type="application/json",
        )
        assert reply.get_json()["receipt"]["stored"] == len(samples)

    return send


def latest(site: Site, kind: str, ident: str) -> Row[Any]:
    db.session.expire_all()
    number = site.number(kind, ident)
    return latest_of([number])[number]


def forget(site: Site, kind: str, ident: str) -> None:
    """Lose the latest reading, which is then read again from the beliefs."""
    forget_latest({site.number(kind, ident)})
    db.session.commit()


def test_a_late_reading_does_not_become_the_latest(site: Site, post: Post, device: str) -> None:
    newest = ago(3)
    post(converter_sample(newest), dataset="mppt")
    forget(site, "mppt", device)
    post(converter_sample(newest - timedelta(minutes=2)), dataset="mppt")
    assert latest(site, "mppt", device).event_time == newest


def test_a_late_reading_does_not_change_those_after_it(site: Site, post: Post) -> None:
    times = [ago(5), ago(4), ago(3)]

    def sample(time: datetime, *opened: int) -> dict[str, Any]:
        fet = {"temp": [34.1, 32.2], "open": list(opened)}
        return pack_sample("0901", time, dock=None, fet=fet)

    post(sample(times[0], 1))
    post(sample(times[2], 1))
    forget(site, "case", "0901")
    post(sample(times[1]))
    filled = stored.filled(site.account_id, "case:0901")
    read = {time: value for (time, _, name), value in filled.items() if name == "FET 1 open"}
    assert [read[time] for time in times] == [1, 0, 1]


def test_a_corrected_board_takes_its_latest_reading_along(
    site: Site, post: Post, device: str
) -> None:
    site.register(*BOARD)
    site.install(BOARD, ("case", "0901"), ago(60))
    time = ago(2)
    post(pack_sample(BOARD[1], time, dock=None))
    with old_ids():
        site.install(BOARD, ("case", "0902"), ago(30))
    moved = latest(site, "case", "0902")
    assert moved.event_time == time
    assert moved.device_id == site.number("pms", device)
    assert latest_of([site.number("case", "0901")]) == {}


def test_the_history_names_the_registered_device(
    site: Site, post: Post, device: str, client: FlaskClient, organisation: Organisation
) -> None:
    post(pack_sample("0901", ago(1), dock=None))
    reply = client.get(f"{API}/devices/0901/history", headers=organisation.headers)
    assert [one["id"] for one in reply.get_json()["reporters"]] == [device]


def test_a_source_that_still_has_the_id_as_its_name_is_known_too(
    site: Site, post: Post, device: str
) -> None:
    newest = ago(3)
    post(converter_sample(newest), dataset="mppt")
    of_account = DataSource.account_id == site.account_id
    db.session.execute(update(DataSource).where(of_account).values(name=device))
    forget(site, "mppt", device)
    post(converter_sample(newest - timedelta(minutes=2)), dataset="mppt")
    assert latest(site, "mppt", device).event_time == newest


def test_devices_with_the_same_plain_id_share_the_source_of_the_first(
    site: Site, post: Post, device: str, client: FlaskClient, organisation: Organisation
) -> None:
    with old_ids():
        site.register("pms", plain(device))
    test_a_corrected_board_takes_its_latest_reading_along(site, post, device)
    reply = client.get(f"{API}/devices/0902/history", headers=organisation.headers)
    assert [one["id"] for one in reply.get_json()["reporters"]] == [device]
