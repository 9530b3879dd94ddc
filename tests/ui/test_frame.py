"""What all pages have in common, seen on the page that says that there is none."""

from __future__ import annotations

import re

import pytest
from conftest import PASSWORD, Organisation
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

NOWHERE = "/pms/no/such/page"


@pytest.fixture
def member(client: FlaskClient, organisation: Organisation) -> FlaskClient:
    """A client that is logged in."""
    client.post("/login", data={"email": organisation.email, "password": PASSWORD})
    return client


def policy(reply: TestResponse) -> dict[str, list[str]]:
    parts = (part.split() for part in reply.headers["Content-Security-Policy"].split(";"))
    return {name: values for name, *values in parts}


def test_who_is_not_logged_in_is_sent_to_the_login_page_and_back(client: FlaskClient) -> None:
    reply = client.get(f"{NOWHERE}?organisation=3")
    assert reply.status_code == 302
    assert reply.location.startswith("/login?next=/pms/no/such/page")


def test_an_unknown_address_says_so_in_the_frame(member: FlaskClient) -> None:
    reply = member.get(NOWHERE)
    text = reply.get_data(as_text=True)
    assert reply.status_code == 404
    assert "There is no page /pms/no/such/page." in text
    assert 'id="topnavbar"' in text
    assert re.search(r'class="nav-item active"[^>]*>\s*<a  href="/pms"', text)


def test_every_script_has_the_nonce_of_its_response_alone(member: FlaskClient) -> None:
    nonces = set()
    for _ in range(2):
        reply = member.get(NOWHERE)
        (nonce,) = (v[7:-1] for v in policy(reply)["script-src"] if v.startswith("'nonce-"))
        tags = re.findall(r"<script\b[^>]*>", reply.get_data(as_text=True))
        assert len(tags) > 5
        assert all(f'nonce="{nonce}"' in tag for tag in tags)
        nonces.add(nonce)
    assert len(nonces) == 2


def test_the_policy_lets_no_inline_script_run(member: FlaskClient) -> None:
    found = policy(member.get(NOWHERE))
    assert found["default-src"] == ["'none'"]
    assert not {"'unsafe-inline'", "'unsafe-eval'", "https:", "*"} & set(found["script-src"])
    assert found["frame-ancestors"] == ["'self'"]
    assert found["object-src"] == found["base-uri"] == ["'none'"]


def test_flexmeasures_own_pages_are_left_without_a_policy(member: FlaskClient) -> None:
    reply = member.get("/dashboard")
    assert "Content-Security-Policy" not in reply.headers
    assert "nonce=" not in reply.get_data(as_text=True)


def test_a_form_without_a_token_is_refused(member: FlaskClient) -> None:
    reply = member.post(NOWHERE, data={"ident": "0241"})
    assert reply.status_code == 400
    assert "Open it again." in reply.get_data(as_text=True)


def test_the_language_is_that_of_the_browser_or_the_one_chosen(member: FlaskClient) -> None:
    indonesian = {"Accept-Language": "id-ID,id;q=0.9,en;q=0.5"}
    assert '<html lang="en">' in member.get(NOWHERE).get_data(as_text=True)
    assert '<html lang="id">' in member.get(NOWHERE, headers=indonesian).get_data(as_text=True)
    assert '<html lang="id">' in member.get(f"{NOWHERE}?lang=id").get_data(as_text=True)
    assert '<html lang="id">' in member.get(NOWHERE).get_data(as_text=True)
    assert '<html lang="id">' in member.get(f"{NOWHERE}?lang=xx").get_data(as_text=True)
    assert '<html lang="en">' in member.get(f"{NOWHERE}?lang=en").get_data(as_text=True)


def test_files_are_kept_for_good_under_the_version_in_their_address(client: FlaskClient) -> None:
    from flexmeasures_pms.ui import files

    reply = client.get(files.url("css/pms.css"), headers={"Accept-Encoding": "gzip"})
    assert (reply.status_code, reply.mimetype) == (200, "text/css")
    assert "immutable" in reply.headers["Cache-Control"]
    assert reply.headers["Content-Encoding"] == "gzip"
    old = client.get("/pms/static/v-0000/css/pms.css")
    assert (old.status_code, old.headers["Cache-Control"]) == (200, "no-cache")
