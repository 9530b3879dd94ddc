"""Changing the registry by form: the same as the command line, once."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from conftest import Organisation
from flask.testing import FlaskClient, FlaskCliRunner
from flexmeasures.data import db
from support.forms import submit
from support.registry_forms import (
    NOON,
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

from flexmeasures_pms.registry.tables import alias


@pytest.fixture
def site(organisation: Organisation) -> Site:
    return build(organisation)


@pytest.fixture
def member(client: FlaskClient, organisation: Organisation, site: Site) -> FlaskClient:
    """The organisation's member, who has no roles, logged in."""
    return log_in(client, organisation)


def on_the_sites_clock(line: str) -> str:
    """What the command line said, with its times as the pages write them."""

    def there(match: re.Match[str]) -> str:
        moment = datetime.fromisoformat(match[0]).astimezone(ZoneInfo("Asia/Jakarta"))
        return moment.strftime("%Y-%m-%d %H:%M:%S")

    return re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+[+-]\d\d:\d\d", there, line)


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
     ("case", "269", "move"), {"own_dock": "9", "at": NOON_THERE}),
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
    page, sure = form(member, *at), at[2] == "remove"
    if sure:
        page = text_of(submit(member, page, **values))
    submit(member, page, sure=sure, **values)
    after_one = len(entered(site.account_id))
    again = submit(member, page, sure=sure, **values)
    assert len(entered(site.account_id)) == after_one
    assert again.status_code == 303
    assert "This was already entered:" in text_of(member.get(again.location))


def test_what_somebody_else_did_meanwhile_is_not_done_again(
    member: FlaskClient, site: Site
) -> None:
    page, other = (form(member, "acquisition-board", "B269", "remove") for _ in range(2))
    confirmed(member, page)
    reply = submit(member, other)
    assert "is already as shown" in text_of(member.get(reply.location))


def test_a_time_on_the_clock_of_the_site_is_that_moment(member: FlaskClient, site: Site) -> None:
    page = form(member, "acquisition-board", "B269", "remove")
    assert "Asia/Jakarta (UTC+07:00)" in page
    confirmed(member, page, at=NOON_THERE)
    assert entered(site.account_id)[-1].effective_at.isoformat() == "2026-03-01T05:00:00+00:00"


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


def test_a_move_is_undone_by_moving_back_at_its_time(
    member: FlaskClient, organisation: Organisation
) -> None:
    moved = submit(
        member, form(member, "case", "269", "move"), into="PMS-1-A", own_dock="7", at=NOON_THERE
    )
    assert moved.status_code == 303
    assert place(organisation.id, "case", "269") == ("PMS-1-A", 7)
    page = form(member, "case", "269", "move")
    reply = submit(member, page, into="PMS-1-A", own_dock="6", at=NOON_THERE)
    assert reply.status_code == 303, text_of(reply)
    text = text_of(member.get(reply.location))
    where = text.split('id="places"', 1)[1].split("</section>", 1)[0]
    assert "dock 6 of cabinet PMS-1-A <small>start not recorded</small>" in where
    assert "dock 7" not in where


def test_a_retired_part_is_refused_offered_to_be_revived_and_then_installed(
    member: FlaskClient, site: Site
) -> None:
    page = form(member, "acquisition-board", "B269", "retire")
    retired = member.get(confirmed(member, page, at=NOON_THERE).location)
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
