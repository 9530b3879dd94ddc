"""Organisations take turns at the workers, and no request needs more locks than there are."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from conftest import Organisation, apart
from flask.testing import FlaskClient
from flexmeasures.data import db
from support import stored
from support.changed import changed_settings
from support.elsewhere import elsewhere
from support.queue import RealQueue, entries, set_mode
from support.telemetry import at, pack_sample

from flexmeasures_pms import config
from flexmeasures_pms.errors import NotHeld
from flexmeasures_pms.ingest import journal_worker
from flexmeasures_pms.storage.intake import journal

URL = "/pms/api/v1/devices/dataset/pms"
LEASE = timedelta(seconds=50)
Post = Callable[..., int]

ADVISORY = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"


@pytest.fixture
def post(client: FlaskClient, queue: RealQueue) -> Post:
    """Send a request with a sample of each named PMS, and return its receipt's id."""

    def send(sender: Organisation, *names: str) -> int:
        parts = [{"pms_id": name, "data": [pack_sample("0241", at(1))]} for name in names]
        body = json.dumps({"datasets": parts})
        kind = "application/json"
        reply = client.post(URL, data=body, headers=sender.headers, content_type=kind)
        assert reply.status_code == 202, reply.get_data(as_text=True)
        number: int = reply.get_json()["receipt"]["id"]
        return number

    return send


@pytest.fixture(autouse=True)
def alone(app_context: Any) -> None:
    """Leave out what other tests left in the journal."""
    db.session.execute(sa.text("DELETE FROM pms_journal"))
    db.session.commit()


def claim(most: int) -> list[int]:
    found = [one.account_id for one in journal.claim(most, LEASE)]
    db.session.commit()
    return found


def test_one_organisations_many_requests_let_anothers_few_go_between(
    post: Post, organisation: Organisation, other_organisation: Organisation
) -> None:
    for n in range(20):
        post(organisation, f"PMS-{n}")
    for n in range(3):
        post(other_organisation, f"PMS-{n}")
    many, few = organisation.id, other_organisation.id
    assert claim(4) == [many, few, many, few]
    # Both were served in the last claim; then the one that waits is the only one.
    assert sorted(claim(2)) == [many, few]
    assert claim(3) == [many] * 3


def test_who_was_served_longest_ago_is_next_however_many_wait(
    post: Post, make_organisation: Callable[..., Organisation]
) -> None:
    """Fewer can be claimed at once than there are organisations; their ids do not matter."""
    everyone = [make_organisation() for _ in range(5)]
    for one in everyone:
        for n in range(4):
            post(one, f"PMS-{n}")
    for _ in range(3):
        turns = claim(1) + claim(2) + claim(2)
        assert sorted(turns) == [one.id for one in everyone]


def test_a_turn_is_over_after_some_time_and_the_rest_goes_back_unharmed(
    post: Post, queue: RealQueue, organisation: Organisation, other_organisation: Organisation,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    for n in range(4):
        post(organisation, f"PMS-{n}")
    order: list[int] = []
    process = journal_worker.process

    def note(claimed: journal.Claimed, settings: config.Settings) -> bool:
        if not order:
            post(other_organisation, "PMS-1")  # comes while the first is worked on
        order.append(claimed.account_id)
        return process(claimed, settings)

    monkeypatch.setattr(journal_worker, "process", note)
    monkeypatch.setattr(journal_worker, "SLICE_SECONDS", -1.0)
    with apart(queue.app):
        assert journal_worker.drain(30).stored == 5
    many, few = organisation.id, other_organisation.id
    assert order == [many, few, many, many, many]
    assert entries(many) == []


@pytest.mark.parametrize("mode", ["direct", "queued"])
def test_a_request_that_names_too_many_devices_is_refused_with_what_to_do(
    client: FlaskClient, queue: RealQueue, organisation: Organisation, mode: str
) -> None:
    set_mode(queue.app, mode)
    rows = [f"PMS-{n},20250101T190000.000+0700,0241,1" for n in range(20_000)]
    body = "\n".join(["pms_id,time_local,pack.id,pack.dock", *rows])
    headers = organisation.headers
    reply = client.post(URL, data=body, headers=headers, content_type="text/csv")
    assert (reply.status_code, reply.get_json()["status"]) == (413, "BODY_TOO_LARGE")
    message = reply.get_json()["message"]
    assert "names 20000 devices" in message
    assert "1000 are allowed in one request. Send it in several requests." in message
    assert (entries(organisation.id), stored.waiting(organisation.id)) == ([], [])


def test_spellings_of_one_device_are_one(
    client: FlaskClient, queue: RealQueue, organisation: Organisation
) -> None:
    sample = [pack_sample("0241")]
    names = ("PMS-1", "pms-1", " PMS-1")
    body = json.dumps({"datasets": [{"pms_id": name, "data": sample} for name in names]})
    with changed_settings(queue.app, max_devices=1):
        reply = client.post(
            URL, data=body, headers=organisation.headers, content_type="application/json"
        )
    assert reply.status_code == 202


def test_what_waits_since_there_was_no_such_limit_is_stored(
    post: Post, queue: RealQueue, organisation: Organisation
) -> None:
    names = [f"PMS-{n}" for n in range(200)]
    post(organisation, *names)
    with apart(queue.app), changed_settings(queue.app, max_devices=1):
        assert journal_worker.drain(30).stored == 1
    assert len(stored.waiting(organisation.id)) == 200


def claimed_now() -> journal.Claimed:
    (found,) = journal.claim(1, timedelta(0))
    db.session.commit()
    return found


def test_a_request_of_any_number_of_devices_takes_few_locks(
    post: Post, organisation: Organisation
) -> None:
    post(organisation, "PMS-1")
    wide = claimed_now()._replace(lanes=list(range(20_000)))
    journal.hold(wide, 5, 5)
    assert db.session.scalar(sa.text(ADVISORY)) == 1
    db.session.rollback()


def test_a_request_of_many_devices_and_one_of_few_exclude_each_other(
    post: Post, organisation: Organisation, other_organisation: Organisation, database_uri: str
) -> None:
    post(organisation, "PMS-1")
    few = claimed_now()
    wide = few._replace(lanes=list(range(20_000)))
    lock = "SELECT pg_advisory_xact_lock{}(hashtext('pms_journal'), {})"
    with elsewhere(database_uri, lock.format("_shared", organisation.id)):
        with pytest.raises(NotHeld):
            journal.hold(wide, 0.1, 5)
        db.session.rollback()
        journal.hold(few, 5, 5)
        db.session.rollback()
    with elsewhere(database_uri, lock.format("", organisation.id)):
        with pytest.raises(NotHeld):
            journal.hold(few, 5, 5)
        db.session.rollback()
    with elsewhere(database_uri, lock.format("", other_organisation.id)):
        journal.hold(few, 5, 5)
        db.session.rollback()
