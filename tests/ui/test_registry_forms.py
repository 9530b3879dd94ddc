"""Changing the registry by form: the same as the command line, once, by who may."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from conftest import Organisation
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner
from flexmeasures.data import db
from support.changed import changed_settings
from support.forms import forms, submit
from support.session import log_in
from support.site import Site
from werkzeug.test import TestResponse

from flexmeasures_pms.registry.editing.writer import LOCK
from flexmeasures_pms.registry.loading.load import load_directory
from flexmeasures_pms.registry.tables import alias, trackable, transaction

MakeOrganisation = Callable[..., Organisation]

NOON, NOON_THERE = "2026-03-01T12:00:00+07:00", "2026-03-01T12:00:00"


def build(organisation: Organisation) -> Site:
    """A PMS with a cabinet, a case in dock 6 with a board, and a case in no dock."""
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms()
        new.case("269", "PMS-1-A", 6)
        new.register("acquisition-board", "B269")
    site.install(("acquisition-board", "B269"), ("case", "269"))
    site.case("270")
    return site


@pytest.fixture
def site(organisation: Organisation) -> Site:
    return build(organisation)


@pytest.fixture
def member(client: FlaskClient, organisation: Organisation, site: Site) -> FlaskClient:
    """The organisation's member, who has no roles, logged in."""
    return log_in(client, organisation)


def text_of(reply: TestResponse) -> str:
    return reply.get_data(as_text=True)


def address(kind: str, ident: str, action: str) -> str:
    if kind == "register":
        return f"/pms/registry/register?kind={ident}"
    return f"/pms/registry/{kind}/{ident}?do={action}"


def in_indonesian(client: FlaskClient) -> FlaskClient:
    client.set_cookie("pms_lang", "id")
    return client


def on_the_sites_clock(line: str) -> str:
    """What the command line said, with its times as the pages write them."""

    def there(match: re.Match[str]) -> str:
        moment = datetime.fromisoformat(match[0]).astimezone(ZoneInfo("Asia/Jakarta"))
        return moment.strftime("%Y-%m-%d %H:%M:%S")

    return re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+[+-]\d\d:\d\d", there, line)


def form(client: FlaskClient, kind: str, ident: str, action: str, query: str = "") -> str:
    reply = client.get(address(kind, ident, action) + query)
    assert reply.status_code == 200, text_of(reply)
    return text_of(reply)


def place(account_id: int, kind: str, ident: str) -> tuple[str, int | None] | None:
    """Where something is now: the id of what it is in, and its place there."""
    registered = load_directory(account_id)
    found = registered.find(kind, ident)
    row = registered.by_part.get(found.id, ())[-1:] if found else ()
    if not row or row[0].end.year < 9000:
        return None
    return registered.entry(row[0].assembly_id).ident, row[0].place


def entered(account_id: int) -> list[Any]:
    query = sa.select(transaction).where(transaction.c.account_id == account_id)
    return list(db.session.execute(query.order_by(transaction.c.id)))


def comparable(account_id: int) -> list[tuple[Any, ...]]:
    """What was entered, without what differs between two organisations."""

    def record(said: dict[str, Any] | None) -> Any:
        rows = (said or {}).get("installations")
        if rows is None:
            return said
        return [{k: v for k, v in row.items() if k != "assembly_id"} for row in rows]

    return [
        (t.verb, t.kind, t.ident, record(t.before), record(t.after), t.note)
        for t in entered(account_id)
    ]


AT = ("--at", NOON)
SAME: list[tuple[tuple[str, ...], tuple[str, str, str], dict[str, str]]] = [
    (("swap", "B269", "B300", *AT, "--note", "cold joint"),
     ("acquisition-board", "B269", "swap"),
     {"new": "B300", "at": NOON_THERE, "note": "cold joint"}),
    (("install", "L3", "--into", "269", "--kind", "cell-block", "--place", "3", *AT),
     ("case", "269", "fill&slot=cell-block&place=3"), {"part": "L3", "at": NOON_THERE}),
    (("install", "F1", "--into", "269", "--kind", "fet-board"),
     ("case", "269", "fill&slot=fet-board"), {"part": "F1"}),
    (("install", "BBC-1", "--into", "PMS-1-A", "--kind", "bbc"),
     ("cabinet", "PMS-1-A", "fill&slot=controller"), {"part": "BBC-1", "kind": "bbc"}),
    (("install", "270", "--into", "PMS-1-A", "--place", "7", *AT),
     ("case", "270", "install"),
     {"into": "PMS-1-A", "into_kind": "cabinet", "place": "7", "at": NOON_THERE}),
    (("move-case", "269", "--cabinet", "PMS-1-A", "--dock", "9", *AT),
     ("case", "269", "move"), {"place": "9", "at": NOON_THERE}),
    (("remove", "B269", *AT, "--note", "water"),
     ("acquisition-board", "B269", "remove"), {"at": NOON_THERE, "note": "water"}),
    (("correct", "B269", "--into", "270", "--since", NOON, "--note", "it was 270"),
     ("acquisition-board", "B269", "correct"),
     {"into": "270", "since": NOON_THERE, "note": "it was 270"}),
    (("correct", "PMS-1-A", "--docks", "16", "--note", "counted"),
     ("cabinet", "PMS-1-A", "correct"), {"docks": "16", "note": "counted"}),
    (("service", "269", "--kind", "case", "--note", "cleaned"),
     ("case", "269", "service"), {"note": "cleaned"}),
    (("retire", "269", "--kind", "case", *AT, "--note", "rust"),
     ("case", "269", "retire"), {"at": NOON_THERE, "note": "rust"}),
    (("retire", "PMS-1-A", "--with-packs", *AT),
     ("cabinet", "PMS-1-A", "retire"), {"at": NOON_THERE}),
    (("register-pms", "PMS-2", "--timezone", "Asia/Makassar", "--latitude", "-5.1",
      "--longitude", "119.4"),
     ("register", "pms", ""),
     {"ident": "PMS-2", "timezone": "Asia/Makassar", "latitude": "-5,1", "longitude": "119.4"}),
    (("register-inverter", "SPI-1"), ("register", "inverter", ""), {"ident": "SPI-1"}),
    (("register-cabinet", "CAB-2", "--pms", "PMS-1", "--position", "3", "--docks", "16",
      "--ehub", "E2", "--busbar", "U2"),
     ("register", "cabinet", ""),
     {"ident": "CAB-2", "pms": "PMS-1", "position": "3", "docks": "16", "ehub": "E2",
      "busbar": "U2"}),
    (("register-case", "271", "--board", "B271", "--board-alias", "b-271", "--fet-board", "F271",
      "--cell-block", "L1", "--cell-block", "L2", "--cabinet", "PMS-1-A", "--dock", "8"),
     ("register", "case", ""),
     {"ident": "271", "board": "B271", "alias": "b-271", "fet_board": "F271", "cell_1": "L1",
      "cell_2": "L2", "cabinet": "PMS-1-A", "dock": "8"}),
]  # fmt: skip


@pytest.mark.parametrize(("command", "at", "values"), SAME, ids=[c[0][0] for c in SAME])
def test_a_form_does_what_the_command_does(
    client: FlaskClient,
    runner: FlaskCliRunner,
    make_organisation: MakeOrganisation,
    command: tuple[str, ...],
    at: tuple[str, str, str],
    values: dict[str, Any],
) -> None:
    typed, filled = make_organisation(), make_organisation(roles=["account-admin"])
    for each in (typed, filled):
        build(each)
    result = runner.invoke(args=["pms", *command, "--account", str(typed.id)])
    assert result.exit_code == 0, result.output
    log_in(client, filled)
    reply = submit(client, form(client, *at), **values)
    if reply.status_code == 200:
        assert "This would happen:" in text_of(reply)
        reply = submit(client, text_of(reply), sure=True)
    assert reply.status_code == 303, text_of(reply)
    said = text_of(client.get(reply.location))
    assert comparable(filled.id) == comparable(typed.id)
    for line in result.stdout.replace("\n  ", " ").splitlines():
        # What holds from now differs by the moment.
        assert on_the_sites_clock(line).split(", from 20")[0].replace("'", "&#39;") in said
    (author,) = {t.author for t in entered(filled.id) if t.author != "test"}
    assert author == f"user:{filled.user_id}"


def test_a_board_is_swapped_for_a_known_one_at_once(member: FlaskClient, site: Site) -> None:
    site.register("acquisition-board", "B300")
    page = form(member, "acquisition-board", "B269", "swap")
    assert '<option value="B300">' in page
    reply = submit(member, page, new="b300", note="cold joint")
    assert (reply.status_code, reply.location) == (303, "/pms/registry/case/269")
    shown = text_of(member.get(reply.location))
    assert "Swapped acquisition board B269 for acquisition board B300 in case 269" in shown
    assert place(site.account_id, "acquisition-board", "B300") == ("269", 1)
    assert place(site.account_id, "acquisition-board", "B269") is None


def test_an_unknown_board_is_asked_about_first_and_nothing_is_written(
    member: FlaskClient, site: Site
) -> None:
    before = len(entered(site.account_id))
    asked = submit(member, form(member, "acquisition-board", "B269", "swap"), new="B3OO")
    assert asked.status_code == 200
    assert "B3OO is not registered yet. Is it spelled right?" in text_of(asked)
    assert "Would register acquisition board B3OO." in text_of(asked)
    assert len(entered(site.account_id)) == before
    assert place(site.account_id, "acquisition-board", "B269") == ("269", 1)
    done = submit(member, text_of(asked), sure=True)
    assert done.status_code == 303
    assert place(site.account_id, "acquisition-board", "B3OO") == ("269", 1)


def test_to_be_sure_of_one_id_is_not_to_be_sure_of_another(member: FlaskClient, site: Site) -> None:
    asked = submit(member, form(member, "acquisition-board", "B269", "swap"), new="B3OO")
    again = submit(member, text_of(asked), sure=True, new="B300")
    assert "B300 is not registered yet." in text_of(again)
    assert place(site.account_id, "acquisition-board", "B269") == ("269", 1)


def test_a_board_that_is_in_use_elsewhere_is_asked_about(member: FlaskClient, site: Site) -> None:
    site.register("acquisition-board", "B270")
    site.install(("acquisition-board", "B270"), ("case", "270"))
    asked = submit(member, form(member, "acquisition-board", "B269", "swap"), new="B270")
    assert "Acquisition board B270 is in case 270 now, and would leave it." in text_of(asked)
    submit(member, text_of(asked), sure=True)
    assert place(site.account_id, "acquisition-board", "B270") == ("269", 1)


def test_another_spelling_of_a_board_is_added(member: FlaskClient, site: Site) -> None:
    page = form(member, "acquisition-board", "B269", "alias")
    reply = submit(member, page, alias="66CFF269")
    assert "is now also known as 66CFF269" in text_of(member.get(reply.location))
    stored = sa.select(alias.c.alias).where(alias.c.account_id == site.account_id)
    assert list(db.session.scalars(stored)) == ["66CFF269"]


@pytest.mark.parametrize(
    ("at", "values"),
    [
        (("case", "269", "service"), {"note": "cleaned"}),
        (("acquisition-board", "B269", "remove"), {}),
        (("acquisition-board", "B269", "swap"), {"new": "B300"}),
    ],
)
def test_a_form_that_is_sent_twice_is_entered_once(
    member: FlaskClient, site: Site, at: tuple[str, str, str], values: dict[str, Any]
) -> None:
    site.register("acquisition-board", "B300")
    page = form(member, *at)
    submit(member, page, **values)
    after_one = len(entered(site.account_id))
    again = submit(member, page, **values)
    assert len(entered(site.account_id)) == after_one
    assert again.status_code == 303
    assert "This was already entered:" in text_of(member.get(again.location))


def test_what_somebody_else_did_meanwhile_is_not_done_again(
    member: FlaskClient, site: Site
) -> None:
    page, other = (form(member, "acquisition-board", "B269", "remove") for _ in range(2))
    submit(member, page)
    reply = submit(member, other)
    assert "is already as shown" in text_of(member.get(reply.location))


FAULTY = [
    (("case", "269", "move"), {"place": "x"}, "place", "is not a whole number"),
    (("case", "269", "move"), {"place": "13"}, "place", "has docks 1-12, not 13"),
    (("case", "269", "move"), {"into": "nowhere"}, "into", "No cabinet 'nowhere'"),
    (("case", "270", "install"), {"into": "PMS-1-A", "into_kind": "cabinet", "place": "6"},
     "place", "is taken by case 269"),
    (("case", "269", "remove"), {"at": "soon"}, "at", "is not a time"),
    (("case", "269", "service"), {"note": ""}, "note", "Say what was done"),
    (("case", "269", "correct"), {"since": NOON_THERE}, "note", "Say why"),
    (("case", "269", "correct"), {"note": "x"}, "since", "Say what to correct"),
    (("case", "269", "swap"), {"new": "b269"}, "new", "would also mean"),
    (("register", "case", ""), {"ident": "271", "cabinet": "PMS-1-A"}, "dock", "go together"),
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
    for name, value in values.items():
        assert forms(text)[0].fields[name] == value
    assert len(entered(site.account_id)) == before


def test_a_time_on_the_clock_of_the_site_is_that_moment(member: FlaskClient, site: Site) -> None:
    page = form(member, "acquisition-board", "B269", "remove")
    assert "Asia/Jakarta (UTC+07:00)" in page
    submit(member, page, at=NOON_THERE)
    assert entered(site.account_id)[-1].effective_at.isoformat() == "2026-03-01T05:00:00+00:00"


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
    reply = submit(client, page)
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
    reply = submit(member, page, into="PMS-9-A", place="2")
    assert reply.status_code == 422
    assert "No cabinet &#39;PMS-9-A&#39; is registered" in text_of(reply) or (
        "PMS-9-A" in text_of(reply) and "999" not in text_of(reply)
    )
    assert len(entered(theirs.account_id)) == before


def test_what_was_done_is_told_in_the_readers_language_and_on_the_sites_clock(
    member: FlaskClient, organisation: Organisation
) -> None:
    page = form(in_indonesian(member), "acquisition-board", "B269", "swap")
    reply = submit(member, page, new="B271", at=NOON_THERE)
    assert "Apakah ini yang Anda maksud?" in text_of(reply)
    swapped = (
        "Papan akuisisi B269 ditukar dengan papan akuisisi B271 di kotak 269, "
        "sejak 2026-03-01 12:00:00."
    )
    assert f"<li>{swapped.replace('ditukar', 'akan ditukar')}</li>" in text_of(reply)
    done = submit(member, text_of(reply), sure=True)
    assert done.status_code == 303
    shown = text_of(member.get(done.location))
    assert f"<li>Papan akuisisi B271 didaftarkan.</li><li>{swapped}</li>" in shown


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


def test_what_is_so_already_is_neither_asked_about_nor_called_done(
    member: FlaskClient, organisation: Organisation
) -> None:
    before = entered(organisation.id)
    page = form(member, "case", "269", "correct")
    reply = submit(member, page, into="PMS-1-A", place="6", note="as it is")
    assert reply.status_code == 303
    text = text_of(member.get(reply.location))
    assert "Nothing to do" in text
    assert "Case 269 is registered so already." in text
    assert '<p class="registry-done-title">Done</p>' not in text
    assert entered(organisation.id) == before


@pytest.mark.parametrize(
    ("about", "given", "field", "message"),
    [
        (("case", "270", "install"), {"into": "PMS-1-A"}, "place", "Give its number."),
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


def test_a_move_is_undone_by_moving_back_at_its_time(
    member: FlaskClient, organisation: Organisation
) -> None:
    moved = submit(
        member, form(member, "case", "269", "move"), into="PMS-1-A", place="7", at=NOON_THERE
    )
    assert moved.status_code == 303
    assert place(organisation.id, "case", "269") == ("PMS-1-A", 7)
    page = form(member, "case", "269", "move")
    reply = submit(member, page, into="PMS-1-A", place="6", at=NOON_THERE)
    assert reply.status_code == 303, text_of(reply)
    text = text_of(member.get(reply.location))
    where = text.split('id="places"', 1)[1].split("</section>", 1)[0]
    assert "dock 6 of cabinet PMS-1-A <small>from the beginning</small>" in where
    assert "dock 7" not in where


def test_a_retired_part_is_refused_offered_to_be_revived_and_then_installed(
    member: FlaskClient, site: Site
) -> None:
    page = form(member, "acquisition-board", "B269", "retire")
    retired = member.get(submit(member, page, at=NOON_THERE).location)
    shown = text_of(retired)
    assert "retired since 2026-03-01 12:00" in shown
    assert "do=install" not in shown
    stored = text_of(member.get("/pms/registry?kind=acquisition-board"))
    assert "retired since 2026-03-01 12:00" in stored
    site.register("acquisition-board", "B271")
    site.install(("acquisition-board", "B271"), ("case", "270"))
    assert '<option value="B269">' not in form(member, "acquisition-board", "B271", "swap")
    page = form(member, "case", "269", "fill&slot=acquisition-board")
    refused = text_of(submit(member, page, part="B269")).replace("&#39;", "'")
    assert "Acquisition board B269 is retired, from 2026-03-01 12:00:00." in refused
    assert "Open it and choose Revive." in refused
    done = submit(member, form(member, "acquisition-board", "B269", "revive"), note="dried")
    assert "Revived acquisition board B269" in text_of(member.get(done.location))
    submit(member, form(member, "case", "269", "fill&slot=acquisition-board"), part="B269")
    assert place(site.account_id, "acquisition-board", "B269") == ("269", 1)


@pytest.mark.parametrize(
    ("action", "values"), [("swap", {"new": "CAB-9"}), ("remove", {}), ("retire", {}),
                           ("move", {"into": "PMS-2", "place": "1"})],
)  # fmt: skip
def test_a_cabinet_with_packs_leaves_its_pms_only_after_a_confirmation(
    member: FlaskClient, site: Site, action: str, values: dict[str, Any]
) -> None:
    site.register("pms", "PMS-2")
    asked = submit(member, form(member, "cabinet", "PMS-1-A", action), **values)
    assert asked.status_code == 200
    warning = "Cabinet PMS-1-A has 1 case in it, which would leave PMS PMS-1 with it."
    assert warning in text_of(asked)
    assert place(site.account_id, "cabinet", "PMS-1-A") == ("PMS-1", 1)
    assert submit(member, text_of(asked), sure=True).status_code == 303
    assert place(site.account_id, "cabinet", "PMS-1-A") != ("PMS-1", 1)


def test_the_packs_of_the_new_cabinet_and_of_a_correction_are_asked_about_too(
    member: FlaskClient, site: Site
) -> None:
    with site.at_once() as new:
        new.pms("PMS-2")
        new.case("280", "PMS-2-A", 1)
    warning = "Cabinet PMS-2-A has 1 case in it, which would leave PMS PMS-2 with it."
    asked = submit(member, form(member, "cabinet", "PMS-1-A", "swap"), new="PMS-2-A")
    assert warning in text_of(asked)
    page = form(member, "cabinet", "PMS-2-A", "correct")
    asked = submit(member, page, into="PMS-1", place="2", note="x")
    assert warning in text_of(asked)
    asked = submit(
        member, form(member, "pms", "PMS-1", "fill&slot=cabinet"), part="PMS-2-A", place="2"
    )
    assert warning in text_of(asked)
    assert place(site.account_id, "cabinet", "PMS-2-A") == ("PMS-2", 1)


def test_the_packs_of_the_time_of_a_form_count(member: FlaskClient, site: Site) -> None:
    page = form(member, "cabinet", "PMS-1-A", "remove")
    site.remove(("case", "269"), datetime.fromisoformat(NOON))
    asked = submit(member, page, at="2026-03-01T11:00:00")
    assert "Cabinet PMS-1-A has 1 case in it" in text_of(asked)
    assert submit(member, page, at=NOON_THERE).status_code == 303


def test_what_a_registration_takes_from_elsewhere_is_asked_about(
    member: FlaskClient, site: Site
) -> None:
    site.register("pms", "PMS-2")
    page = form(member, "register", "cabinet", "")
    asked = submit(member, page, ident="PMS-1-A", pms="PMS-2", at=NOON_THERE)
    assert "Cabinet PMS-1-A is in position 1 of PMS PMS-1, and would leave it." in text_of(asked)
    assert "Cabinet PMS-1-A has 1 case in it" in text_of(asked)
    page = form(member, "register", "case", "")
    taking: dict[str, Any] = {"board": "B269", "cabinet": "PMS-1-A", "dock": "8"}
    assert submit(member, page, ident="270", **taking).status_code == 422
    asked = submit(member, page, ident="270", at=NOON_THERE, **taking)
    assert "Acquisition board B269 is in case 269, and would leave it." in text_of(asked)
    assert place(site.account_id, "acquisition-board", "B269") == ("269", 1)
    assert submit(member, text_of(asked), sure=True).status_code == 303
    assert place(site.account_id, "acquisition-board", "B269") == ("270", 1)


def test_an_empty_cabinet_is_removed_at_once(member: FlaskClient, site: Site) -> None:
    site.remove(("case", "269"))
    assert submit(member, form(member, "cabinet", "PMS-1-A", "remove")).status_code == 303


@pytest.fixture
def overlapping(site: Site) -> Site:
    """A PMS whose first cabinet has 4 docks and whose second has 6: 5 and 6 may be two docks."""
    site.register("pms", "P")
    for name, docks in (("A", 4), ("B", 6)):
        site.register("cabinet", name, docks=docks)
        site.install(("cabinet", name), ("pms", "P"))
    return site


def test_the_link_of_an_empty_dock_leads_to_exactly_this_dock(
    member: FlaskClient, overlapping: Site
) -> None:
    shown = text_of(member.get("/pms/registry/cabinet/B"))
    for own, case in ((5, "270"), (2, "271")):
        link = f"/pms/registry/cabinet/B?do=fill&slot=dock&place={own}"
        assert link in shown.replace("&amp;", "&")
        page = text_of(member.get(link))
        assert f"Fill dock {own} ({own + 4} of the PMS) of cabinet B" in page
        assert f'<option value="{own}" selected>Dock {own} ({own + 4} of the PMS)</option>' in page
        if case == "271":
            link = re.findall(r'href="(/pms/registry/register[^"]*)"', page)[0]
            page = text_of(member.get(link.replace("&amp;", "&")))
            reply = submit(member, page, ident=case)
        else:
            reply = submit(member, page, part=case)
        assert reply.status_code == 303, text_of(reply)
        assert place(overlapping.account_id, "case", case) == ("B", own)


def test_a_dock_must_be_chosen_where_a_form_is_opened_without_one(
    member: FlaskClient, overlapping: Site
) -> None:
    reply = submit(member, form(member, "cabinet", "B", "fill&slot=dock"), part="270")
    assert reply.status_code == 422
    assert "Which dock of cabinet B is case 270 in?" in text_of(reply)


def test_a_dock_is_typed_by_either_number_where_the_cabinet_is_not_known(
    member: FlaskClient, overlapping: Site
) -> None:
    values: dict[str, Any] = {"into": "B", "into_kind": "cabinet"}
    reply = submit(member, form(member, "case", "270", "install"), **values, place="5")
    assert reply.status_code == 422
    said = text_of(reply)
    assert "own dock 5, which is dock 9 of PMS P, or dock 5 of PMS P, which is its own" in said
    assert "Open the cabinet: each of its docks is there with both numbers." in said
    reply = submit(member, form(member, "case", "270", "install"), **values, place="12")
    assert "Cabinet B has docks 1-6, which are docks 5-10 of PMS P, not 12." in text_of(reply)
    submit(member, form(member, "case", "270", "install"), **values, place="10")
    assert place(overlapping.account_id, "case", "270") == ("B", 6)
    assert "in dock 6 (10 of the PMS) of cabinet B" in text_of(member.get("/pms/registry/case/270"))
    values = {"cabinet": "B", "dock": "7"}
    page = form(member, "register", "case", "")
    assert submit(member, page, ident="272", **values).status_code == 303
    assert place(overlapping.account_id, "case", "272") == ("B", 3)


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
