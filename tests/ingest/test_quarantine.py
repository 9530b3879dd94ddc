"""What waits in quarantine comes to the right place once that is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from conftest import Organisation
from flask.testing import FlaskClient, FlaskCliRunner
from flexmeasures.data import db
from sqlalchemy import event
from support import stored
from support.site import Site
from support.telemetry import NOON, at, converter_sample, pack_sample, request

from flexmeasures_pms.ingest import replay as replaying
from flexmeasures_pms.ingest.replay import replay
from flexmeasures_pms.overview.fleet import fleet
from flexmeasures_pms.overview.unknown_packs import unregistered
from flexmeasures_pms.storage.intake import quarantine
from flexmeasures_pms.storage.intake.waiting import QuarantineFilter, oldest_first
from flexmeasures_pms.storage.queries.waiting_unknown import waiting_unknown

Post = Callable[..., dict[str, Any]]
BOARD = "66BFFFFFF353734574E43235318"


@pytest.fixture
def site(organisation: Organisation) -> Site:
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms()
        new.case("269", "PMS-1-A", 6)
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


def in_quarantine(account_id: int, *, discarded: bool = False) -> list[Any]:
    return [*oldest_first(QuarantineFilter(account_id, discarded))]


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
    (kept,) = in_quarantine(site.account_id, discarded=True)
    assert (kept.note, kept.discarded_by, kept.text) == ("a test pack", "me", row.text)


def test_another_organisation_can_neither_see_nor_touch_it(
    site: Site, post: Post, other_organisation: Organisation
) -> None:
    post(request({"pms_id": "PMS-1"}, pack_sample("0300")))
    (row,) = stored.waiting(site.account_id)
    other = Site(other_organisation.id)
    other.pms()
    other.case("0300", "PMS-1-A", 7)

    assert in_quarantine(other_organisation.id) == []
    assert quarantine.discard(other_organisation.id, [row.id], author="x", note="x") == []
    assert replay(other_organisation.id, [row.id]).released == 0
    assert stored.times(other_organisation.id, "case:0300") == set()
    assert len(stored.waiting(site.account_id)) == 1


@pytest.mark.parametrize("of_the_pms", [True, False])
def test_an_id_of_any_length_waits(site: Site, post: Post, of_the_pms: bool) -> None:
    # Text that repeats would be compressed, and fit into an index after all.
    endless = "".join(sha256(bytes([n])).hexdigest() for n in range(200))
    pms, pack = (endless, "0300") if of_the_pms else ("PMS-1", endless)

    told = post(request({"pms_id": pms}, pack_sample(pack), pack_sample("269", dock=6)))

    assert told["receipt"]["quarantined"] == (2 if of_the_pms else 1)
    assert len(stored.waiting(site.account_id)) == told["receipt"]["quarantined"]


def test_what_waits_of_a_pack_is_found_among_much_else(site: Site, post: Post) -> None:
    post(request({"pms_id": "PMS-1"}, pack_sample("0300"), pack_sample("0301")))
    _much_else(site.account_id)
    # What else is stored by now must not tell whether an index is worth it, but whether it serves.
    db.session.execute(db.text("SET LOCAL enable_seqscan = off"))
    with explained() as plans:
        found = quarantine.concerning(site.account_id, ["0300"])
        reasons = quarantine.reasons_concerning(site.account_id, ["0301"])
        new = waiting_unknown([site.account_id], ["PMS-1"])

    assert len(found) == 1
    assert [(reason, count) for reason, count, _ in reasons] == [("unknown_pack", 1)]
    assert {one.pack for one in new} == {"0300", "0301"}
    assert len(plans) == 3
    # Which of two indexes serves the last one depends on what else is stored.
    indexes = ("pms_quarantine_pack_idx", "pms_quarantine_pack_idx", "pms_quarantine_")
    assert [index in plan for index, plan in zip(indexes, plans, strict=True)] == [True] * 3


def test_counts_of_what_is_unknown_are_of_all(site: Site, other_organisation: Organisation) -> None:
    _much_else(site.account_id)
    site.pms("OTHER-1")
    db.session.execute(
        db.text(
            "INSERT INTO pms_quarantine (account_id, dataset, content_type, reason, path,"
            " device_id, pack_id, text, message, digest, sender, event_time)"
            " VALUES (:account, 'pms', 'application/json', 'unknown_pack', '', 'PMS-9', 'OLD',"
            " '{}', '', '', 'user:1', '2020-01-01')"
        ),
        {"account": other_organisation.id},
    )
    found = unregistered([site.account_id, other_organisation.id])

    [other] = [one for one in found if one.account_id == other_organisation.id]
    assert (other.ident, other.of_organisation, other.of_pms) == ("OLD", 1, 1)
    assert {(one.of_organisation, one.of_pms) for one in found if one is not other} == {(5000, 100)}
    assert len({one.pms for one in found if one is not other}) == 50
    now = datetime.now(UTC)
    number = site.number("pms", "OTHER-1")
    for devices in (fleet([site.account_id], now), fleet([site.account_id], now, within=[number])):
        [device] = [device for device in devices if device.ident == "OTHER-1"]
        assert [(f.code, f.many) for f in device.findings] == [("unknown_pack", 100), ("empty", 1)]


def _much_else(account_id: int) -> None:
    db.session.execute(
        db.text(
            "INSERT INTO pms_quarantine (account_id, dataset, content_type, reason, path,"
            " device_id, pack_id, text, message, digest, sender)"
            " SELECT :account, 'pms', 'application/json', 'unknown_pack', '', 'OTHER-' || n % 50,"
            " 'PACK-' || n, '{}', '', sha256(n::text::bytea), 'user:1'"
            " FROM generate_series(1, 5000) n"
        ),
        {"account": account_id},
    )
    db.session.execute(db.text("ANALYZE pms_quarantine"))


@contextmanager
def explained() -> Iterator[list[str]]:
    """How PostgreSQL goes about each query of the block."""
    plans: list[str] = []

    def explain(_: Any, cursor: Any, statement: str, parameters: Any, *_more: Any) -> None:
        cursor.execute(f"EXPLAIN {statement}", parameters)
        plans.append("\n".join(line for (line,) in cursor.fetchall()))

    event.listen(db.engine, "before_cursor_execute", explain)
    try:
        yield plans
    finally:
        event.remove(db.engine, "before_cursor_execute", explain)


def kept_bytes(account_id: int) -> int:
    tables = ("pms_quarantine", "pms_quarantine_head")
    query = "SELECT sum(octet_length(text)) FROM {} WHERE account_id = :a"
    sums = (query.format(table) for table in tables)
    return sum(int(db.session.scalar(db.text(q), {"a": account_id}) or 0) for q in sums)


def heads(account_id: int) -> int:
    query = "SELECT count(*) FROM pms_quarantine_head WHERE account_id = :a"
    return int(db.session.scalar(db.text(query), {"a": account_id}) or 0)


STATUS = {"code": "0000", "note": "x" * 9_000}


@pytest.mark.parametrize("content_type", ["application/json", "text/csv"])
def test_what_samples_share_is_kept_once(site: Site, post: Post, content_type: str) -> None:
    if content_type == "text/csv":
        columns = ",".join(f"more{n}" for n in range(1_000))
        rows = (f"20260301T190{n // 10}{n % 10}.000+0700,new{n}" for n in range(60))
        header = f"pms_id,time_local,pack.id,{columns}"
        shared = header
        body = "\n".join([header, *(f"PMS-1,{row}{',' * 1_000}" for row in rows)])
    else:
        many = [pack_sample(f"new{n}", at(n)) for n in range(60)]
        shared = STATUS["note"]
        body = request({"pms_id": "PMS-1", "status": STATUS}, *many)
    assert post(body, content_type=content_type)["receipt"]["quarantined"] == 60
    assert kept_bytes(site.account_id) < 2 * len(body)
    assert heads(site.account_id) == 1
    size = db.session.scalar(
        db.text("SELECT sum(size) FROM pms_quarantine WHERE account_id = :a"),
        {"a": site.account_id},
    )
    assert int(size or 0) == kept_bytes(site.account_id)
    texts = [row.text for row in in_quarantine(site.account_id)]
    assert all(shared in text for text in texts)

    again = post(body, content_type=content_type)["receipt"]
    assert again["quarantined"] == 60
    assert len(texts) == len(in_quarantine(site.account_id))


def test_what_samples_share_goes_with_the_last_of_them(site: Site, post: Post) -> None:
    body = request(
        {"pms_id": "PMS-1", "status": STATUS}, pack_sample(BOARD, at(1)), pack_sample("new", at(2))
    )
    post(body)
    site.register("acquisition-board", BOARD)
    site.install(("acquisition-board", BOARD), ("case", "269"))
    [left] = in_quarantine(site.account_id)
    assert left.pack_id.lower() == "new"
    assert heads(site.account_id) == 1
    site.case("new", "PMS-1-A", 7)
    assert stored.waiting(site.account_id) == []
    assert heads(site.account_id) == 0


def test_what_a_replay_leaves_behind_goes_with_maintenance(
    site: Site, post: Post, monkeypatch: pytest.MonkeyPatch, runner: FlaskCliRunner
) -> None:
    post(request({"pms_id": "PMS-1", "status": STATUS}, pack_sample("new", at(2))))
    with monkeypatch.context() as cut_off:
        cut_off.setattr(replaying, "remove_unused", lambda _heads: None)
        site.case("new", "PMS-1-A", 7)
    assert heads(site.account_id) == 1
    db.session.rollback()
    runner.invoke(args=["pms", "maintain"])
    assert heads(site.account_id) == 0
