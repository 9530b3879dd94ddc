"""A full quarantine: what can be stored is stored, what does not fit is refused and named."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Organisation
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner
from flexmeasures.data import db
from support import stored
from support.changed import changed_settings
from support.queue import RealQueue
from support.site import Site
from support.telemetry import NOON, at, pack_sample, request

from flexmeasures_pms import config
from flexmeasures_pms.errors import ConfigError, Problem
from flexmeasures_pms.ingest.pipeline import Outcome
from flexmeasures_pms.ingest.receipt import count, hours, problems_of
from flexmeasures_pms.ingest.refusal import keep_the_rest
from flexmeasures_pms.ingest.replay import replay
from flexmeasures_pms.storage.intake import quarantine
from flexmeasures_pms.storage.intake.quarantine_room import Bounds
from flexmeasures_pms.wire import Limits, decode

Post = Callable[..., dict[str, Any]]
URL = "/pms/api/v1/devices/dataset/pms"
SIX = {f"090{dock}": dock for dock in range(1, 7)}
SUM = ("stored", "duplicate", "quarantined", "no_answer", "refused")


@pytest.fixture
def site(organisation: Organisation) -> Site:
    return build(organisation)


def build(owner: Organisation) -> Site:
    site = Site(owner.id)
    with site.at_once() as new:
        new.pms()
        new.pms("PMS-2")
        new.cases(SIX, "PMS-1-A")
    return site


@pytest.fixture
def post(client: FlaskClient, organisation: Organisation) -> Post:
    def send(
        *samples: dict[str, Any], pms: str | None = "PMS-1", who: Organisation = organisation
    ) -> dict[str, Any]:
        reply = client.post(
            URL,
            data=request({"pms_id": pms} if pms else {}, *samples),
            headers=who.headers,
            content_type="application/json",
        )
        assert reply.status_code == 200, reply.get_data(as_text=True)
        found: dict[str, Any] = reply.get_json()
        counts = found["receipt"]
        assert counts["samples"] == sum(counts[name] for name in SUM)
        return found

    return send


@pytest.fixture
def of_one_device(app: Flask) -> Iterator[None]:
    """A device may have all of a quarantine of two samples."""
    with changed_settings(app, max_quarantine=2, quarantine_share=100):
        yield


def new(minute: float = 0, pack: str = "0999", **changed: Any) -> dict[str, Any]:
    """A sample of a pack that is not registered."""
    return pack_sample(pack, at(minute), dock=7, **changed)


def registered(minute: float = 0) -> list[dict[str, Any]]:
    return [pack_sample(pack, at(minute), dock=dock) for pack, dock in SIX.items()]


def codes(reply: dict[str, Any]) -> list[str]:
    return [problem["code"] for problem in reply["problems"]]


def test_a_full_quarantine_does_not_stop_good_packs(
    site: Site, post: Post, of_one_device: None
) -> None:
    assert post(new(1), new(2))["receipt"]["quarantined"] == 2

    reply = post(*registered(), new(3))

    receipt = reply["receipt"]
    assert (receipt["samples"], receipt["stored"], receipt["refused"]) == (7, 6, 1)
    assert reply["message"] == "Stored 6 of 7 samples; 1 was refused."
    (device,) = reply["devices"]
    assert (device["samples"], device["stored"], device["refused"]) == (7, 6, 1)
    for pack in SIX:
        assert stored.times(site.account_id, f"case:{pack}") == {NOON}
    assert [row.event_time for row in by_time(site)] == [at(1), at(2)]


def test_a_refused_sample_is_named_with_what_to_do(
    site: Site, post: Post, of_one_device: None
) -> None:
    post(new(1), new(2))
    (problem,) = post(*registered(), new(3))["problems"]
    assert (problem["path"], problem["value"]) == ("datasets[0].data[6].pack.id", "0999")
    assert problem["code"] == "quarantine_full"
    assert problem["message"] == (
        "No case or acquisition board '0999' is registered at the time of the sample. This sample "
        "was NOT kept: the quarantine of the organisation is full (2 of 2 samples). Register what "
        "is missing or discard samples that wait, then send it again."
    )


def test_what_fits_is_kept_in_the_order_of_the_samples(
    site: Site, post: Post, of_one_device: None
) -> None:
    reply = post(*(new(minute) for minute in (4, 1, 3, 2)))
    assert [row.event_time for row in by_time(site)] == [at(1), at(4)]
    assert codes(reply) == ["unknown_pack", "unknown_pack", "quarantine_full", "quarantine_full"]
    assert reply["message"] == "Stored 0 of 4 samples; 2 were refused."


def by_time(site: Site) -> list[Any]:
    return sorted(stored.waiting(site.account_id), key=lambda row: row.event_time)


def test_what_waits_already_needs_no_room(site: Site, post: Post, of_one_device: None) -> None:
    post(new(2), new(3))
    receipt = post(new(2), new(3), new(4), new(3))["receipt"]
    assert (receipt["quarantined"], receipt["refused"]) == (3, 1)
    assert [row.event_time for row in by_time(site)] == [at(2), at(3)]


def test_what_was_discarded_waits_again_as_far_as_there_is_room(
    site: Site, post: Post, of_one_device: None
) -> None:
    post(new(1), new(2))
    for row in by_time(site):
        assert quarantine.discard(site.account_id, [row.id], author="me", note="a test pack")
    db.session.commit()
    post(new(3))

    receipt = post(new(1), new(2))["receipt"]

    assert (receipt["quarantined"], receipt["refused"]) == (1, 1)
    assert [row.event_time for row in by_time(site)] == [at(1), at(3)]


def test_one_sample_sent_twice_in_a_request_needs_room_once(
    site: Site, post: Post, of_one_device: None
) -> None:
    receipt = post(new(1), new(1), new(2), new(2))["receipt"]
    assert (receipt["quarantined"], receipt["refused"]) == (4, 0)
    assert len(stored.waiting(site.account_id)) == 2


def test_the_texts_are_limited_in_bytes_too(site: Site, post: Post, app: Flask) -> None:
    post(new(1))
    (row,) = stored.waiting(site.account_id)
    assert row.size == len(row.text.encode())

    with changed_settings(app, max_quarantine_bytes=2 * row.size, quarantine_share=100):
        reply = post(new(2, note="é" * 40), new(3), new(4))

    assert codes(reply) == ["quarantine_full", "unknown_pack", "quarantine_full"]
    message = reply["problems"][0]["message"]
    assert f"organisation is full ({row.size:,} of {2 * row.size:,} bytes)." in message
    assert [one.event_time for one in by_time(site)] == [at(1), at(3)]


def test_one_device_can_not_take_all(site: Site, post: Post, app: Flask) -> None:
    with changed_settings(app, max_quarantine=9, quarantine_share=25):
        first = post(*(new(minute) for minute in range(3)))
        other = post(*(new(minute) for minute in range(3)), pms="PMS-2")
        unknown = post(*(new(minute) for minute in range(3)), pms="PMS-9")
        none = post(*(new(minute) for minute in range(3)), pms=None)
        last = post(new(8), new(9), pms="PMS-10")

    for reply in (first, other, unknown, none):
        assert (reply["receipt"]["quarantined"], reply["receipt"]["refused"]) == (2, 1)
    said = [reply["problems"][-1]["message"] for reply in (first, none, last)]
    assert "the share of PMS-1 in the quarantine is full (2 of 2 samples)." in said[0]
    assert "the share of samples without a device id in the quarantine is full" in said[1]
    assert "the quarantine of the organisation is full (9 of 9 samples)." in said[2]


def test_two_spellings_of_a_device_share_its_room(site: Site, post: Post, app: Flask) -> None:
    with changed_settings(app, max_quarantine=4, quarantine_share=50):
        post(new(1), new(2))
        assert post(new(3), pms="pms-1 ")["receipt"]["refused"] == 1


def test_a_device_may_always_keep_one(site: Site, post: Post, app: Flask) -> None:
    with changed_settings(app, max_quarantine=2, quarantine_share=1):
        assert post(new(1), new(2))["receipt"]["quarantined"] == 1


def test_organisations_do_not_share_their_room(
    site: Site, post: Post, other_organisation: Organisation, of_one_device: None
) -> None:
    build(other_organisation)
    post(new(1), new(2))
    receipt = post(new(1), new(2), new(3), who=other_organisation)["receipt"]
    assert (receipt["quarantined"], receipt["refused"]) == (2, 1)


def test_every_fault_of_a_refused_sample_is_named(
    site: Site, post: Post, of_one_device: None
) -> None:
    post(new(1), new(2))
    nameless = new(3)
    del nameless["time_local"], nameless["pack"]["id"]
    reply = post(*registered(), nameless)
    assert codes(reply) == ["quarantine_full", "missing_pack_id"]
    assert "waits in quarantine" not in str(reply["problems"])
    assert "The sample has no time" not in reply["problems"][1]["message"]
    assert reply["receipt"]["refused"] == 1


def test_a_status_that_does_not_fit_is_named_and_its_sample_is_stored(
    site: Site, post: Post, client: FlaskClient, organisation: Organisation, of_one_device: None
) -> None:
    def send(pack: str, dock: int, temp: float) -> dict[str, Any]:
        head = {"pms_id": "PMS-1", "status": {"code": "0001", "temp": temp}}
        body = request(head, pack_sample(pack, dock=dock))
        reply = client.post(
            URL, data=body, headers=organisation.headers, content_type="application/json"
        )
        found: dict[str, Any] = reply.get_json()
        return found

    post(new(1), new(2))
    send("0901", 1, 48.3)
    reply = send("0902", 2, 51.0)

    assert (reply["receipt"]["stored"], reply["receipt"]["refused"]) == (1, 0)
    assert reply["message"] == "Stored 1 of 1 samples."
    (problem,) = reply["problems"]
    assert (problem["path"], problem["code"]) == ("datasets[0].status", "quarantine_full")
    assert "is kept. This status was NOT kept: the quarantine" in problem["message"]
    assert len(stored.waiting(site.account_id)) == 2


def test_after_room_is_made_a_sample_that_is_sent_again_is_kept_or_stored(
    site: Site, post: Post, of_one_device: None
) -> None:
    samples = (new(1), new(2), new(3), new(3, "0998"))
    assert post(*samples)["receipt"]["refused"] == 2

    (line,) = site.case("0999", "PMS-1-A", 7).lines[1:]
    assert str(line).startswith("Replayed 2 samples from quarantine")

    receipt = post(*samples)["receipt"]
    assert (receipt["duplicate"], receipt["stored"], receipt["quarantined"]) == (2, 1, 1)
    assert stored.times(site.account_id, "case:0999") == {at(1), at(2), at(3)}


def test_what_was_kept_stays_kept_under_a_smaller_bound(site: Site, post: Post, app: Flask) -> None:
    post(*(new(minute) for minute in range(4)))
    with changed_settings(app, max_quarantine=1, max_quarantine_bytes=1, quarantine_share=1):
        rows = stored.waiting(site.account_id)
        done = replay(site.account_id, [row.id for row in rows])
        db.session.commit()
        assert (done.released, done.waiting) == (0, 4)
        assert post(new(0))["receipt"]["quarantined"] == 1
        assert post(new(9))["receipt"]["refused"] == 1
    assert len(stored.waiting(site.account_id)) == 4


def test_samples_that_a_correction_sends_back_are_always_kept(
    site: Site, post: Post, app: Flask
) -> None:
    board = ("acquisition-board", "66CFF353734574E43231516")
    site.register(*board)
    site.install(board, ("case", "0901"))
    for minute in range(3):
        post(pack_sample(board[1], at(minute), dock=1))
    with changed_settings(app, max_quarantine=1, max_quarantine_bytes=1, quarantine_share=1):
        site.correct(board, since=at(60))
    assert [row.event_time for row in by_time(site)] == [at(0), at(1), at(2)]
    assert all(row.size == len(row.text.encode()) for row in by_time(site))


def test_a_queued_request_is_treated_alike(
    site: Site,
    post: Post,
    queue: RealQueue,
    client: FlaskClient,
    organisation: Organisation,
    app: Flask,
) -> None:
    body = request({"pms_id": "PMS-1"}, *registered(), new(1), new(2), new(3))
    reply = client.post(
        URL, data=body, headers=organisation.headers, content_type="application/json"
    )
    assert reply.status_code == 202
    with changed_settings(app, max_quarantine=2, quarantine_share=100):
        queue.work()

    found = client.get(reply.headers["Location"], headers=organisation.headers).get_json()
    assert (found["status"], found["stored"], found["quarantined"]) == ("PROCESSED", 6, 2)
    assert (found["refused"], found["devices"][0]["refused"]) == (1, 1)
    assert found["message"] == "Stored 6 of 9 samples; 1 was refused."
    assert codes(found) == ["unknown_pack", "unknown_pack", "quarantine_full"]
    assert "waits in quarantine" not in found["problems"][-1]["message"]


def test_a_file_is_treated_alike(
    site: Site, tmp_path: Path, runner: FlaskCliRunner, of_one_device: None
) -> None:
    path = tmp_path / "log.json"
    path.write_text(request({"pms_id": "PMS-1"}, *registered(), new(1), new(2), new(3)))
    args = ["pms", "ingest", str(path), "--account", str(site.account_id), "--json"]
    report = json.loads(runner.invoke(args=args).stdout)
    counts = report["receipt"]
    assert (counts["stored"], counts["quarantined"], counts["refused"]) == (6, 2, 1)
    assert codes(report) == ["unknown_pack", "unknown_pack", "quarantine_full"]


def test_the_log_and_the_completeness_have_what_was_refused(
    site: Site,
    post: Post,
    client: FlaskClient,
    runner: FlaskCliRunner,
    organisation: Organisation,
    of_one_device: None,
) -> None:
    post(new(1), new(2))
    number = post(*registered(), new(3), new(61), new(4, "0998"))["receipt"]["id"]
    account = ("--account", str(site.account_id))

    (logged, _) = client.get("/pms/api/v1/receipts", headers=organisation.headers).get_json()[
        "receipts"
    ]
    assert (logged["id"], logged["stored"], logged["refused"]) == (number, 6, 3)
    listed = runner.invoke(args=["pms", "receipts", "list", *account, "--json"]).output
    assert json.loads(listed)[0]["refused"] == 3
    said = runner.invoke(args=["pms", "receipts", "list", *account]).output.splitlines()[1]
    assert "9 samples: 6 stored, 3 refused" in said

    period = {"since": NOON.isoformat(), "until": at(180).isoformat(), "device": "PMS-1"}
    found = client.get(
        "/pms/api/v1/completeness", query_string=period, headers=organisation.headers
    ).get_json()["hours"]
    assert [(hour["samples"], hour["share"], hour["refused"]) for hour in found] == [
        (6, 1, 2), (0, 0, 1), (0, 0, 0),
    ]  # fmt: skip
    args = ["--since", period["since"], "--until", period["until"]]
    lines = runner.invoke(args=["pms", "completeness", "PMS-1", *account, *args]).output
    hours = lines.splitlines()[1:]
    assert [line.endswith(" refused") for line in hours] == [True, True, False]


def test_a_sample_that_is_too_large_is_refused_though_there_is_room(
    site: Site, post: Post, app: Flask
) -> None:
    with changed_settings(app, max_sample_bytes=1_000):
        reply = post(*registered(), new(1, note="x" * 2_000))
    assert (reply["receipt"]["stored"], reply["receipt"]["refused"]) == (6, 1)
    assert codes(reply) == ["sample_too_large"]
    assert reply["devices"][-1]["refused"] == 1
    assert stored.waiting(site.account_id) == []


def test_what_is_too_large_for_a_new_limit_stays_kept_with_its_reason(
    site: Site, post: Post, app: Flask
) -> None:
    post(new(1, note="x" * 2_000))
    (row,) = stored.waiting(site.account_id)
    with changed_settings(app, max_sample_bytes=1_000):
        site.case("0999", "PMS-1-A", 7)
    (same,) = stored.waiting(site.account_id)
    assert (same.id, same.reason, same.message) == (row.id, "unknown_pack", row.message)


def test_a_sample_that_is_refused_for_another_reason_is_not_kept(site: Site) -> None:
    limits = Limits(bytes=10_000, datasets=9, samples=9, depth=16, sample_bytes=10_000)
    nameless = new(1)
    del nameless["pack"]["id"]
    body = request({"pms_id": "PMS-1"}, nameless).encode()
    samples = decode(body, dataset="pms", content_type="application/json", limits=limits).samples
    why = Problem(samples[0].path, "too_odd", "It was not kept.")
    outcome = Outcome("refused", refused=why, device=site.number("pms", "PMS-1"))

    (found,) = keep_the_rest(
        site.account_id,
        samples,
        [outcome],
        sender="user:1",
        content_type="application/json",
        bounds=Bounds(samples=9, size=9_999, share=100),
    )

    assert found == outcome
    assert stored.waiting(site.account_id) == []
    assert count(samples, [found], [])[0].refused == 1
    assert [hour.refused for hour in hours(samples, [found])] == [1]
    assert list(problems_of(samples, [found])) == [why, *samples[0].invalid]


def test_a_device_of_which_all_was_refused_has_sent_something(
    site: Site, post: Post, runner: FlaskCliRunner, of_one_device: None
) -> None:
    post(new(1), new(2))
    post(new(3), pms="PMS-2")
    args = ["--account", str(site.account_id), "--since", NOON.isoformat()]
    args += ["--until", at(120).isoformat()]
    lines = runner.invoke(args=["pms", "completeness", "PMS-2", *args]).output.splitlines()
    assert lines[0] == "PMS PMS-2"
    assert lines[1].endswith("  0%  nothing stored, nor in the day before; 1 refused")
    assert lines[2].endswith("  0%  nothing arrived, nor in the day before")


def test_refused_samples_of_an_unknown_device_count_in_no_hour(
    site: Site, post: Post, of_one_device: None
) -> None:
    post(new(1), new(2))
    number = post(new(3), pms="PMS-9")["receipt"]["id"]
    query = "SELECT count(*) FROM pms_receipt_hour WHERE receipt_id = :id"
    assert db.session.scalar(db.text(query), {"id": number}) == 0


@pytest.mark.parametrize("wrong", [0, 101, 25.0, "25", True])
def test_a_share_is_a_percentage(wrong: object) -> None:
    assert config.read({"PMS_QUARANTINE_SHARE": 100}).quarantine_share == 100
    with pytest.raises(ConfigError, match="give a whole number from 1 to 100"):
        config.read({"PMS_QUARANTINE_SHARE": wrong})
