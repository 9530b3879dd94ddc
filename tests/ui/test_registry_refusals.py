"""Forms that the registry refuses, and who may send them."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from conftest import Organisation
from flask import Flask
from flask.testing import FlaskClient
from flexmeasures.data import db
from support.changed import changed_settings
from support.forms import forms, submit
from support.registry_forms import (
    NOON_THERE,
    MakeOrganisation,
    build,
    confirmed,
    entered,
    form,
    in_indonesian,
    place,
    text_of,
)
from support.session import log_in
from support.site import Site

from flexmeasures_pms.registry.editing.writer import LOCK
from flexmeasures_pms.registry.tables import trackable


@pytest.fixture
def site(organisation: Organisation) -> Site:
    return build(organisation)


@pytest.fixture
def member(client: FlaskClient, organisation: Organisation, site: Site) -> FlaskClient:
    """The organisation's member, who has no roles, logged in."""
    return log_in(client, organisation)


FAULTY = [
    (("case", "269", "move"), {"own_dock": "x"}, "own_dock", "is not a whole number"),
    (("case", "269", "move"), {"own_dock": "13"}, "own_dock", "has docks 1-12, not 13"),
    (("case", "269", "move"), {"into": "nowhere"}, "into", "No cabinet 'nowhere'"),
    (("case", "270", "install"), {"into": "PMS-1-A", "into_kind": "cabinet", "place": "6"},
     "place", "is taken by case 269"),
    (("case", "269", "remove"), {"at": "soon"}, "at", "is not a time"),
    (("case", "269", "service"), {"note": ""}, "note", "Say what was done"),
    (("case", "269", "correct"), {"since": NOON_THERE}, "note", "Say why"),
    (("case", "269", "correct"), {"note": "x"}, "since", "Say what to correct"),
    (("case", "269", "swap"), {"new": "b269"}, "new", "would also mean"),
    (("register", "case", ""), {"ident": "271", "cabinet": "PMS-1-A"}, "own_dock", "go together"),
    (("register", "case", ""),
     {"ident": "271", "cabinet": "PMS-1-A", "dock": "7", "fet_board": " ", "board": "269"},
     "board", "would also mean"),
    (("register", "cabinet", ""), {"ident": "", "pms": "PMS-1"}, "ident", "Fill this in."),
]  # fmt: skip


@pytest.mark.parametrize(("at", "values", "field", "message"), FAULTY)
def test_a_refusal_stands_beside_its_field_and_changes_nothing(
    member: FlaskClient,
    site: Site,
    at: tuple[str, str, str],
    values: dict[str, Any],
    field: str,
    message: str,
) -> None:
    before = len(entered(site.account_id))
    reply = submit(member, form(member, *at), **values)
    text = text_of(reply)
    assert reply.status_code == 422
    beside = text.split(f'id="field-{field}-error">', 1)[1].split("</p>", 1)[0]
    assert message in beside.replace("&#39;", "'")
    assert "`" not in beside
    shown = forms(text)[0].fields
    for name in values.keys() - {"own_dock", "place", "dock"}:
        assert shown[name] == values[name]
    assert len(entered(site.account_id)) == before


@pytest.mark.parametrize("at", ["2026-03-29T02:30", "2026-10-25T02:30"])
def test_a_time_that_comes_never_or_twice_is_refused(
    member: FlaskClient, site: Site, at: str
) -> None:
    page = form(member, "acquisition-board", "B269", "remove")
    reply = submit(member, page, at=at, zone="Europe/Amsterdam")
    assert reply.status_code == 422
    assert "The clock of Europe/Amsterdam changes at that moment" in text_of(reply)


def test_a_registry_that_is_being_changed_is_not_waited_for_without_end(
    member: FlaskClient, site: Site, app: Flask
) -> None:
    page = form(member, "case", "269", "service")
    before = len(entered(site.account_id))
    with changed_settings(app, lock_timeout=0.1), db.engine.connect() as other:
        other.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK, site.account_id)))
        reply = submit(member, page, note="cleaned")
        other.rollback()
    assert reply.status_code == 503
    assert "Try again later." in text_of(reply)
    assert len(entered(site.account_id)) == before
    assert submit(member, page, note="cleaned").status_code == 303


def test_a_form_without_a_token_changes_nothing(member: FlaskClient, site: Site) -> None:
    before = len(entered(site.account_id))
    for path, data in (
        ("/pms/registry/case/269?do=retire", {}),
        ("/pms/registry/register?kind=cabinet", {"ident": "C9", "pms": "PMS-1"}),
    ):
        reply = member.post(path, data=data)
        assert reply.status_code == 400
    assert len(entered(site.account_id)) == before


def test_who_may_only_read_is_offered_nothing_and_refused(
    client: FlaskClient, make_organisation: MakeOrganisation
) -> None:
    site = build(make_organisation())
    reader = make_organisation(roles=["admin-reader"])
    log_in(client, reader)
    there = f"organisation={site.account_id}"
    shown = text_of(client.get(f"/pms/registry/case/269?{there}"))
    assert "B269" in shown
    assert "do=swap" not in shown
    token = forms(form(client, "register", "case", ""))[0].fields["csrf_token"]
    before = len(entered(site.account_id))
    for path in ("case/269?do=retire", "register?kind=cabinet"):
        for reply in (
            client.get(f"/pms/registry/{path}&{there}"),
            client.post(f"/pms/registry/{path}&{there}", data={"csrf_token": token}),
        ):
            assert reply.status_code == 403
    assert len(entered(site.account_id)) == before


def test_a_member_registers_below_what_there_is_only(member: FlaskClient, site: Site) -> None:
    page = text_of(member.get("/pms/registry/register"))
    assert "kind=case" in page
    assert "kind=pms" not in page
    for kind in ("pms", "case"):
        reply = submit(member, form(member, "register", kind, ""), ident="NEW")
        assert reply.status_code == 422
        assert "Only an admin of the organisation" in text_of(reply)
    known = sa.select(trackable.c.ident).where(trackable.c.account_id == site.account_id)
    assert "NEW" not in set(db.session.scalars(known))


def test_a_consultant_changes_the_clients_registry(
    client: FlaskClient, make_organisation: MakeOrganisation
) -> None:
    from flexmeasures.data.models.user import Account

    consultant, owner = make_organisation(roles=["consultant"]), make_organisation()
    account = db.session.get(Account, owner.id)
    assert account is not None
    account.consultancy_account_id = consultant.id
    build(owner)
    log_in(client, consultant)
    page = form(client, "case", "269", "remove", f"&organisation={owner.id}")
    reply = confirmed(client, page)
    assert f"organisation={owner.id}" in reply.location
    assert place(owner.id, "case", "269") is None


def test_another_organisation_changes_nothing_by_guessing_ids(
    member: FlaskClient, site: Site, other_organisation: Organisation
) -> None:
    theirs = Site(other_organisation.id)
    with theirs.at_once() as new:
        new.pms("PMS-9")
        new.case("999", "PMS-9-A", 1)
    before = len(entered(theirs.account_id))
    token = forms(form(member, "case", "269", "service"))[0].fields["csrf_token"]
    named = f"&organisation={theirs.account_id}"
    for path in (
        "case/999?do=retire",
        f"case/999?do=retire{named}",
        f"register?kind=cabinet{named}",
        f"import?{named}",
    ):
        data = {"csrf_token": token, "ident": "X", "pms": "PMS-9"}
        assert member.post(f"/pms/registry/{path}", data=data).status_code == 404, path
    page = form(member, "case", "269", "move")
    reply = submit(member, page, into="PMS-9-A", own_dock="2")
    assert reply.status_code == 422
    assert "No cabinet &#39;PMS-9-A&#39; is registered" in text_of(reply) or (
        "PMS-9-A" in text_of(reply) and "999" not in text_of(reply)
    )
    assert len(entered(theirs.account_id)) == before


@pytest.mark.parametrize(
    ("about", "given", "message"),
    [
        (
            ("case", "270", "install"),
            {"into": "PMS-1-A", "place": "6"},
            "Dok 6 dari kabinet PMS-1-A ditempati kotak 269 sejak semula. Tukar saja,",
        ),
        (("case", "270", "install"), {"into": "C-X", "place": "1"}, "kabinet 'C-X' yang terdaftar"),
        (
            ("case", "270", "install"),
            {"into": "PMS-1-A", "place": "13"},
            "memiliki dok 1-12, bu",
        ),
        (
            ("acquisition-board", "B269", "swap"),
            {"new": "B269"},
            "tidak dapat menggantikan diri",
        ),
    ],
)
def test_why_nothing_was_done_is_told_in_the_readers_language(
    member: FlaskClient, about: tuple[str, str, str], given: dict[str, Any], message: str
) -> None:
    reply = submit(member, form(in_indonesian(member), *about), **given)
    assert reply.status_code == 422
    assert message in text_of(reply).replace("&#39;", "'")


@pytest.mark.parametrize(
    ("about", "given", "field", "message"),
    [
        (("case", "270", "install"), {"into": "PMS-1-A"}, "own_dock", "Give its number."),
        (
            ("case", "270", "install"),
            {"into": "C-X", "place": "1"},
            "into",
            "No cabinet 'C-X' is registered. Check the spelling, or register it.",
        ),
    ],
)
def test_a_refusal_stands_at_the_field_to_be_filled_in(
    client: FlaskClient,
    make_organisation: MakeOrganisation,
    about: tuple[str, str, str],
    given: dict[str, Any],
    field: str,
    message: str,
) -> None:
    admin = make_organisation(roles=["account-admin"])
    build(admin)
    reply = submit(log_in(client, admin), form(client, *about), **given)
    assert reply.status_code == 422
    text = text_of(reply).replace("&#39;", "'")
    assert message in text
    assert f'id="field-{field}-error"' in text


def test_a_form_suggests_near_ids_of_its_own_organisation_alone(
    member: FlaskClient, site: Site, other_organisation: Organisation
) -> None:
    build(other_organisation)
    Site(other_organisation.id).register("cabinet", "PMS-1-C")
    reply = submit(member, form(member, "case", "270", "install"), into="PMS-1-D", place="1")
    said = text_of(reply).replace("&#39;", "'")
    assert "No cabinet 'PMS-1-D' is registered. Did you mean cabinet PMS-1-A?" in said
    assert "PMS-1-C" not in said
    assert "organisation" not in said.split("registry-refused", 1)[1].split("</div>", 1)[0]
