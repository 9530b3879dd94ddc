"""``flexmeasures pms retract``: what was stored under a wrong time is taken back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
import sqlalchemy as sa
from conftest import Organisation
from flask.testing import FlaskClient, FlaskCliRunner
from flexmeasures.data import db
from support import folding, stored
from support.commands import Command, Failure
from support.reporting import report
from support.site import Site
from support.telemetry import at, converter_sample, pack_sample

from flexmeasures_pms.ingest import retraction
from flexmeasures_pms.registry.tables import trackable
from flexmeasures_pms.storage.intake import quarantining
from flexmeasures_pms.storage.log import counted
from flexmeasures_pms.storage.log_tables import sample
from flexmeasures_pms.storage.tables import quarantine

Post = Callable[..., dict[str, Any]]
Retract = Callable[..., str]
Pages = Callable[[], dict[str, Any]]
BOARD = "66CFF353734574E43231516"
STATUS = {"code": "0001", "temp": 48.3}
MINUTES = (-1, 0, 5, 14, 15, 16, 20, 58, 61)
NOTE = "clock a day behind"
THINGS = ("case:0241", "case:0242", "cabinet:PMS-1-A", "pms:PMS-1", "mppt:M-1", "inverter:I-1")


@pytest.fixture
def site(organisation: Organisation) -> Site:
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms(cabinets=2)
        new.pms("PMS-2")
        new.cases({"0241": 1, "0242": 2}, "PMS-1-A")
        new.case("0251", "PMS-2-A", 1)
        new.register("acquisition-board", BOARD)
        new.install(("acquisition-board", BOARD), ("case", "0242"))
        new.register("mppt", "M-1", timezone="Asia/Jakarta")
        new.register("inverter", "I-1", timezone="Asia/Jakarta")
    return site


@pytest.fixture
def post(client: FlaskClient, organisation: Organisation, site: Site) -> Post:
    def send(*samples: dict[str, Any], **device: Any) -> dict[str, Any]:
        return report(client, organisation.headers, *samples, **device)

    return send


@pytest.fixture(params=["hot", "folded"])
def site_of_all(request: pytest.FixtureRequest, site: Site, post: Post) -> Site:
    """Packs, one under its board's id, a dataset with a status, an MPPT and an inverter."""
    for n in MINUTES:
        post(
            pack_sample("0241", at(n), amps=n / 8, cell=None if n == 5 else cells(n)),
            pack_sample(BOARD, at(n), dock=2, amps=1 - n / 8),
            pms_id="PMS-1", status=STATUS,
        )  # fmt: skip
        post(converter_sample(at(n)), dataset="mppt", mppt_id="M-1", status={"code": "2c01"})
        grid = {"volts": [230.1, None, 229], "amps": [1.2, 1, 0.9], "pf": [0.92, 1, -1]}
        post(converter_sample(at(n), grid=grid), dataset="inverter", inverter_id="I-1")
    # Docks that do not show which EHub it is: the status is the PMS's.
    post(pack_sample("0241", at(30), dock=None), pms_id="PMS-1", status=STATUS)
    post(pack_sample("0251", at(16)), pms_id="PMS-2")
    if request.param == "folded":
        assert folding.fold(site.account_id)
    return site


def cells(n: int) -> dict[str, Any]:
    volts = [round(3.6 + n / 1000 + cell / 100, 4) for cell in range(14)]
    return {"volts": volts, "open": [3] if n % 2 else []}


@pytest.fixture
def retract(pms: Command, site: Site) -> Retract:
    """Retract from 12:00 until before 13:00 unless said otherwise."""

    def run(ident: str, *more: str, start: float = 0, end: float = 60) -> str:
        period = ("--start", at(start).isoformat(), "--end", at(end).isoformat())
        owner = ("--account", site.account_id, "--author", "jane", "--note", NOTE)
        return pms("retract", ident, *period, *owner, "--yes", *more).stdout

    return run


@pytest.fixture
def replay(pms: Command, site: Site) -> Callable[..., str]:
    def run(*more: str) -> str:
        owner = ("--account", site.account_id)
        return pms(
            "quarantine", "replay", "--discarded", "--reason", "retracted", *owner, *more
        ).stdout

    return run


@pytest.fixture
def pages(client: FlaskClient, organisation: Organisation) -> Pages:
    """All that the API says of the readings, histories and cells byte for byte."""

    def get(path: str, **query: str) -> Any:
        reply = client.get(f"/pms/api/v1/{path}", headers=organisation.headers, query_string=query)
        assert reply.status_code == 200, reply.get_data(as_text=True)
        return reply

    def read() -> dict[str, Any]:
        found: dict[str, Any] = {}
        for columns in ("1", "180"):
            time = {"start": at(-60).isoformat(), "end": at(120).isoformat(), "columns": columns}
            for ident in ("0241", "0242", "M-1", "I-1"):
                found[f"{ident} {columns}"] = get(f"devices/{ident}/history", **time).data
            found[f"cells {columns}"] = get("pms/PMS-1/cells", **time).data
        for ident in ("0241", "0242", "M-1", "I-1"):
            latest = get(f"devices/{ident}/latest").get_json()
            found[f"latest {ident}"] = {
                k: v for k, v in latest.items() if k not in ("age", "health")
            }
        whole = {"since": at(-60).isoformat(), "until": at(120).isoformat()}
        found["completeness"] = get("completeness", **whole).get_json()
        return found

    return read


def log(site: Site) -> list[Any]:
    """The hot samples of an organisation, and those of its folded days, with their boards."""
    query = """
        SELECT l.subject_id, l.event_time, l.device_id, l.source_id, l.board_id,
          regexp_replace(l.readings::text, '(,NaN)*}', '')
        FROM pms_sample l JOIN pms_trackable t ON t.id = l.subject_id
        WHERE t.account_id = :id ORDER BY 1, 2, 3"""
    thaw = """
        SELECT pms_thaw(d.subject_id, array_agg(DISTINCT d.day)) FROM pms_day d
        JOIN pms_trackable t ON t.id = d.subject_id
        WHERE t.account_id = :id GROUP BY d.subject_id"""
    db.session.execute(sa.text(thaw), {"id": site.account_id})
    found = list(db.session.execute(sa.text(query), {"id": site.account_id}))
    db.session.rollback()
    return found


def beliefs(site: Site) -> dict[str, dict[stored.Belief, float]]:
    return {thing: stored.beliefs(site.account_id, thing) for thing in (*THINGS, "case:0251")}


def discarded(site: Site) -> list[Any]:
    query = sa.select(quarantine).where(
        quarantine.c.account_id == site.account_id, quarantine.c.discarded_at.is_not(None)
    )
    return list(db.session.execute(query.order_by(quarantine.c.id)))


def test_what_a_pms_reported_goes_and_comes_back(
    site_of_all: Site, retract: Retract, replay: Retract, pages: Pages
) -> None:
    site = site_of_all
    told, had, wrote = pages(), log(site), beliefs(site)

    assert retract("PMS-1") == "Retracted 23 samples, with their beliefs.\n"

    for thing in THINGS[:4]:
        left = stored.beliefs(site.account_id, thing)
        assert left == {k: v for k, v in wrote[thing].items() if not at(0) <= k[0] < at(60)}
        assert thing == "pms:PMS-1" or left
    assert {t: beliefs(site)[t] for t in (*THINGS[4:], "case:0251")} == {
        t: wrote[t] for t in (*THINGS[4:], "case:0251")
    }
    assert [row.event_time for row in log(site) if row not in had] == []
    assert len(had) - len(log(site)) == 23
    now = pages()
    assert {name for name in now if now[name] != told[name]} == {
        "0241 1", "0241 180", "0242 1", "0242 180", "cells 180", "completeness",
    }  # fmt: skip

    rows = discarded(site)
    assert {(row.reason, row.discarded_by, row.note, row.device_id) for row in rows} == {
        ("retracted", "cli:jane", NOTE, "PMS-1")
    }
    assert stored.waiting(site.account_id) == []

    assert "23 left quarantine" in replay()
    assert log(site) == had
    assert beliefs(site) == wrote
    assert pages() == told
    assert discarded(site) == []


@pytest.mark.parametrize(("ident", "number"), [("0242", 7), ("PMS-1-A", 7), ("M-1", 7), ("I-1", 7)])
def test_one_thing_goes_and_comes_back(
    site_of_all: Site, retract: Retract, replay: Retract, pages: Pages, ident: str, number: int
) -> None:
    site = site_of_all
    told, had, wrote = pages(), log(site), beliefs(site)
    assert retract(ident) == f"Retracted {number} samples, with their beliefs.\n"
    changed = {t for t in THINGS if beliefs(site)[t] != wrote[t]}
    assert changed == {t for t in THINGS if t.endswith(f":{ident}")}
    assert len(had) - len(log(site)) == number
    assert f"{number} left quarantine" in replay()
    assert (log(site), beliefs(site), pages()) == (had, wrote, told)


def test_days_that_were_folded_are_folded_again(site_of_all: Site, retract: Retract) -> None:
    retract("PMS-1")
    before = log(site_of_all)
    assert folding.fold(site_of_all.account_id) > 0
    assert log(site_of_all) == before


def test_the_newest_is_what_remains(
    site_of_all: Site, retract: Retract, client: FlaskClient, organisation: Organisation
) -> None:
    def newest(ident: str) -> Any:
        url = f"/pms/api/v1/devices/{ident}/latest"
        return client.get(url, headers=organisation.headers).get_json()

    assert newest("0241")["readings"]["pack current"] == pytest.approx(61 / 8)
    retract("0241", start=-1, end=100)
    assert newest("0241").get("readings") in (None, {})
    retract("M-1", start=20, end=100)
    assert newest("M-1")["time"] == at(16).isoformat().replace("+00:00", "Z")


def test_a_sample_that_was_sent_in_parts_comes_back(
    site: Site, post: Post, retract: Retract, replay: Retract
) -> None:
    whole = pack_sample("0241", at(1))["pack"]
    for part in ("amps", "cell"):
        post({"time_local": pack_sample("0241", at(1))["time_local"],
              "pack": {"id": "0241", part: whole[part]}})  # fmt: skip
    had, wrote = log(site), beliefs(site)
    names = {name for _, _, name in wrote["case:0241"]}
    assert {"pack voltage", "pack current"} <= names
    assert "pack power" not in names
    assert retract("0241") == "Retracted 1 sample, with their beliefs.\n"
    assert log(site) == []
    replay()
    assert (log(site), beliefs(site)) == (had, wrote)


def test_what_repeats_a_retracted_reading_is_written_now(
    site: Site, post: Post, retract: Retract, replay: Retract
) -> None:
    for n in (1, 7, 12):  # each in five minutes of its own
        post(pack_sample("0241", at(n), amps=n))
    shown = stored.filled(site.account_id, "case:0241")
    retract("0241", end=7)
    left = stored.filled(site.account_id, "case:0241")
    assert left == {key: value for key, value in shown.items() if key[0] > at(1)}
    replay()
    assert stored.filled(site.account_id, "case:0241") == shown


def test_in_a_thinned_week_the_first_that_is_left_is_shown(
    site: Site, post: Post, retract: Retract, replay: Retract
) -> None:
    for n in range(10):
        post(pack_sample("0241", at(n), amps=n))
    thin(site)
    assert sorted(stored.times(site.account_id, "case:0241")) == [at(0), at(5)]
    retract("0241", end=2)
    assert sorted(stored.times(site.account_id, "case:0241")) == [at(2), at(5)]
    assert stored.readings(site.account_id, "case:0241", at(2))["pack current"] == 2
    replay()
    assert {at(0), at(1), at(5)} <= stored.times(site.account_id, "case:0241")


def thin(site: Site) -> None:
    """Leave the first belief of each five minutes of a sensor, as thinning does."""
    db.session.execute(sa.text("SET LOCAL pms.beliefs_move = 'on'"))
    db.session.execute(
        sa.text("""
            DELETE FROM timed_belief b USING sensor s, generic_asset a
            WHERE s.id = b.sensor_id AND a.id = s.generic_asset_id AND a.account_id = :id
              AND EXISTS (SELECT FROM timed_belief o WHERE o.sensor_id = b.sensor_id
                AND o.source_id = b.source_id AND o.event_start < b.event_start
                AND o.event_start >= date_bin('5 minutes', b.event_start, '2000-01-01Z'))"""),
        {"id": site.account_id},
    )
    db.session.commit()


def test_beliefs_of_others_stay(site: Site, post: Post, retract: Retract) -> None:
    post(pack_sample("0241", at(1)))
    post(pack_sample("0241", at(1), amps=7), pms_id="PMS-2")
    retract("PMS-1")
    assert stored.sources(site.account_id, "case:0241") == {"PMS-2"}


def test_another_organisation_keeps_its_own(
    site: Site,
    post: Post,
    retract: Retract,
    client: FlaskClient,
    other_organisation: Organisation,
    fails: Failure,
) -> None:
    other = Site(other_organisation.id)
    with other.at_once() as new:
        new.pms()
        new.case("0241", "PMS-1-A", 1)
    post(pack_sample("0241", at(1)))
    report(client, other_organisation.headers, pack_sample("0241", at(1)))
    theirs = log(other), stored.beliefs(other.account_id, "case:0241")
    period = ("--start", at(0).isoformat(), "--end", at(60).isoformat(), "--note", "x")
    assert "--account" in fails("retract", "PMS-1", *period, "--yes")
    retract("PMS-1")
    assert log(site) == []
    assert (log(other), stored.beliefs(other.account_id, "case:0241")) == theirs
    assert discarded(other) == []


def test_killed_half_way_and_run_again(
    site_of_all: Site, runner: FlaskCliRunner, retract: Retract, replay: Retract
) -> None:
    site = site_of_all
    had, wrote = log(site), beliefs(site)
    args = ["pms", "retract", "PMS-1", "--start", at(-5).isoformat(), "--end", at(100).isoformat(),
            "--account", str(site.account_id), "--note", NOTE]  # fmt: skip
    for stop in (1, 3):
        with mock.patch.object(retraction, "keep_discarded", side_effect=stopping(stop)):
            assert runner.invoke(args=[*args, "--yes"]).exit_code == 130
        assert len(log(site)) + len(discarded(site)) == len(had)
    retract("PMS-1", start=-5, end=100)
    assert len(log(site)) + len(discarded(site)) == len(had)
    replay()
    assert (log(site), beliefs(site)) == (had, wrote)


def stopping(at_call: int) -> Callable[..., None]:
    """Keep samples until a call, which is interrupted."""
    kept, calls = quarantining.keep_discarded, iter(range(1, at_call + 1))

    def keep(*args: Any, **options: Any) -> None:
        if next(calls) == at_call:
            raise KeyboardInterrupt
        kept(*args, **options)

    return keep


def test_what_is_sent_again_is_stored_again(
    site: Site, post: Post, retract: Retract, replay: Retract
) -> None:
    post(pack_sample("0241", at(1)))
    wrote = beliefs(site)
    retract("0241")
    assert post(pack_sample("0241", at(1)))["stored"] == 1
    assert beliefs(site) == wrote
    assert len(discarded(site)) == 1
    retract("0241")
    assert len(discarded(site)) == 1
    post(pack_sample("0241", at(1)))
    assert "1 left quarantine (0 beliefs stored)" in replay()
    assert beliefs(site) == wrote


def test_what_contradicts_by_then_stays_discarded(
    site: Site, post: Post, retract: Retract, replay: Retract
) -> None:
    post(pack_sample("0241", at(1)))
    retract("0241")
    post(pack_sample("0241", at(1), amps=9))
    assert "0 left quarantine (0 beliefs stored), 1 still discarded" in " ".join(replay().split())
    assert [row.reason for row in discarded(site)] == ["retracted"]


@pytest.mark.parametrize("into", [None, "PMS-2"])
def test_a_status_that_would_be_of_another_device_or_none_stays_discarded(
    site: Site, post: Post, retract: Retract, replay: Retract, into: str | None
) -> None:
    """The cabinet was in another PMS, or in none, as is known by now."""
    for n in (1, 2):
        post(pack_sample("0241", at(n)), pms_id="PMS-1", status=STATUS)
    retract("PMS-1")
    site.remove(("cabinet", "PMS-1-A"), at=at(-30))
    if into:
        site.install(("cabinet", "PMS-1-A"), ("pms", into), place=2, at=at(-20))
    assert "2 still discarded" in " ".join(replay().split())
    assert stored.times(site.account_id, "cabinet:PMS-1-A") == set()
    assert stored.times(site.account_id, "case:0241") == {at(1), at(2)}
    assert [row.reason for row in discarded(site)] == ["retracted"] * 2


def test_what_comes_meanwhile_is_in_one_of_the_two_places(
    site: Site, post: Post, retract: Retract
) -> None:
    post(pack_sample("0241", at(1)), pack_sample("0242", at(1), dock=2))
    looked, sent = counted.next_sample, iter((2, 3, 65))

    def look(*args: Any) -> Any:
        if minute := next(sent, None):
            assert post(pack_sample("0241", at(minute)))["stored"] == 1
        return looked(*args)

    with mock.patch.object(retraction, "next_sample", look):
        retract("PMS-1")
    left = {row.event_time for row in log(site)}
    assert left | {row.event_time for row in discarded(site)} == {at(n) for n in (1, 2, 3, 65)}
    assert left == stored.times(site.account_id, "case:0241") == {at(3), at(65)}


def test_what_another_organisation_has_got_stays(
    site: Site, post: Post, retract: Retract, fails: Failure, other_organisation: Organisation
) -> None:
    post(pack_sample("0241", at(1)), pack_sample("0242", at(1), dock=2))
    asset = sa.select(trackable.c.asset_id).where(trackable.c.id == site.number("case", "0242"))
    change = sa.text("UPDATE generic_asset SET account_id = :account WHERE id = :id")
    given = {"account": other_organisation.id, "id": db.session.scalar(asset)}
    db.session.execute(change, given)
    assert retract("PMS-1").startswith("Retracted 1 sample,")
    assert [row.subject_id for row in log(site)] == [site.number("case", "0242")]
    period = ("--start", at(0).isoformat(), "--end", at(60).isoformat(), "--note", "x")
    assert "asset of case '0242' is not" in fails("retract", "0242", *period, "--account",
                                                  site.account_id)  # fmt: skip


def test_the_page_shows_what_was_retracted_and_why(
    site: Site, post: Post, retract: Retract, client: FlaskClient, organisation: Organisation
) -> None:
    post(pack_sample("0241", at(1)))
    retract("PMS-1")
    client.set_cookie(*organisation.cookie)
    page = client.get("/pms/quarantine?discarded=1").get_data(as_text=True)
    assert "<strong>Retracted</strong>" in page
    assert "Discarded by Command line (jane):" in page
    assert NOTE in page


def test_places_that_were_reported_are_named(site: Site, post: Post, retract: Retract) -> None:
    post(pack_sample("0241", at(1)))
    post(pack_sample("0241", at(3), dock=5))
    said = " ".join(retract("PMS-1").split())
    assert "goes on to have what was reported" in said
    assert said.endswith("case '0241' moved at 2026-03-01T19:03:00+07:00")


def test_readings_that_no_request_can_store_stay_and_are_told(
    site: Site, post: Post, retract: Retract
) -> None:
    post(pack_sample("0241", at(1)), pack_sample("0241", at(2)))
    update = sample.update().where(
        sample.c.subject_id == site.number("case", "0241"), sample.c.event_time == at(2)
    )
    # Without its cells the pack's voltage is of nothing.
    shift = "readings[1:1] || array_fill('NaN'::float8, ARRAY[cardinality(readings) - 1])"
    db.session.execute(update.values(readings=sa.text(shift), repeats=0))
    said = " ".join(retract("0241").split())
    assert said.startswith("Retracted 1 sample, with their beliefs. Left 1 sample as they are:")
    assert [row.event_time for row in log(site)] == [at(2)]


def test_it_asks_and_says_what_goes(
    site: Site, post: Post, runner: FlaskCliRunner, retract: Retract
) -> None:
    post(pack_sample("0241", at(1)), pack_sample("0242", at(1), dock=2), pms_id="PMS-1",
         status=STATUS)  # fmt: skip
    args = ["pms", "retract", "pms-1", "--start", at(0).isoformat(), "--end", at(9).isoformat(),
            "--account", str(site.account_id), "--note", NOTE]  # fmt: skip
    result = runner.invoke(args=args, input="n\n")
    assert (
        "Retract 3 samples of 3 things, reported by PMS 'PMS-1' of organisation "
        f"{site.account_id}, from 2026-03-01T19:00:00+07:00 until before "
        "2026-03-01T19:09:00+07:00, with their beliefs? [y/N]" in result.stderr
    )
    assert "Nothing was changed." in result.stderr
    assert len(log(site)) == 3
    found = json.loads(runner.invoke(args=[*args, "--json"], input="y\n").stdout)
    assert (found["samples"], found["left"], found["kind"]) == (3, 0, "pms")
    assert retract("PMS-1") == "There is no such sample: nothing was changed.\n"


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("PMS-1", "--start", "2026-03-02T00:00Z", "--end", "2026-03-01T00:00Z"), "after the"),
        (("PMS-1", "--start", "2026-03-01T00:00", "--end", "2026-03-01T00:00Z"), "offset"),
        (("PMS-9", "--start", "2026-03-01T00:00Z", "--end", "2026-03-02T00:00Z"), "registered"),
    ],
)
def test_wrong_input_is_one_line(
    site: Site, fails: Failure, args: tuple[str, ...], says: str
) -> None:
    assert says in fails("retract", *args, "--account", site.account_id, "--note", "x")
