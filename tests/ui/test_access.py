"""A page's views see what FlexMeasures lets the user read, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from conftest import Organisation
from flask import Flask, g
from flask_login import login_user
from flexmeasures.data import db
from flexmeasures.data.models.user import Account, User
from flexmeasures.data.services.users import find_user_by_email
from support.site import Site
from werkzeug.exceptions import NotFound

from flexmeasures_pms.ui.page import access, links

MakeOrganisation = Callable[..., Organisation]


@contextmanager
def as_member(app: Flask, organisation: Organisation, query: str = "") -> Iterator[None]:
    """Answer a request of the organisation's member."""
    with app.test_request_context(f"/pms?{query}"):
        g.pop("pms_organisations", None)
        user = find_user_by_email(organisation.email)
        assert isinstance(user, User)
        login_user(user)
        yield
        g.pop("pms_organisations", None)


def names() -> list[str]:
    return [found.name for found in access.organisations()]


def test_a_member_sees_the_own_organisation_only(
    app_context: Flask, organisation: Organisation, other_organisation: Organisation
) -> None:
    with as_member(app_context, organisation):
        assert names() == [organisation.name]


def test_a_consultant_sees_the_clients_too(
    app_context: Flask, make_organisation: MakeOrganisation
) -> None:
    consultant, client, stranger = (
        make_organisation(roles=["consultant"]),
        make_organisation(),
        make_organisation(),
    )
    account = db.session.get(Account, client.id)
    assert account is not None
    account.consultancy_account_id = consultant.id
    db.session.commit()
    with as_member(app_context, consultant):
        assert names() == [consultant.name, client.name]
        assert stranger.name not in names()


def test_a_colleague_of_the_consultant_does_not(
    app_context: Flask, make_organisation: MakeOrganisation
) -> None:
    consultancy, client = make_organisation(), make_organisation()
    account = db.session.get(Account, client.id)
    assert account is not None
    account.consultancy_account_id = consultancy.id
    db.session.commit()
    with as_member(app_context, consultancy):
        assert names() == [consultancy.name]


@pytest.mark.parametrize("role", ["admin", "admin-reader"])
def test_admins_see_all_and_their_own_first(
    app_context: Flask, make_organisation: MakeOrganisation, role: str
) -> None:
    other, admin = make_organisation(), make_organisation(roles=[role])
    with as_member(app_context, admin):
        assert names()[0] == admin.name
        assert other.name in names()


def test_another_organisation_can_not_be_named(
    app_context: Flask, organisation: Organisation, other_organisation: Organisation
) -> None:
    for named in (str(other_organisation.id), "0", "nonsense", f"{organisation.id} "):
        query = f"organisation={named}"
        with as_member(app_context, organisation, query), pytest.raises(NotFound):
            access.chosen()


def test_a_thing_of_another_organisation_is_not_found(
    app_context: Flask, organisation: Organisation, other_organisation: Organisation
) -> None:
    Site(other_organisation.id).pms("PMS-THEIRS")
    with as_member(app_context, organisation):
        with pytest.raises(NotFound) as theirs:
            access.trackable_or_404("pms", "PMS-THEIRS")
        with pytest.raises(NotFound) as nobodys:
            access.trackable_or_404("pms", "PMS-NOBODYS")
    assert theirs.value.description == nobodys.value.description


def test_an_id_that_two_use_is_the_own_one_unless_the_other_is_named(
    app_context: Flask, make_organisation: MakeOrganisation
) -> None:
    admin, other = make_organisation(roles=["admin"]), make_organisation()
    for each in (admin, other):
        Site(each.id).pms("PMS-SAME")
    with as_member(app_context, admin):
        assert access.trackable_or_404("pms", "pms-same").organisation.id == admin.id
    with as_member(app_context, admin, f"organisation={other.id}"):
        assert access.trackable_or_404(("case", "pms"), "PMS-SAME").organisation.id == other.id


def test_what_only_another_has_is_found_by_who_may_see_it(
    app_context: Flask, make_organisation: MakeOrganisation
) -> None:
    admin, other = make_organisation(roles=["admin-reader"]), make_organisation()
    Site(other.id).pms("PMS-FAR")
    with as_member(app_context, admin):
        assert access.trackable_or_404("pms", "PMS-FAR").organisation.id == other.id


@pytest.mark.parametrize(
    ("roles", "may"), [([], False), (["account-admin"], True), (["admin-reader"], False)]
)
def test_who_may_make_assets_may_register(
    app_context: Flask, make_organisation: MakeOrganisation, roles: list[str], may: bool
) -> None:
    organisation = make_organisation(roles=roles)
    with as_member(app_context, organisation):
        assert access.may(access.CHANGE, access.one_organisation()) is may


def test_links_keep_the_organisation_and_avoid_the_pages_names(app: Flask) -> None:
    with app.test_request_context("/pms?organisation=7"):
        assert links.rack("PMS 1", "cells") == "/pms/PMS%201/cells?organisation=7"
        assert links.rack("Registry") == "/pms/pms/Registry?organisation=7"
        assert links.device("case", "0241", start="now") == (
            "/pms/case/0241?organisation=7&start=now"
        )
        assert links.same(organisation=None, lang="id") == "/pms?lang=id"
