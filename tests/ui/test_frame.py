"""What all pages have in common, seen on the page that says that there is none."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from conftest import Organisation
from flask import Flask
from flask.testing import FlaskClient
from support.browser import Visitor, axe
from support.session import log_in
from werkzeug.test import TestResponse

from flexmeasures_pms.errors import SchemaError
from flexmeasures_pms.ui.offline.loader import FIXES

NewVisitor = Callable[..., AbstractContextManager[Visitor]]

NOWHERE = "/pms/no/such/page"


@pytest.fixture
def reader(client: FlaskClient, organisation: Organisation) -> FlaskClient:
    """A client that is logged in."""
    log_in(client, organisation)
    return client


def policy(reply: TestResponse) -> dict[str, list[str]]:
    parts = (part.split() for part in reply.headers["Content-Security-Policy"].split(";"))
    return {name: values for name, *values in parts}


def test_who_is_not_logged_in_is_sent_to_the_login_page_and_back(client: FlaskClient) -> None:
    reply = client.get(f"{NOWHERE}?organisation=3")
    assert reply.status_code == 302
    assert reply.location.startswith("/login?next=/pms/no/such/page")


def test_an_unknown_address_says_so_in_the_frame(reader: FlaskClient) -> None:
    reply = reader.get(NOWHERE)
    text = reply.get_data(as_text=True)
    assert reply.status_code == 404
    assert "There is no page /pms/no/such/page." in text
    assert 'id="topnavbar"' in text
    assert re.search(r'class="nav-item active"[^>]*>\s*<a  href="/pms"', text)


def test_every_script_has_the_nonce_of_its_response_alone(reader: FlaskClient) -> None:
    nonces = set()
    for _ in range(2):
        reply = reader.get(NOWHERE)
        (nonce,) = (v[7:-1] for v in policy(reply)["script-src"] if v.startswith("'nonce-"))
        tags = re.findall(r"<script\b[^>]*>", reply.get_data(as_text=True))
        assert len(tags) > 5
        assert all(f'nonce="{nonce}"' in tag for tag in tags)
        nonces.add(nonce)
    assert len(nonces) == 2


def test_the_policy_lets_no_inline_script_run(reader: FlaskClient) -> None:
    found = policy(reader.get(NOWHERE))
    assert found["default-src"] == ["'none'"]
    assert not {"'unsafe-inline'", "'unsafe-eval'", "https:", "*"} & set(found["script-src"])
    assert found["frame-ancestors"] == ["'self'"]
    assert found["object-src"] == found["base-uri"] == ["'none'"]


def test_flexmeasures_own_pages_are_left_without_a_policy(reader: FlaskClient) -> None:
    reply = reader.get("/dashboard")
    assert "Content-Security-Policy" not in reply.headers
    assert "nonce=" not in reply.get_data(as_text=True)


def test_a_form_without_a_token_is_refused(reader: FlaskClient) -> None:
    reply = reader.post(NOWHERE, data={"ident": "0241"})
    assert reply.status_code == 400
    assert "Open it again." in reply.get_data(as_text=True)


@pytest.mark.parametrize(
    ("error", "status"),
    [(ZeroDivisionError("a secret"), 500), (SchemaError("Run flexmeasures pms db upgrade."), 503)],
)
def test_a_page_that_fails_says_so_without_saying_too_much(
    reader: FlaskClient, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    monkeypatch.setitem(
        reader.application.view_functions, "pms_ui.nowhere", Mock(side_effect=error)
    )
    reply = reader.get(NOWHERE)
    text = reply.get_data(as_text=True)
    assert reply.status_code == status
    assert 'id="topnavbar"' in text
    assert "a secret" not in text
    assert ("db upgrade" in text) is (status == 503)


def test_the_language_is_that_of_the_browser_or_the_one_chosen(reader: FlaskClient) -> None:
    indonesian = {"Accept-Language": "id-ID,id;q=0.9,en;q=0.5"}
    assert '<html lang="en">' in reader.get(NOWHERE).get_data(as_text=True)
    assert '<html lang="id">' in reader.get(NOWHERE, headers=indonesian).get_data(as_text=True)
    assert '<html lang="id">' in reader.get(f"{NOWHERE}?lang=id").get_data(as_text=True)
    assert '<html lang="id">' in reader.get(NOWHERE).get_data(as_text=True)
    assert '<html lang="id">' in reader.get(f"{NOWHERE}?lang=xx").get_data(as_text=True)
    assert '<html lang="en">' in reader.get(f"{NOWHERE}?lang=en").get_data(as_text=True)


def test_files_are_kept_for_good_under_the_version_in_their_address(client: FlaskClient) -> None:
    from flexmeasures_pms.ui import files

    reply = client.get(files.url("css/pms.css"), headers={"Accept-Encoding": "gzip"})
    assert (reply.status_code, reply.mimetype) == (200, "text/css")
    assert "immutable" in reply.headers["Cache-Control"]
    assert reply.headers["Content-Encoding"] == "gzip"
    old = client.get("/pms/static/v-0000/css/pms.css")
    assert (old.status_code, old.headers["Cache-Control"]) == (200, "no-cache")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_frame_has_no_serious_fault_for_a_screen_reader(
    new_visitor: NewVisitor, organisation: Organisation, phone: dict[str, Any], scheme: str
) -> None:
    for options in ({}, phone):
        with new_visitor(color_scheme=scheme, **options) as visit:
            visit.guard.allow("status of 404")
            visit.log_in(organisation)
            page = visit.open(NOWHERE, ready="h1")
            assert axe(page) == []
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            assert page.locator("html").get_attribute("data-bs-theme") == scheme


def test_the_first_tab_skips_to_the_content(visit: Visitor, organisation: Organisation) -> None:
    visit.guard.allow("status of 404")
    visit.log_in(organisation)
    page = visit.open(NOWHERE, ready="h1")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    assert page.locator(".pms-skip").is_visible()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "pms-main"


@pytest.mark.parametrize(("template", "pattern", "instead"), FIXES)
def test_what_is_mended_in_flexmeasures_is_still_there(
    app: Flask, template: str, pattern: str, instead: str
) -> None:
    source = (
        Path(app.blueprints["flexmeasures_ui"].root_path) / "templates" / template
    ).read_text()
    assert re.search(pattern, source), "see FIXES in loader.py"
