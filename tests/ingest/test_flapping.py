"""Two packs that answer with one id are no hot swaps."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from conftest import Organisation
from flask import Flask
from flask.testing import FlaskClient
from flexmeasures.data import db
from sqlalchemy import func, select
from support import stored
from support.changed import changed_settings
from support.site import Site
from support.statements import statements
from support.telemetry import NOON, at, pack_sample, request
from support.work import instructions

from flexmeasures_pms.catalogue.limits import MOST_CHANGES, SETTLED
from flexmeasures_pms.catalogue.recording import parse_policies
from flexmeasures_pms.gateways.reading import ReadingScope
from flexmeasures_pms.overview.fleet import fleet
from flexmeasures_pms.overview.rack import rack
from flexmeasures_pms.overview.states import Finding
from flexmeasures_pms.registry.loading.load import load_directory
from flexmeasures_pms.registry.tables import installation, transaction
from flexmeasures_pms.storage.flapping import flapping_now

Post = Callable[..., dict[str, Any]]
DOCKS = ((3, timedelta(0)), (4, timedelta(milliseconds=300)))


@pytest.fixture
def site(organisation: Organisation) -> Site:
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms("PMS-1")
        new.pms("PMS-2")
        new.case("DE03", "PMS-1-A", 3)
        new.case("DE04", "PMS-1-A", 4)
    return site


@pytest.fixture
def post(client: FlaskClient, organisation: Organisation) -> Post:
    """Send samples, all of which are stored, and return the reply."""

    def send(
        *samples: dict[str, Any], pms: str = "PMS-1", body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        reply = client.post(
            "/pms/api/v1/devices/dataset/pms",
            data=json.dumps(body) if body else request({"pms_id": pms}, *samples),
            headers=organisation.headers,
            content_type="application/json",
        )
        assert reply.status_code == 200, reply.get_data(as_text=True)
        said: dict[str, Any] = reply.get_json()
        assert said["receipt"]["stored"] == said["receipt"]["samples"]
        return said

    return send


def in_turn(cycles: int, begin: datetime = NOON) -> Iterator[dict[str, Any]]:
    """Samples of two packs in turn, every 5 seconds."""
    for cycle in range(cycles):
        for dock, later in DOCKS:
            yield pack_sample("DE03", begin + timedelta(seconds=5 * cycle) + later, dock=dock)


def moves(site: Site) -> int:
    of_case = transaction.c.trackable_id == site.number("case", "DE03")
    by_device = transaction.c.author.like("device:%")
    return db.session.scalar(select(func.count()).where(of_case, by_device)) or 0


def rows(site: Site) -> int:
    of_account = installation.c.account_id == site.account_id
    return db.session.scalar(select(func.count()).where(of_account)) or 0


def dock(site: Site, when: datetime) -> int | None:
    return load_directory(site.account_id).dock_across(site.number("case", "DE03"), when)


def to_and_fro(count: int, begin: int = 0) -> Iterator[dict[str, Any]]:
    """Samples of a pack that is in another dock every minute."""
    for n in range(count):
        yield pack_sample("DE03", at(begin + n), dock=(3, 4)[n % 2])


def says(site: Site, when: datetime, scope: ReadingScope | None = None) -> Finding | None:
    """Return what the rack of PMS-1 says of the pack's moves."""
    registered = load_directory(site.account_id)
    shown = rack(registered, registered.entry(site.number("pms", "PMS-1")), when, scope)
    packs = [*shown.undocked, *(d.occupant for c in shown.cabinets for d in c.docks if d.occupant)]
    found = [f for p in packs if p.pack.ident == "DE03" for f in p.findings]
    return next((f for f in found if f.code in ("flapping", "wrong_place")), None)


def test_a_pack_in_two_docks_at_once_is_stored_and_said_and_has_not_moved(
    site: Site, post: Post
) -> None:
    reply = post(*in_turn(100))

    assert moves(site) == 0
    assert dock(site, at(9)) == 3
    assert load_directory(site.account_id).dock_across(site.number("case", "DE04"), at(9)) == 4
    times = stored.times(site.account_id, "case:DE03")
    assert len(times) == 200
    docks = stored.beliefs(site.account_id, "case:DE03")
    assert [docks[t, "PMS-1", "dock"] for t in sorted(times)] == [3, 4] * 100
    [warning] = reply["warnings"]
    assert warning["code"] == "pack_flaps"
    assert warning["path"] == "datasets[0].data[1].pack.dock"
    assert warning["message"].startswith(
        "Pack 'DE03' is reported from dock 3 of PMS 'PMS-1' and dock 4 of PMS 'PMS-1': 199 changes "
    )


def in_both(order: Sequence[str], time: datetime) -> dict[str, Any]:
    """A request of two PMSes that have the pack at one time."""
    return {
        "datasets": [{"pms_id": pms, "data": [pack_sample("DE03", time, dock=3)]} for pms in order]
    }


@pytest.mark.parametrize("order", [("PMS-1", "PMS-2"), ("PMS-2", "PMS-1")])
@pytest.mark.parametrize("known", [False, True])
def test_two_places_at_the_same_moment_are_no_move(
    site: Site, post: Post, order: Sequence[str], *, known: bool
) -> None:
    if known:
        post(pack_sample("DE03", NOON, dock=3))
    assert post(body=in_both(order, at(2)))["warnings"][0]["code"] == "pack_flaps"
    assert moves(site) == 0
    assert dock(site, at(3)) == 3
    found = says(site, at(2))
    assert found is not None
    assert found.code == "flapping"


def test_a_late_report_from_elsewhere_is_no_move_and_counts(site: Site, post: Post) -> None:
    post(pack_sample("DE03", NOON, dock=3))
    post(pack_sample("DE03", at(1), dock=3))
    [warning] = post(pack_sample("DE03", at(1), dock=3), pms="PMS-2")["warnings"]
    assert warning["code"] == "pack_flaps"
    assert moves(site) == 0
    found = says(site, at(1))
    assert found is not None
    assert found.code == "flapping"


@pytest.mark.parametrize("elsewhere", [3, 4])
def test_a_gateway_that_is_always_late_lets_a_pack_flap(
    site: Site, post: Post, elsewhere: int
) -> None:
    replies = []
    for minute in range(12):
        post(pack_sample("DE03", at(minute), dock=3))
        replies.append(post(pack_sample("DE03", at(minute - 0.5), dock=elsewhere), pms="PMS-2"))
    assert moves(site) == 0
    warned = ["warnings" in reply for reply in replies]
    assert not any(warned[:2]), "some may be of a move that was not seen in time"
    assert all(warned[5:]), warned
    assert says(site, at(11)) is not None


def test_what_is_late_for_more_than_an_hour_is_of_no_state(site: Site, post: Post) -> None:
    post(pack_sample("DE03", at(300), dock=3))
    assert "warnings" not in post(*in_turn(20))
    assert says(site, at(300)) is None


@pytest.mark.parametrize("together", [False, True])
def test_a_pack_that_comes_back_at_once_is_in_its_first_dock(
    site: Site, post: Post, *, together: bool
) -> None:
    samples = [
        pack_sample("DE03", NOON + timedelta(seconds=second), dock=number)
        for second, number in ((0, 3), (30, 3), (58, 3), (60, 5), (66, 3), (69, 5))
    ]
    for sent in [samples] if together else [[sample] for sample in samples]:
        post(*sent)
    assert dock(site, at(2)) == 3
    found = says(site, at(1.15))
    assert found is not None
    assert (found.code, found.since) == ("flapping", at(1))


def test_it_settles_also_where_each_reading_is_written(app: Flask, site: Site, post: Post) -> None:
    stays = at(3)
    often = timedelta(seconds=5)
    with changed_settings(app, recording=parse_policies("dock: every")):
        post(*in_turn(20))
        post(*(pack_sample("DE03", stays + n * often, dock=5) for n in range(SETTLED // often)))
        assert dock(site, stays + SETTLED) == 3
        post(pack_sample("DE03", stays + SETTLED, dock=5))
    assert dock(site, stays + SETTLED) == 5


def test_a_pack_that_falls_silent_flaps_no_longer_than_until_it_could_have_settled(
    site: Site, post: Post
) -> None:
    post(*in_turn(20))
    last = NOON + timedelta(seconds=95, milliseconds=300)
    number = site.number("case", "DE03")
    assert flapping_now([number], last + SETTLED - timedelta(seconds=1))
    assert not flapping_now([number], last + SETTLED)


def test_a_key_for_a_pms_is_not_told_where_else_a_pack_is(site: Site, post: Post) -> None:
    post(body=in_both(("PMS-1", "PMS-2"), at(1)))
    post(pack_sample("DE03", at(1.1), dock=4), pack_sample("DE03", at(1.2), dock=3))
    registered = load_directory(site.account_id)
    scope = ReadingScope(registered, frozenset([site.number("pms", "PMS-1")]))
    every, found = says(site, at(1.2)), says(site, at(1.2), scope)
    assert every is not None
    assert found is not None
    assert (every.code, every.numbers) == ("flapping", (3, 4))
    assert (found.code, found.numbers) == ("flapping", ())


def test_the_first_report_from_another_dock_is_a_move_however_soon(site: Site, post: Post) -> None:
    post(pack_sample("DE03", NOON, dock=3), pack_sample("DE03", at(0.02), dock=5))
    assert dock(site, at(1)) == 5
    assert says(site, at(1)) is None


def test_a_pack_that_moves_often_within_an_hour_flaps(site: Site, post: Post) -> None:
    replies = [post(sample) for sample in to_and_fro(20)]
    assert moves(site) == MOST_CHANGES
    warned = ["warnings" in reply for reply in replies]
    # In its registered dock there is nothing to say.
    assert warned[: MOST_CHANGES + 1] == [False] * (MOST_CHANGES + 1)
    assert any(warned[MOST_CHANGES + 1 :])


def test_in_one_request_it_is_the_same(site: Site, post: Post) -> None:
    [warning] = post(*to_and_fro(20))["warnings"]
    assert moves(site) == MOST_CHANGES
    assert warning["path"] == f"datasets[0].data[{MOST_CHANGES + 1}].pack.dock"


def test_one_by_one_a_pack_in_two_docks_at_once_moves_there_and_back(
    site: Site, post: Post
) -> None:
    for sample in in_turn(10):
        post(sample)
    assert moves(site) == 2
    assert dock(site, at(9)) == 3


def test_no_more_is_written_to_the_registry_however_long_it_flaps(site: Site, post: Post) -> None:
    post(*in_turn(20))
    before = rows(site)
    for hour in range(3):
        for minute in range(0, 60, 8):
            post(*in_turn(2, at(60 * hour + minute + 5)))
    post(pack_sample("DE03", at(185), dock=3))
    [warning] = post(pack_sample("DE03", at(185.1), dock=4))["warnings"]

    for place in ("dock 3 of PMS 'PMS-1'", "dock 4 of PMS 'PMS-1'"):
        assert place in warning["message"]
    assert rows(site) == before


def test_a_pack_that_stays_in_one_dock_again_has_moved_there(site: Site, post: Post) -> None:
    post(*in_turn(20))
    stays = at(3)
    post(pack_sample("DE03", stays, dock=5))
    assert dock(site, stays) == 3
    last = stays + SETTLED - timedelta(seconds=1)
    post(pack_sample("DE03", last, dock=5))
    assert dock(site, last) == 3
    assert says(site, last) is not None

    post(pack_sample("DE03", stays + SETTLED, dock=5))
    assert dock(site, stays + SETTLED) == 5
    assert says(site, stays + SETTLED) is None


def test_it_is_told_as_a_state_until_it_stays_in_its_dock(site: Site, post: Post) -> None:
    post(*in_turn(20))
    last = NOON + timedelta(seconds=95, milliseconds=300)
    found = says(site, last)
    assert found is not None
    assert (found.code, found.numbers) == ("flapping", (3, 4))
    assert found.since == NOON + DOCKS[1][1]
    [device] = [d for d in fleet([site.account_id], last) if d.ident == "PMS-1"]
    assert [(f.code, f.many) for f in device.findings if f.code == "flapping"] == [("flapping", 1)]

    # In its registered dock: nothing of these requests looks at what was before.
    still = last + SETTLED - timedelta(seconds=1)
    post(pack_sample("DE03", still, dock=3))
    assert says(site, still) is not None
    post(pack_sample("DE03", last + SETTLED, dock=3))
    assert says(site, last + SETTLED) is None


def test_a_pack_that_flaps_between_two_pmses_is_said_too(site: Site, post: Post) -> None:
    replies = [
        post(pack_sample("DE03", at(minute), dock=3), pms=("PMS-1", "PMS-2")[minute % 2])
        for minute in range(20)
    ]
    assert moves(site) == MOST_CHANGES
    said = {w["message"] for reply in replies for w in reply.get("warnings", [])}
    assert any("dock 3 of another PMS" in message for message in said)


def test_some_moves_within_an_hour_are_hot_swaps(site: Site, post: Post) -> None:
    replies = [
        post(pack_sample("DE03", at(8 * n), dock=(3, 5)[n % 2])) for n in range(MOST_CHANGES + 1)
    ]
    assert moves(site) == MOST_CHANGES
    assert all("warnings" not in reply for reply in replies)


@pytest.mark.parametrize("late", [False, True], ids=["in time", "late"])
def test_many_samples_in_turn_take_no_more_than_few(site: Site, post: Post, *, late: bool) -> None:
    post(pack_sample("DE03", at(-100 if not late else 600), dock=3))

    def taken(cycles: int, begin: datetime) -> tuple[int, float]:
        with statements() as made:
            work = instructions(lambda: post(*in_turn(cycles, begin)))
        return len(made), work / cycles

    few, many = taken(20, at(0)), taken(200, at(60))
    assert many[0] <= few[0] + 2
    assert many[1] <= 1.2 * few[1]
    again = taken(200, at(80))
    assert again[0] <= few[0] + 2
    assert again[1] <= 1.2 * few[1]


def test_moves_reported_by_several_pmses_are_one_change(site: Site, post: Post) -> None:
    """Many packs that moved between PMSes are recorded together, each by its PMS."""
    with site.at_once() as new:
        for number in range(5, 11):
            new.case(f"DE{number:02d}", "PMS-1-A", number)
    datasets = [
        {
            "pms_id": ("PMS-1", "PMS-2")[n % 2],
            "data": [pack_sample(f"DE{n:02d}", at(n), dock=n + 7)],
        }
        for n in range(5, 11)
    ]

    of_account = transaction.c.account_id == site.account_id
    by_device = of_account, transaction.c.author.like("device:%")

    def versions() -> int:
        query = select(func.count(transaction.c.request_id.distinct())).where(*by_device)
        return db.session.scalar(query) or 0

    post(body={"datasets": datasets})
    assert versions() == 1
    authors = db.session.scalars(select(transaction.c.author).where(*by_device).distinct())
    assert sorted(authors) == ["device:PMS-1", "device:PMS-2"]
