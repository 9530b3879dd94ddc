"""Requests that are kept for a worker: what the sender is told, and what becomes of them."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
import sqlalchemy as sa
from conftest import Organisation
from flask.testing import FlaskClient
from flexmeasures.data import db
from support import stored
from support.gateways import AUTHOR, make_key
from support.queue import RealQueue, entries, set_mode
from support.site import Site
from support.telemetry import NOON, at, pack_sample, request
from werkzeug.test import TestResponse

from flexmeasures_pms.gateways import manage
from flexmeasures_pms.storage.intake import journal as intake
from flexmeasures_pms.storage.intake import receipts
from flexmeasures_pms.storage.tables import journal

PREFIX = "/pms/api/v1"
URL = f"{PREFIX}/devices/dataset/pms"
BODY = request({"pms_id": "PMS-1"}, pack_sample("0241"), pack_sample("0299"))
Headers = dict[str, str]


def build(owner: Organisation) -> Site:
    site = Site(owner.id)
    with site.at_once() as new:
        new.pms()
        new.case("0241", "PMS-1-A", 1)
    return site


@pytest.fixture
def site(organisation: Organisation) -> Site:
    return build(organisation)


@pytest.fixture
def post(client: FlaskClient) -> Callable[..., TestResponse]:
    def send(
        headers: Headers, body: str | bytes = BODY, url: str = URL, **more: str
    ) -> TestResponse:
        more.setdefault("Content-Type", "application/json")
        return client.post(url, data=body, headers=headers | more)

    return send


@pytest.fixture
def get(client: FlaskClient) -> Callable[..., TestResponse]:
    def ask(path: str, headers: Headers) -> TestResponse:
        return client.get(path, headers=headers)

    return ask


def receipt_of(get: Any, reply: TestResponse, headers: Headers) -> Any:
    assert reply.status_code == 202, reply.get_data(as_text=True)
    found = get(reply.headers["Location"], headers)
    assert found.status_code == 200, found.get_data(as_text=True)
    return found.get_json()


@pytest.mark.parametrize("url", [URL, "/devices/dataset/pms"])
def test_a_request_is_kept_and_its_receipt_can_be_asked_for(
    site: Site, queue: RealQueue, post: Any, get: Any, organisation: Organisation, url: str
) -> None:
    reply = post(organisation.headers, url=url)

    number = reply.get_json()["receipt"]["id"]
    assert reply.get_json()["status"] == "ACCEPTED"
    digest = f"sha256:{sha256(BODY.encode()).hexdigest()}"
    assert reply.get_json()["receipt"] == {"id": number, "digest": digest, "samples": 2}
    assert reply.headers["Location"] == f"{PREFIX}/receipts/{number}"
    assert stored.belief_count(site.account_id) == 0
    waiting = receipt_of(get, reply, organisation.headers)
    assert (waiting["id"], waiting["status"], waiting["samples"]) == (number, "WAITING", 2)
    assert (waiting["sender"], waiting["error"]) == (f"user:{organisation.user_id}", None)

    queue.work()

    assert stored.readings(site.account_id, "case:0241", NOON)["pack current"] == -0.625
    assert len(stored.waiting(site.account_id)) == 1
    found = receipt_of(get, reply, organisation.headers)
    assert (found["id"], found["status"], found["digest"]) == (number, "PROCESSED", digest)
    assert (found["stored"], found["quarantined"]) == (1, 1)
    assert entries(site.account_id) == []


def test_the_receipt_tells_what_the_reply_would_have_said(
    site: Site,
    queue: RealQueue,
    post: Any,
    get: Any,
    organisation: Organisation,
    other_organisation: Organisation,
) -> None:
    body = request(
        {"pms_id": "PMS-1", "strange": 1},
        pack_sample("0241"), pack_sample("0299"), pack_sample("0241", at(1), amps=6553.5),
    )  # fmt: skip
    queued = post(organisation.headers, body)
    queue.work()
    set_mode(queue.app, "direct")
    build(other_organisation)
    said = post(other_organisation.headers, body).get_json()

    found = receipt_of(get, queued, organisation.headers)

    rest = {name: found[name] for name in said if name != "receipt"}
    assert rest == {name: value for name, value in said.items() if name != "receipt"}
    counts = {name: value for name, value in said["receipt"].items() if name != "id"}
    assert {name: found[name] for name in counts} == counts
    assert said["problems"]


def test_what_was_stored_at_once_can_be_asked_for_too(
    site: Site, post: Any, get: Any, organisation: Organisation
) -> None:
    number = post(organisation.headers).get_json()["receipt"]["id"]
    found = get(f"{PREFIX}/receipts/{number}", organisation.headers).get_json()
    assert (found["status"], found["message"]) == ("PROCESSED", "Stored 1 of 2 samples.")


@pytest.mark.parametrize("body", [BODY.encode(), gzip.compress(BODY.encode())])
def test_bodies_are_kept_small_and_understood(
    site: Site, queue: RealQueue, post: Any, organisation: Organisation, body: bytes
) -> None:
    encoding = {"Content-Encoding": "gzip"} if body[:2] == b"\x1f\x8b" else {}
    reply = post(organisation.headers, body, **encoding)
    assert reply.get_json()["receipt"]["digest"] == f"sha256:{sha256(body).hexdigest()}"
    (entry,) = entries(site.account_id)
    assert len(entry.body) < len(BODY) / 2
    queue.work()
    assert stored.times(site.account_id, "case:0241") == {NOON}


@pytest.mark.parametrize(
    ("code", "body", "headers"),
    [
        (400, "{", {}),
        (400, BODY, {"Content-Encoding": "gzip"}),
        (400, b"\xff\xfe", {}),
        (415, BODY, {"Content-Type": "text/html"}),
        (415, BODY, {"Content-Type": "application/json; charset=utf-16"}),
        (415, BODY, {"Content-Encoding": "br"}),
        (422, "{}", {}),
        (413, "[" * 100 + "]" * 100, {}),
    ],
)
def test_what_cannot_be_read_is_refused_at_once(
    site: Site,
    queue: RealQueue,
    post: Any,
    organisation: Organisation,
    code: int,
    body: str | bytes,
    headers: Headers,
) -> None:
    reply = post(organisation.headers, body, **headers)
    assert (reply.status_code, reply.is_json) == (code, True), reply.get_data(as_text=True)
    assert (entries(site.account_id), queue.jobs()) == ([], 0)


def test_a_gateway_is_held_to_its_devices_and_rates(
    site: Site, queue: RealQueue, post: Any
) -> None:
    other = make_key(site.account_id, ("pms", "PMS-2"), name="other")
    slow = make_key(site.account_id, name="slow", rates=(None, 2))

    refused = post(other)
    assert (refused.status_code, refused.get_json()["problems"][0]["code"]) == (403, "out_of_scope")
    assert [post(slow).status_code for _ in range(2)] == [202, 429]
    assert len(entries(site.account_id)) == 1


def test_without_a_credential_nothing_is_kept(site: Site, queue: RealQueue, post: Any) -> None:
    assert post({}).status_code == 401
    assert entries(site.account_id) == []


def test_the_same_request_twice_has_two_receipts_and_its_rows_once(
    site: Site, queue: RealQueue, post: Any, get: Any, organisation: Organisation
) -> None:
    replies = [post(organisation.headers) for _ in range(2)]
    queue.work()
    first, second = (receipt_of(get, reply, organisation.headers) for reply in replies)
    assert (first["stored"], first["duplicate"]) == (1, 0)
    assert (second["stored"], second["duplicate"]) == (0, 1)
    assert len(stored.waiting(site.account_id)) == 1
    hours = get(f"{PREFIX}/completeness?since=2026-03-01T12:00:00Z&until=2026-03-01T13:00:00Z",
                organisation.headers).get_json()["hours"]  # fmt: skip
    assert [hour["samples"] for hour in hours] == [1]


def test_a_request_without_samples_is_done_like_any_other(
    site: Site, queue: RealQueue, post: Any, get: Any, organisation: Organisation
) -> None:
    reply = post(organisation.headers, request({"pms_id": "PMS-1"}))
    queue.work()
    assert receipt_of(get, reply, organisation.headers)["status"] == "PROCESSED"


def test_one_job_is_enough_for_what_came_before_it_began(
    site: Site, queue: RealQueue, post: Any, organisation: Organisation
) -> None:
    for _ in range(5):
        post(organisation.headers)
    assert queue.jobs() == 1
    queue.work()
    post(organisation.headers)
    assert queue.jobs() == 1


def test_without_redis_requests_are_kept_and_stored_when_it_is_back(
    site: Site, queue: RealQueue, post: Any, get: Any, organisation: Organisation
) -> None:
    queue.disconnect()
    replies = [post(organisation.headers) for _ in range(3)]
    assert {receipt_of(get, r, organisation.headers)["status"] for r in replies} == {"WAITING"}

    queue.connect()
    replies.append(post(organisation.headers))
    queue.work()

    found = {receipt_of(get, reply, organisation.headers)["status"] for reply in replies}
    assert found == {"PROCESSED"}


def test_redis_that_does_not_answer_holds_nobody_up_for_long(
    site: Site, queue: RealQueue, post: Any, organisation: Organisation
) -> None:
    """The process that listens is stopped: connecting works, and then nothing comes."""
    import socket

    from redis import Redis
    from rq import Queue
    from support.queue import use

    with socket.create_server(("127.0.0.1", 0)) as silent:
        use(queue.app, Queue("ingestion", connection=Redis(*silent.getsockname())))
        assert [post(organisation.headers).status_code for _ in range(20)] == [202] * 20
        silent.settimeout(0)
        silent.accept()[0].close()
        with pytest.raises(BlockingIOError):  # nobody tried a second time
            silent.accept()


def test_a_request_that_waits_is_seen_by_its_organisation_only(
    site: Site,
    queue: RealQueue,
    post: Any,
    get: Any,
    organisation: Organisation,
    other_organisation: Organisation,
) -> None:
    place = post(organisation.headers).headers["Location"]
    for headers in (other_organisation.headers, make_key(other_organisation.id)):
        reply, none = get(place, headers), get(f"{PREFIX}/receipts/0", headers)
        assert (reply.status_code, reply.get_data()) == (404, none.get_data())
        listed = get(f"{PREFIX}/receipts", headers).get_json()
        assert listed["journal"] == {"waiting": 0, "failed": 0}
    assert get(place, {}).status_code == 401


def test_a_key_for_some_devices_sees_its_own_requests(
    site: Site, queue: RealQueue, post: Any, get: Any
) -> None:
    whole = make_key(site.account_id, name="whole")
    part = make_key(site.account_id, ("pms", "PMS-1"), name="part")
    theirs, own = (post(key).headers["Location"] for key in (whole, part))
    assert (get(theirs, part).status_code, get(own, part).status_code) == (404, 200)
    counts = [get(f"{PREFIX}/receipts", key).get_json()["journal"] for key in (whole, part)]
    assert counts == [{"waiting": 2, "failed": 0}, {"waiting": 1, "failed": 0}]


def test_a_gateway_of_a_revoked_ones_name_does_not_see_its_requests(
    site: Site, queue: RealQueue, post: Any, get: Any
) -> None:
    former = make_key(site.account_id, ("pms", "PMS-1"), name="part")
    place = post(former).headers["Location"]
    manage.revoke(manage.find("part", site.account_id), AUTHOR)
    new = make_key(site.account_id, ("pms", "PMS-1"), name="part")
    assert get(place, new).status_code == 404
    assert get(f"{PREFIX}/receipts", new).get_json()["journal"] == {"waiting": 0, "failed": 0}


def test_a_full_journal_refuses_more(
    site: Site,
    queue: RealQueue,
    post: Any,
    organisation: Organisation,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_mode(queue.app, "queued", PMS_MAX_JOURNAL=3)
    codes = [post(organisation.headers).status_code for _ in range(5)]
    assert codes == [202, 202, 202, 503, 503]
    assert post(organisation.headers).headers["Retry-After"]
    queue.work()
    assert post(organisation.headers).status_code == 202


def test_one_organisations_journal_is_not_anothers(
    site: Site,
    queue: RealQueue,
    post: Any,
    organisation: Organisation,
    other_organisation: Organisation,
) -> None:
    set_mode(queue.app, "queued", PMS_MAX_JOURNAL=1)
    assert [post(organisation.headers).status_code for _ in range(2)] == [202, 503]
    assert post(other_organisation.headers).status_code == 202


def test_the_journal_is_counted_now_and_then(
    site: Site,
    queue: RealQueue,
    post: Any,
    organisation: Organisation,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counts: list[object] = []
    count = intake.count

    def note(*args: Any) -> int:
        counts.append(args)
        return count(*args)

    monkeypatch.setattr(intake, "count", note)
    for _ in range(10):
        post(organisation.headers)
    assert len(counts) == 1


def test_old_requests_that_wait_are_not_purged(
    site: Site, queue: RealQueue, post: Any, get: Any, organisation: Organisation
) -> None:
    old = [post(organisation.headers) for _ in range(2)]
    now = datetime.now(UTC)
    mine = sa.update(journal).where(journal.c.account_id == site.account_id)
    db.session.execute(mine.values(received_at=now - timedelta(days=40)))

    receipts.purge(now - timedelta(days=30), 1000)
    assert [receipt_of(get, r, organisation.headers)["status"] for r in old] == ["WAITING"] * 2

    queue.work()
    # Nobody could have asked for it before: it is kept for its time from now on.
    receipts.purge(now - timedelta(days=30), 1000)
    found = [receipt_of(get, reply, organisation.headers) for reply in old]
    assert [f["status"] for f in found] == ["PROCESSED"] * 2
    # Such a wait is more than the column can hold.
    assert found[0]["duration_ms"] == (1 << 31) - 1
