"""Words that need explaining have their entry in the glossary one tap away."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from support.browser import Visitor, axe
from support.session import log_in
from support.site import Site

import flexmeasures_pms.ui
from flexmeasures_pms.ui.language.glossary import TERMS, glossary
from flexmeasures_pms.ui.language.words import LANGUAGES

NewVisitor = Callable[..., AbstractContextManager[Visitor]]
TEMPLATES = Path(flexmeasures_pms.ui.__file__).parent / "templates" / "pms"


@pytest.fixture
def reader(client: FlaskClient, organisation: Organisation) -> FlaskClient:
    return log_in(client, organisation)


@pytest.mark.parametrize("language", list(LANGUAGES))
def test_the_page_explains_every_term_in_each_language(reader: FlaskClient, language: str) -> None:
    text = reader.get(f"/pms/glossary?lang={language}").get_data(as_text=True)
    assert sorted(re.findall(r'<div id="([^"]+)" tabindex', text)) == sorted(TERMS)
    assert ("A transistor that connects" in text) is (language == "en")
    terms = {term.anchor: term for term in glossary(language)}
    assert 'href="#ehub"' not in terms["ehub"].text
    written = "".join(term.text for term in terms.values())
    assert "](" not in written
    assert ".md" not in written


def test_every_word_that_leads_to_the_glossary_is_in_it() -> None:
    named = {
        anchor
        for path in TEMPLATES.glob("*.html")
        for anchor in re.findall(r'parts\.term\("([^"]+)"', path.read_text())
    }
    assert named
    assert named <= set(TERMS)


def test_the_words_of_a_pack_are_explained_one_tap_away(
    new_visitor: NewVisitor, organisation: Organisation, phone: dict[str, Any]
) -> None:
    Site(organisation.id).case("0241")
    with new_visitor(**phone) as visit:
        visit.log_in(organisation)
        page = visit.open("/pms/registry/case/0241")
        page.get_by_role("link", name="The case of pack 0241").tap()
        page.wait_for_url("**/pms/glossary#case")
        assert page.locator("#case").get_by_text("The housing of a battery pack").is_visible()
        assert axe(page) == []
        page.go_back()
        page.get_by_role("heading", level=1, name="Case 0241").wait_for()
