"""Logging in by FlexMeasures' own form; other tests go by the cookie that it gives."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import PASSWORD, Organisation
from flask.testing import FlaskClient
from support.browser import Visitor
from support.session import log_in


def by_form(client: FlaskClient, organisation: Organisation) -> str:
    """Log in, and return where the reply leads."""
    form = {"email": organisation.email, "password": PASSWORD}
    return client.post("/login?next=/pms", data=form).location


def test_who_logs_in_comes_to_the_page_that_was_asked_for(
    client: FlaskClient, organisation: Organisation
) -> None:
    assert by_form(client, organisation) == "/pms"
    assert client.get("/pms").status_code == 200


def test_a_wrong_password_lets_nobody_in(client: FlaskClient, organisation: Organisation) -> None:
    reply = client.post("/login", data={"email": organisation.email, "password": "wrong"})
    assert reply.status_code == 200
    assert client.get("/pms").status_code == 302


TOKEN_PAGES = [("GET", "/pms"), ("GET", "/pms/registry"), ("POST", "/pms/registry/import")]


@pytest.mark.parametrize(("method", "page"), TOKEN_PAGES)
def test_a_token_in_the_address_or_the_body_lets_nobody_in(
    client: FlaskClient, organisation: Organisation, method: str, page: str
) -> None:
    sent = {"auth_token": organisation.token}
    bodies: tuple[dict[str, Any], ...] = ({}, {"data": sent}, {"json": sent})
    for body in bodies:
        reply = client.open(page, query_string=sent, method=method, **body)
        assert reply.status_code == 302
        assert reply.location.startswith("/login")


def test_an_address_without_a_page_takes_no_token_either(
    client: FlaskClient, organisation: Organisation
) -> None:
    reply = client.post(f"/pms?auth_token={organisation.token}")
    assert reply.status_code == 405
    assert organisation.email not in reply.get_data(as_text=True)


def test_the_cookie_of_the_tests_says_what_that_of_the_form_says(
    client: FlaskClient, organisation: Organisation
) -> None:
    found = []
    for enter in (by_form, log_in):
        enter(client, organisation)
        with client.session_transaction() as session:
            found.append(dict(session))
        client.get("/logout")
    form, ours = found
    assert ours.keys() <= form.keys()
    assert ours["_user_id"] == form["_user_id"]


def test_a_browser_that_fills_in_the_form_is_let_in(
    visit: Visitor, organisation: Organisation
) -> None:
    visit.log_in_by_form(organisation.email, PASSWORD)
    assert visit.open("/pms", ready="h1").url.endswith("/pms")
