"""A request that is late for many folded days is stored, however short its time is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from conftest import Organisation, apart
from flask import Flask
from flask.testing import FlaskClient
from flexmeasures.data import db
from support import folding, stored
from support.changed import changed_settings
from support.queue import RealQueue, entries
from support.site import Site
from support.telemetry import at, pack_sample, request
from werkzeug.test import TestResponse

from flexmeasures_pms import deadline
from flexmeasures_pms.ingest import accept, journal_worker
from flexmeasures_pms.storage.log import days, rest
from flexmeasures_pms.storage.log import folding as log_folding
from flexmeasures_pms.storage.log_tables import day_rest
from flexmeasures_pms.storage.readings import folded

CASES = {"0241": 1, "0242": 2}
DAY = 24 * 60
DAYS = 3
Send = Callable[..., TestResponse]


class Killed(BaseException):
    """What ends a process."""


@dataclass
class Thawed:
    """Which days were thawed.

    :param left: how many until something happens.
    """

    days: list[tuple[int, date]] = field(default_factory=list)
    transactions: set[int] = field(default_factory=set)
    left: int = 0
    then: Callable[[], None] = lambda: None


def built(organisation: Organisation) -> Site:
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms("PMS-1")
        new.cases(CASES, "PMS-1-A")
    return site


@pytest.fixture
def site(organisation: Organisation) -> Site:
    return built(organisation)


@pytest.fixture
def never_folded(other_organisation: Organisation) -> Site:
    return built(other_organisation)


@pytest.fixture
def send(client: FlaskClient, organisation: Organisation) -> Send:
    def send(*samples: object, by: Organisation = organisation) -> TestResponse:
        return client.post(
            "/pms/api/v1/devices/dataset/pms",
            data=request({"pms_id": "PMS-1"}, *samples),
            headers=by.headers,
            content_type="application/json",
        )

    return send


def samples(*minutes: float) -> Iterator[dict[str, Any]]:
    """Samples of each pack and day."""
    for day in range(DAYS):
        for minute in minutes:
            for case, dock in CASES.items():
                yield pack_sample(case, at(minute - day * DAY), dock=dock, amps=minute + day)


def of_log(site: Site) -> list[Any]:
    """The samples of the log, all days thawed, with the packs' ids."""
    numbers = [site.number("case", case) for case in CASES]
    db.session.execute(sa.text("SELECT pms_thaw(n) FROM unnest(:of) AS n"), {"of": numbers})
    query = sa.text(
        "SELECT t.ident, s.event_time, s.repeats, s.readings::text FROM pms_sample s "
        "JOIN pms_trackable t ON t.id = s.subject_id WHERE s.subject_id = ANY (:of) ORDER BY 1, 2"
    )
    found = list(db.session.execute(query, {"of": numbers}))
    db.session.rollback()
    return found


def left(site: Site) -> int:
    """How many days are folded."""
    numbers = [site.number("case", case) for case in CASES]
    return len(days.folded_days(numbers, at(-DAYS * DAY), at(DAY)))


@pytest.fixture
def thawed(monkeypatch: pytest.MonkeyPatch) -> Thawed:
    """Watch which days are thawed, and let something happen once some were."""
    found = Thawed()
    thaw = days.thaw

    def noted(subject_id: int, some: Collection[date]) -> None:
        thaw(subject_id, some)
        found.days += [(subject_id, day) for day in some]
        found.transactions.add(db.session.scalar(sa.text("SELECT txid_current()")))
        if found.left:
            found.left -= 1
            if not found.left:
                found.then()

    monkeypatch.setattr(days, "thaw", noted)
    return found


def end_the_time() -> None:
    deadline.begin(0)


def kill() -> None:
    raise Killed


@pytest.fixture
def folded_before(
    site: Site, never_folded: Site, other_organisation: Organisation, send: Send
) -> None:
    """Both sites have the same, and one of them is folded."""
    first = list(samples(0, 2))
    assert send(*first).status_code == 200
    assert send(*first, by=other_organisation).status_code == 200
    folding.fold(site.account_id)
    assert left(site) == DAYS * len(CASES)


def is_same(one: Site, other: Site) -> bool:
    return of_log(one) == of_log(other) and all(
        stored.beliefs(one.account_id, f"case:{case}")
        == stored.beliefs(other.account_id, f"case:{case}")
        for case in CASES
    )


@pytest.mark.usefixtures("folded_before")
def test_each_try_gets_further_until_all_is_stored_once(
    site: Site, never_folded: Site, other_organisation: Organisation, send: Send, thawed: Thawed
) -> None:
    late = list(samples(1))
    thawed.then = end_the_time
    for still in (4, 2):
        thawed.left = 2
        reply = send(*late)
        assert reply.status_code == 503
        assert "2 days of things could be thawed" in reply.get_data(as_text=True)
        assert "Retry-After" in reply.headers
        assert left(site) == still
        assert len(of_log(site)) == len(of_log(never_folded))
    assert send(*late).get_json()["receipt"]["stored"] == len(late)
    assert len(thawed.transactions) == len(thawed.days) == len(set(thawed.days)) == len(late)
    assert send(*late).get_json()["receipt"]["duplicate"] == len(late)
    send(*late, by=other_organisation)
    assert is_same(site, never_folded)
    folding.fold(site.account_id)
    assert send(*late).get_json()["receipt"]["duplicate"] == len(late)
    assert left(site) == DAYS * len(CASES)


@pytest.mark.usefixtures("folded_before")
def test_a_process_that_is_killed_leaves_what_it_has_thawed(
    site: Site, never_folded: Site, other_organisation: Organisation, send: Send, thawed: Thawed
) -> None:
    late = list(samples(1))
    thawed.left, thawed.then = 5, kill
    with pytest.raises(Killed):
        send(*late)
    assert left(site) == 2
    assert send(*late).get_json()["receipt"]["stored"] == len(late)
    send(*late, by=other_organisation)
    assert is_same(site, never_folded)


@pytest.mark.usefixtures("folded_before")
def test_only_days_that_get_something_are_thawed(site: Site, send: Send, thawed: Thawed) -> None:
    known = list(samples(0))
    conflict = pack_sample("0242", at(2 - DAY), dock=2, amps=99)
    receipt = send(*known, conflict, pack_sample("0241", at(1))).get_json()["receipt"]
    assert (receipt["duplicate"], receipt["quarantined"], receipt["stored"]) == (len(known), 1, 1)
    assert thawed.days == [(site.number("case", "0241"), at(0).date())]


@pytest.mark.usefixtures("folded_before")
def test_a_day_that_was_thawed_rests_before_it_is_folded_again(site: Site, send: Send) -> None:
    case = site.number("case", "0241")
    send(pack_sample("0241", at(1)))
    now = datetime.now(UTC)
    assert case not in {thing for thing, _ in log_folding.foldable(now)}
    is_ours = day_rest.c.subject_id == case
    db.session.execute(sa.update(day_rest).where(is_ours).values(until=sa.func.now()))
    assert (case, at(0).date()) in log_folding.foldable(now)
    # The clock was set back.
    ahead = sa.func.now() + 2 * rest.LONGEST
    db.session.execute(sa.update(day_rest).where(is_ours).values(until=ahead))
    assert (case, at(0).date()) in log_folding.foldable(now)
    db.session.rollback()


@pytest.mark.usefixtures("folded_before")
def test_looking_at_folded_days_leaves_time_to_thaw_them(
    site: Site, send: Send, thawed: Thawed, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, seen = folded._known, -1

    def slow(*given: Any) -> Any:
        """Look at a day; there is time for one until a day is thawed."""
        nonlocal seen
        if seen == len(thawed.days):
            end_the_time()
        seen = len(thawed.days)
        return known(*given)

    monkeypatch.setattr(folded, "_known", slow)
    monkeypatch.setattr(folded, "_LOOK_SECONDS", -1.0)
    assert send(*samples(1)).get_json()["receipt"]["stored"] == DAYS * len(CASES)
    assert left(site) == 0


@pytest.mark.usefixtures("folded_before")
def test_a_queued_request_keeps_its_place_while_it_gets_further(
    site: Site,
    never_folded: Site,
    other_organisation: Organisation,
    send: Send,
    queue: RealQueue,
    app_context: Flask,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    late = list(samples(1))
    monkeypatch.setattr(accept, "_THAW_SECONDS", -1.0)
    monkeypatch.setattr(journal_worker, "SOON", -journal_worker.NOT_HELD)
    monkeypatch.setattr(journal_worker, "NOT_HELD", -journal_worker.NOT_HELD)
    assert send(*late).status_code == 202
    assert send(*late, by=other_organisation).status_code == 202
    with changed_settings(app_context, journal_attempts=1), apart(app_context):
        for _ in range(DAYS * len(CASES) + 1):
            journal_worker.drain(-1)
    assert entries(site.account_id) == []
    assert is_same(site, never_folded)
