"""What waits in quarantine comes to the right place once that is known."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from flexmeasures.data import db
from support import stored
from support.site import Site
from support.telemetry import NOON, at, converter_sample, pack_sample, request

from flexmeasures_pms.ingest.replay import replay
from flexmeasures_pms.storage import quarantine

Post = Callable[..., dict[str, Any]]
BOARD = "66BFFFFFF353734574E43235318"


@pytest.fixture
def site(organisation: Organisation) -> Site:
    site = Site(organisation.id)
    site.pms()
    site.case("269", "PMS-1-A", 6)
    return site


@pytest.fixture
def post(client: FlaskClient, organisation: Organisation) -> Post:
    def send(body: str, dataset: str = "pms", **options: Any) -> dict[str, Any]:
        reply = client.post(
            f"/pms/api/v1/devices/dataset/{dataset}",
            data=body,
            headers=organisation.headers,
            content_type=options.get("content_type", "application/json"),
        )
        assert reply.status_code == 200, reply.get_data(as_text=True)
        found: dict[str, Any] = reply.get_json()
        return found

    return send


def test_registering_a_board_brings_its_samples_to_the_case(site: Site, post: Post) -> None:
    samples = [pack_sample(BOARD, at(n), dock=6) for n in range(5)]
    assert post(request({"pms_id": "PMS-1"}, *samples))["receipt"]["quarantined"] == 5

    site.register("acquisition-board", BOARD)
    assert len(stored.waiting(site.account_id)) == 5
    settled = site.install(("acquisition-board", BOARD), ("case", "269"))

    # 42 readings of the first; of the others not the 17 states, which repeat.
    (line,) = settled.lines
    assert str(line) == "Replayed 5 samples from quarantine: 142 beliefs stored."
    assert stored.waiting(site.account_id) == []
    assert stored.times(site.account_id, "case:269") == {at(n) for n in range(5)}
    assert stored.sources(site.account_id, "case:269") == {"PMS-1"}
    again = post(request({"pms_id": "PMS-1"}, *samples))["receipt"]
    assert (again["duplicate"], again["beliefs"]) == (5, 0)


def test_only_the_time_in_which_the_board_was_there_comes_back(site: Site, post: Post) -> None:
    post(request({"pms_id": "PMS-1"}, *(pack_sample(BOARD, at(n), dock=6) for n in (-1, 1))))
    site.register("acquisition-board", BOARD)
    site.install(("acquisition-board", BOARD), ("case", "269"), at=NOON)

    assert stored.times(site.account_id, "case:269") == {at(1)}
    assert [row.event_time for row in stored.waiting(site.account_id)] == [at(-1)]


def test_the_other_spelling_of_a_board_is_found_too(site: Site, post: Post) -> None:
    short = "66bff353734574e43235318"
    post(request({"pms_id": "PMS-1"}, pack_sample(short, dock=6)))
    site.register("acquisition-board", BOARD)
    site.install(("acquisition-board", BOARD), ("case", "269"))
    assert stored.times(site.account_id, "case:269") == {NOON}


def test_registering_devices_brings_their_samples(site: Site, post: Post) -> None:
    post(request({"mppt_id": "MPPT-9"}, converter_sample()), "mppt")
    post(request({"pms_id": "PMS-9"}, pack_sample("269", dock=None)))

    site.register("mppt", "mppt-9")
    site.register("pms", "PMS-9")

    assert stored.times(site.account_id, "mppt:mppt-9") == {NOON}
    assert stored.sources(site.account_id, "case:269") == {"PMS-9"}
    assert stored.waiting(site.account_id) == []


def test_csv_rows_wait_and_come_back_as_csv(site: Site, post: Post) -> None:
    header = "pms_id,time_local,pack.id," + ",".join(f"cell.volts.{n}" for n in range(1, 15))
    row = "PMS-1,20260301T190000.000+0700,0300," + ",".join(["3.7"] * 14)
    post(f"{header}\n{row}\n", content_type="text/csv")

    site.case("0300", "PMS-1-A", 7)
    assert stored.readings(site.account_id, "case:0300", NOON)["pack voltage"] == 51.8


def test_what_was_ahead_of_the_clock_can_be_replayed_later(site: Site, post: Post) -> None:
    ahead = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)
    post(request({"pms_id": "PMS-1"}, pack_sample("269", ahead, dock=6)))
    (row,) = stored.waiting(site.account_id)
    assert row.reason == "time_out_of_range"

    replayed = replay(site.account_id, [row.id])
    db.session.commit()
    assert (replayed.released, replayed.waiting) == (0, 1)
    assert len(stored.waiting(site.account_id)) == 1


def test_a_discarded_sample_is_kept_but_waits_no_more(site: Site, post: Post) -> None:
    post(request({"pms_id": "PMS-1"}, pack_sample("0300")))
    (row,) = stored.waiting(site.account_id)
    gone = quarantine.discard(site.account_id, [row.id], author="me", note="a test pack")
    db.session.commit()
    site.case("0300", "PMS-1-A", 7)

    assert gone == [row.id]
    assert stored.waiting(site.account_id) == []
    assert stored.times(site.account_id, "case:0300") == set()
    (kept,) = quarantine.listed(site.account_id, discarded=True)
    assert (kept.note, kept.discarded_by, kept.text) == ("a test pack", "me", row.text)


def test_another_organisation_can_neither_see_nor_touch_it(
    site: Site, post: Post, other_organisation: Organisation
) -> None:
    post(request({"pms_id": "PMS-1"}, pack_sample("0300")))
    (row,) = stored.waiting(site.account_id)
    other = Site(other_organisation.id)
    other.pms()
    other.case("0300", "PMS-1-A", 7)

    assert list(quarantine.listed(other_organisation.id)) == []
    assert quarantine.discard(other_organisation.id, [row.id], author="x", note="x") == []
    assert replay(other_organisation.id, [row.id]).released == 0
    assert stored.times(other_organisation.id, "case:0300") == set()
    assert len(stored.waiting(site.account_id)) == 1


def test_a_full_quarantine_refuses_instead_of_losing(
    site: Site, client: FlaskClient, organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from flexmeasures_pms import config

    small = replace(config.settings(), max_quarantine=2)
    monkeypatch.setitem(client.application.extensions, "flexmeasures_pms", small)
    samples = [pack_sample("269", dock=6), *(pack_sample("0300", at(n)) for n in range(3))]

    reply = client.post(
        "/pms/api/v1/devices/dataset/pms",
        data=request({"pms_id": "PMS-1"}, *samples),
        headers=organisation.headers,
        content_type="application/json",
    )

    assert reply.status_code == 503
    assert reply.headers["Retry-After"]
    assert stored.waiting(site.account_id) == []
    assert stored.times(site.account_id, "case:269") == set()
