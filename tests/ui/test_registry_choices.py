"""What forms of the registry let choose from: cabinets, docks and time zones."""

from __future__ import annotations

import re
from typing import Any

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from support.forms import forms, submit
from support.registry_forms import (
    build,
    form,
    place,
    text_of,
)
from support.session import log_in
from support.site import Site


@pytest.fixture
def site(organisation: Organisation) -> Site:
    return build(organisation)


@pytest.fixture
def member(client: FlaskClient, organisation: Organisation, site: Site) -> FlaskClient:
    """The organisation's member, who has no roles, logged in."""
    return log_in(client, organisation)


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


def choices(page: str, name: str) -> list[str]:
    """The values that a page lets choose from in one field."""
    field = re.search(rf'(?s)<select [^>]*name="{name}".*?</select>', page)
    assert field, f"there is no list {name}"
    return re.findall(r'<option value="([^"]*)"', field[0])


@pytest.mark.parametrize(
    ("about", "name", "some"),
    [
        (("case", "270", "install"), "into", ["", "PMS-1-A", "PMS-2-A"]),
        (("case", "269", "correct"), "into", ["", "PMS-1-A", "PMS-2-A"]),
        (("cabinet", "PMS-1-A", "move"), "into", ["", "PMS-1", "PMS-2"]),
        (("cabinet", "PMS-1-A", "move"), "place", ["", "1", "2", "3", "4"]),
        (("register", "case", ""), "cabinet", ["", "PMS-1-A", "PMS-2-A"]),
        (("register", "cabinet", ""), "pms", ["", "PMS-1", "PMS-2"]),
        (("case", "269", "move"), "own_dock", ["", *map(str, range(1, 13))]),
    ],
)
def test_cabinets_and_docks_are_chosen_from_those_of_the_organisation(
    member: FlaskClient,
    site: Site,
    other_organisation: Organisation,
    about: tuple[str, str, str],
    name: str,
    some: list[str],
) -> None:
    site.pms("PMS-2")
    Site(other_organisation.id).pms("PMS-9")
    assert choices(form(member, *about), name) == some


def test_time_zones_are_chosen(member: FlaskClient) -> None:
    zones = choices(form(member, "pms", "PMS-1", "correct"), "timezone")
    assert {"Asia/Jakarta", "Asia/Makassar", "UTC"} <= set(zones)


def test_the_docks_of_another_cabinet_are_shown_without_a_script(
    member: FlaskClient, overlapping: Site
) -> None:
    page = form(member, "case", "269", "move")
    sent = forms(page)[0]
    asked = member.post(sent.action, data={**sent.fields, "into": "B", "refresh": "yes"})
    text = text_of(asked)
    assert asked.status_code == 200
    assert "field-error" not in text
    assert choices(text, "own_dock") == ["", *"123456"]
    # Who does not ask for them gets them with the refusal: dock 3 was that of another cabinet.
    refused = submit(member, page, into="B", own_dock="3")
    assert refused.status_code == 422
    assert choices(text_of(refused), "own_dock") == ["", *"123456"]
    assert forms(text_of(refused))[0].fields["own_dock"] == ""
    assert place(overlapping.account_id, "case", "269") == ("PMS-1-A", 6)
    assert submit(member, text, own_dock="3").status_code == 303
    assert place(overlapping.account_id, "case", "269") == ("B", 3)


def test_a_list_of_docks_says_what_is_in_them(member: FlaskClient, site: Site) -> None:
    page = form(member, "case", "270", "install", "&into=PMS-1-A")
    assert '<option value="6">Dock 6: case 269</option>' in page
    assert '<option value="7">Dock 7</option>' in page
