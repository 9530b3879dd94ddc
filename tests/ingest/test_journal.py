"""The journal: in order per device, once, whoever dies, and nothing blocked for ever."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from conftest import Organisation, apart
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner
from flexmeasures.data import db
from rq import SimpleWorker
from support import stored
from support.changed import changed_settings
from support.queue import RealQueue, entries, lanes_of, set_mode
from support.site import Site
from support.telemetry import NOON, at, converter_sample, pack_sample, request

from flexmeasures_pms import config, deadline
from flexmeasures_pms.errors import NotHeld
from flexmeasures_pms.ingest import accept, journal_queue, journal_worker, pipeline
from flexmeasures_pms.storage.intake import journal
from flexmeasures_pms.storage.tables import journal as table
from flexmeasures_pms.storage.tables import journal_lane

PREFIX = "/pms/api/v1"
Post = Callable[..., int]


@pytest.fixture
def site(organisation: Organisation) -> Site:
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms("PMS-1")
        new.pms("PMS-2")
        new.case("0241", "PMS-1-A", 1)
        new.case("0341", "PMS-2-A", 1)
        new.register("mppt", "MPPT-1")
    return site


@pytest.fixture
def post(client: FlaskClient, queue: RealQueue, organisation: Organisation) -> Post:
    """Send a request with a sample of each PMS, and return its receipt's id."""

    def send(*pms: str, amps: float = 1, minute: float = 0) -> int:
        parts = [
            {"pms_id": name, "data": [pack_sample(CASES[name.upper()], at(minute), amps=amps)]}
            for name in pms
        ]
        return accepted(client, json.dumps({"datasets": parts}), organisation)

    return send


CASES = {"PMS-1": "0241", "PMS-2": "0341"}


def accepted(client: FlaskClient, body: str, sender: Organisation, dataset: str = "pms") -> int:
    reply = client.post(
        f"{PREFIX}/devices/dataset/{dataset}",
        data=body,
        headers=sender.headers,
        content_type="application/json",
    )
    assert reply.status_code == 202, reply.get_data(as_text=True)
    number: int = reply.get_json()["receipt"]["id"]
    return number


@pytest.fixture
def receipt_of(client: FlaskClient, organisation: Organisation) -> Callable[[int], Any]:
    def ask(number: int) -> Any:
        found = client.get(f"{PREFIX}/receipts/{number}", headers=organisation.headers)
        return found.get_json()

    return ask


@pytest.fixture
def flexmeasures(runner: FlaskCliRunner) -> Callable[..., str]:
    def run(*args: object) -> str:
        result = runner.invoke(args=[*map(str, args)])
        assert result.exit_code == 0, result.output
        return result.output

    return run


def drain(app: Flask) -> int:
    """Process the journal as another process would."""
    with apart(app):
        return journal_worker.drain(30).stored


def claimed_of(found: list[journal.Claimed], *mine: int) -> list[int]:
    return [one.id for one in found if one.id in mine]


def claim(most: int = 1000, lease: timedelta = timedelta(seconds=50)) -> list[journal.Claimed]:
    found = journal.claim(most, lease)
    db.session.commit()
    return found


# Order


def test_only_the_first_of_a_device_can_be_claimed(site: Site, post: Post) -> None:
    first, second, other = post("PMS-1"), post("pms-1", minute=1), post("PMS-2")
    assert claimed_of(claim(), first, second, other) == [first, other]
    assert claimed_of(claim(), first, second, other) == []


def test_a_request_of_two_devices_waits_for_both(site: Site, post: Post) -> None:
    one, two = post("PMS-1"), post("PMS-2")
    both, after = post("PMS-1", "PMS-2", minute=1), post("PMS-2", minute=2)
    mine = (one, two, both, after)
    assert claimed_of(claim(lease=timedelta(0)), *mine) == [one, two]
    for number in (one, two, both):
        assert both not in claimed_of(claim(lease=timedelta(0)), *mine) or number == both
        journal.remove(number)
        db.session.commit()
    assert claimed_of(claim(), *mine) == [after]


def test_devices_of_another_organisation_or_kind_are_others(
    site: Site,
    post: Post,
    client: FlaskClient,
    organisation: Organisation,
    other_organisation: Organisation,
) -> None:
    body = request({"mppt_id": "PMS-1"}, converter_sample())
    mine = [
        post("PMS-1"),
        accepted(client, body, organisation, "mppt"),
        accepted(client, request({"pms_id": "PMS-1"}, pack_sample("0241")), other_organisation),
    ]
    assert len({lane for number in mine for lane in lanes_of(number)}) == 3
    assert sorted(claimed_of(claim(), *mine)) == mine


def test_the_first_reading_stands_whoever_is_fast(
    site: Site, post: Post, queue: RealQueue, receipt_of: Any
) -> None:
    first, second = post("PMS-1", amps=1), post("PMS-1", amps=2)
    queue.work()
    assert stored.readings(site.account_id, "case:0241", NOON)["pack current"] == 1
    assert (receipt_of(first)["stored"], receipt_of(second)["quarantined"]) == (1, 1)


def test_a_device_is_worked_on_by_one_worker_and_others_meanwhile(
    site: Site, post: Post, queue: RealQueue, receipt_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One worker stops in the middle of a request; a second one does all it may."""
    inside, go_on = threading.Event(), threading.Event()
    process = pipeline.process

    def stop_once(*args: Any) -> Any:
        if threading.current_thread() is slow:
            inside.set()
            go_on.wait(60)
        return process(*args)

    monkeypatch.setattr(accept, "process", stop_once)
    monkeypatch.setattr(journal_worker, "LEASE", timedelta(0))  # only locks keep others away
    mine = post("PMS-1"), post("PMS-1", minute=1), post("PMS-2")

    def work_slowly() -> None:
        with queue.app.app_context():
            journal_worker.process(first, config.settings())

    (first,) = (one for one in claim(lease=timedelta(0)) if one.id == mine[0])
    slow = threading.Thread(target=work_slowly)
    slow.start()
    try:
        assert inside.wait(60)
        with apart(queue.app):
            journal_worker.drain(1)
        assert [receipt_of(number)["status"] for number in mine] == [
            "PROCESSING",
            "WAITING",
            "PROCESSED",
        ]
    finally:
        go_on.set()
        slow.join()
    assert receipt_of(mine[0])["status"] == "PROCESSED"
    drain(queue.app)
    assert receipt_of(mine[1])["status"] == "PROCESSED"
    assert len(stored.times(site.account_id, "case:0241")) == 2


def test_an_earlier_request_that_was_committed_late_goes_first(site: Site, post: Post) -> None:
    early, late = post("PMS-1"), post("PMS-1", minute=1)
    lanes = lanes_of(early)
    db.session.execute(
        sa.text("DELETE FROM pms_journal_lane WHERE journal_id = :id"), {"id": early}
    )
    (claimed,) = (one for one in claim() if one.id == late)
    db.session.execute(sa.insert(journal_lane).values(lane=lanes[0], journal_id=early))
    db.session.commit()

    with pytest.raises(NotHeld):
        journal.hold(claimed, 5, 5)
    db.session.rollback()


def test_no_two_requests_of_a_device_are_stored_at_once(
    site: Site, post: Post, queue: RealQueue
) -> None:
    """Not even where the earlier one is committed while the later one is being stored."""
    early, late = post("PMS-1"), post("PMS-1", minute=1)
    lanes = lanes_of(early)
    db.session.execute(sa.delete(journal_lane).where(journal_lane.c.journal_id == early))
    (second,) = (one for one in claim() if one.id == late)
    journal.hold(second, 5, 5)
    with queue.app.app_context():
        db.session.execute(sa.insert(journal_lane).values(lane=lanes[0], journal_id=early))
        (first,) = (one for one in claim() if one.id == early)
        with pytest.raises(NotHeld):
            journal.hold(first, 5, 5)
        db.session.rollback()
        db.session.remove()
    db.session.rollback()


def test_a_worker_that_lost_its_claim_leaves_the_request_alone(
    site: Site, post: Post, queue: RealQueue, receipt_of: Any
) -> None:
    number = post("PMS-1")
    (slow,) = (one for one in claim(lease=timedelta(0)) if one.id == number)
    (fast,) = (one for one in claim(lease=timedelta(0)) if one.id == number)
    found = config.settings()
    assert not journal_worker.process(slow, found)
    assert journal_worker.process(fast, found)
    assert not journal_worker.process(fast, found)
    assert len(stored.times(site.account_id, "case:0241")) == 1
    assert receipt_of(number)["stored"] == 1


# Death


@pytest.mark.parametrize("where", ["process", "journal.remove", "receipts.add"])
def test_a_worker_that_dies_in_the_middle_leaves_all_or_nothing(
    site: Site,
    post: Post,
    queue: RealQueue,
    receipt_of: Any,
    where: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As SystemExit: nobody catches it, as nobody catches SIGKILL, and nothing is committed."""

    def die(*_: object) -> None:
        raise SystemExit

    number = post("PMS-1")
    (claimed,) = (one for one in claim(lease=timedelta(0)) if one.id == number)
    owner: Any = accept
    *path, name = where.split(".")
    for part in path:
        owner = getattr(owner, part)
    monkeypatch.setattr(owner, name, die)
    with pytest.raises(SystemExit):
        journal_worker.process(claimed, config.settings())
    db.session.rollback()
    monkeypatch.undo()
    set_mode(queue.app, "queued")
    assert stored.belief_count(site.account_id) == 0
    assert receipt_of(number)["status"] == "PROCESSING"

    drain(queue.app)

    assert receipt_of(number)["stored"] == 1
    assert entries(site.account_id) == []


def test_a_request_that_kills_every_worker_is_set_aside(
    site: Site, post: Post, queue: RealQueue, receipt_of: Any
) -> None:
    set_mode(queue.app, "queued", PMS_JOURNAL_ATTEMPTS=3)
    deadly, behind = post("PMS-1"), post("PMS-1", minute=1)
    for _ in range(3):
        assert deadly in claimed_of(claim(lease=timedelta(0)), deadly)

    drain(queue.app)

    assert (receipt_of(deadly)["status"], receipt_of(deadly)["error"]) == (
        "FAILED",
        "The worker died each time.",
    )
    assert receipt_of(behind)["status"] == "PROCESSED"


def test_an_emptied_redis_loses_nothing(
    site: Site, post: Post, queue: RealQueue, receipt_of: Any, flexmeasures: Any
) -> None:
    number = post("PMS-1")
    queue.empty()
    queue.work()
    assert receipt_of(number)["status"] == "WAITING"

    assert "Woke the workers for 1 waiting request" in flexmeasures(
        "pms", "requeue", "--account", site.account_id
    )
    queue.work()

    assert receipt_of(number)["status"] == "PROCESSED"


def test_a_worker_looks_at_the_journal_when_it_starts(
    site: Site,
    post: Post,
    queue: RealQueue,
    receipt_of: Any,
    flexmeasures: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Burst(SimpleWorker):
        def work(self, *_: Any, **__: Any) -> bool:
            return super().work(burst=True, logging_level="WARNING")

    monkeypatch.setattr("flexmeasures.cli.jobs.Worker", Burst)
    monkeypatch.setitem(
        vars(queue.app)["queues"], "forecasting", queue.queue
    )  # whose Redis it uses
    number = post("PMS-1")
    queue.empty()

    flexmeasures("jobs", "run-worker", "--queue", "scheduling")
    assert (receipt_of(number)["status"], queue.jobs()) == ("WAITING", 0)
    flexmeasures("jobs", "run-worker", "--queue", "forecasting|ingestion")

    assert receipt_of(number)["status"] == "PROCESSED"


def test_a_worker_starts_without_redis_as_flexmeasures_has_it(
    queue: RealQueue, flexmeasures: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []

    class Idle(SimpleWorker):
        def work(self, *_: Any, **__: Any) -> bool:
            started.append(self)
            return True

    monkeypatch.setattr("flexmeasures.cli.jobs.Worker", Idle)
    queue.disconnect()
    flexmeasures("jobs", "run-worker", "--queue", "ingestion")
    assert started


def test_what_a_dead_worker_had_claimed_is_looked_at_later(
    site: Site, post: Post, queue: RealQueue, receipt_of: Any
) -> None:
    """The job that would have done it is gone with it: another is planned by who comes next."""
    number = post("PMS-1")
    claim(lease=timedelta(seconds=20))
    queue.work()

    assert receipt_of(number)["status"] == "PROCESSING"
    for _ in range(2):  # a look that was planned plans the next one
        planned = queue.planned()
        assert planned
        queue.let_time_pass()
        queue.work()
    assert queue.planned()


def test_looks_are_planned_once_in_a_while(queue: RealQueue) -> None:
    for _ in range(20):
        journal_queue.wake_later(timedelta(seconds=30))
    assert 1 <= len(queue.planned()) <= 2


# Failure


def test_what_fails_is_tried_again_and_holds_up_its_device_only_so_long(
    site: Site,
    post: Post,
    queue: RealQueue,
    receipt_of: Any,
    client: FlaskClient,
    organisation: Organisation,
    flexmeasures: Any,
) -> None:
    """The host lowers a limit while requests wait: now one of them is too large."""
    samples = [pack_sample("0241", at(minute)) for minute in range(3)]
    large = accepted(client, request({"pms_id": "PMS-1"}, *samples), organisation)
    behind, other = post("PMS-1", minute=5), post("PMS-2", minute=5)
    set_mode(queue.app, "queued", PMS_MAX_SAMPLES=2, PMS_JOURNAL_ATTEMPTS=2)
    (claimed,) = (one for one in claim(lease=timedelta(0)) if one.id == large)
    journal_worker.process(claimed, config.settings())
    waiting = receipt_of(large)
    assert (waiting["status"], waiting["attempts"]) == ("WAITING", 1)
    assert "2 samples" in waiting["error"]

    drain(queue.app)  # goes on for what is due within a second

    failed = receipt_of(large)
    assert (failed["status"], failed["attempts"]) == ("FAILED", 2)
    assert "2 samples" in failed["error"]
    assert "requeue" in failed["message"]
    assert {receipt_of(n)["status"] for n in (behind, other)} == {"PROCESSED"}

    account = ("--account", site.account_id)
    listing = flexmeasures("pms", "journal", *account)
    assert f"{large}  " in listing
    assert "1 request failed, 3 samples" in listing
    found = json.loads(flexmeasures("pms", "journal", "--json", *account))
    assert [one["status"] for one in found["failed"]] == ["FAILED"]
    assert [one["requests"] for one in found["requests"] if one["state"] == "failed"] == [1]
    assert "again: 1 failed request" in flexmeasures(
        "pms", "requeue", "--failed", "--dry-run", *account
    )
    assert receipt_of(large)["status"] == "FAILED"
    set_mode(queue.app, "queued", PMS_MAX_SAMPLES=20_000)
    assert "again: 1 failed request" in flexmeasures("pms", "requeue", "--receipt", large, *account)
    queue.work()
    assert receipt_of(large)["stored"] == 3
    assert "The journal is empty" in flexmeasures("pms", "journal", *account)


def test_what_is_queued_again_takes_its_old_place(site: Site, post: Post, queue: RealQueue) -> None:
    first, second = post("PMS-1"), post("PMS-1", minute=1)
    (claimed,) = (one for one in claim(lease=timedelta(0)) if one.id == first)
    journal.set_aside(claimed, "for a test")
    db.session.commit()
    assert second in claimed_of(claim(lease=timedelta(0)), first, second)
    journal.requeue(site.account_id, [first])
    db.session.commit()
    assert claimed_of(claim(), first, second) == [first]


def test_failed_requests_of_another_organisation_stay_as_they_are(
    site: Site, post: Post, queue: RealQueue, other_organisation: Organisation
) -> None:
    number = post("PMS-1")
    (claimed,) = (one for one in claim(lease=timedelta(0)) if one.id == number)
    journal.set_aside(claimed, "for a test")
    db.session.commit()
    assert journal.requeue(other_organisation.id, None) == []
    assert journal.requeue(other_organisation.id, [number]) == []


def test_an_unforeseen_error_is_told_without_its_words(
    site: Site, post: Post, queue: RealQueue, receipt_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("the password is 'secret'")

    number = post("PMS-1")
    set_mode(queue.app, "queued", PMS_JOURNAL_ATTEMPTS=1)
    monkeypatch.setattr(accept, "process", fail)
    drain(queue.app)
    assert "(ValueError)" in receipt_of(number)["error"]
    assert "secret" not in receipt_of(number)["error"]


def test_a_database_that_fails_is_nobodys_fault(
    site: Site, post: Post, queue: RealQueue, receipt_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fails with the database can't even be noted, and is tried again."""
    number = post("PMS-1")

    def gone(*_: object) -> None:
        raise sa.exc.OperationalError("UPDATE", {}, Exception("gone"))

    monkeypatch.setattr(journal, "claim", gone)
    queue.work()
    assert queue.queue.failed_job_registry.count == 0
    # Two looks are planned when the times asked for fall into two of the queue's slots.
    assert queue.queue.scheduled_job_registry.count in {1, 2}
    monkeypatch.undo()
    set_mode(queue.app, "queued")
    drain(queue.app)
    assert receipt_of(number)["status"] == "PROCESSED"


def test_the_host_can_do_without_workers(
    site: Site, post: Post, queue: RealQueue, receipt_of: Any, flexmeasures: Any
) -> None:
    queue.disconnect()
    numbers = [post("PMS-1", minute=m) for m in range(3)]
    flexmeasures("pms", "requeue", "--here")
    assert {receipt_of(number)["status"] for number in numbers} == {"PROCESSED"}


def test_without_redis_requeue_says_so(
    queue: RealQueue, site: Site, post: Post, runner: Any
) -> None:
    queue.disconnect()
    post("PMS-1")
    result = runner.invoke(args=["pms", "requeue"])
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: Redis can't be reached")


def test_a_clock_that_was_set_back_holds_no_request_up(
    queue: RealQueue, site: Site, post: Post, receipt_of: Any
) -> None:
    first, second = post("PMS-1"), post("PMS-1", minute=1)
    mine = table.c.id.in_((first, second))
    db.session.execute(
        sa.update(table).where(mine).values(retry_at=sa.func.now() + timedelta(hours=1))
    )
    db.session.commit()

    assert journal.next_retry() == timedelta(0)
    drain(queue.app)
    assert {receipt_of(number)["status"] for number in (first, second)} == {"PROCESSED"}


def test_an_organisation_that_goes_takes_its_requests_along(
    site: Site, post: Post, queue: RealQueue
) -> None:
    number = post("PMS-1")
    db.session.execute(sa.delete(table).where(table.c.account_id == site.account_id))
    db.session.commit()
    assert lanes_of(number) == []


@pytest.mark.parametrize("timeout", [120, 300])
def test_a_job_has_time_for_a_request_that_it_begins_last(
    app_context: Flask, queue: RealQueue, site: Site, post: Post, timeout: int
) -> None:
    """And a queued request has more of it than others: it was acknowledged."""
    left: list[float] = []

    def note(*_: Any) -> None:
        left.append(deadline.at_most(1_000_000))

    with changed_settings(app_context, request_timeout=timeout, ingest_mode="queued"):
        post("PMS-1")
        (job,) = queue.queue.get_jobs()
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(journal_worker, "_store", note)
            (claimed,) = journal.claim(1, timedelta(seconds=50))
            assert journal_worker.process(claimed, config.settings())
    assert left[0] > 4 * timeout
    assert int(job.timeout or 0) > journal_queue.BUDGET_SECONDS + left[0]
