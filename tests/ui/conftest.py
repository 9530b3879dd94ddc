"""Pages in a real browser: ``visit.log_in(...)``, ``visit.open("/pms")``, ``axe(page)``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
from conftest import Organisation
from flask import Flask
from playwright.sync_api import Browser, sync_playwright
from support.browser import Visitor, Visitors, arguments, served
from support.chromium import chromium

NewVisitor = Callable[..., AbstractContextManager[Visitor]]


@pytest.fixture(scope="session")
def live(app: Flask) -> Iterator[str]:
    """The address of the tests' own application, served over HTTP."""
    with served(app) as address:
        yield address


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, once for all tests."""
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=chromium(), args=arguments())
        yield found
        found.close()


@pytest.fixture(scope="session")
def visitors(browser: Browser, live: str) -> Visitors:
    """What makes readers, once for all tests."""
    return Visitors(browser, live)


@pytest.fixture
def new_visitor(visitors: Visitors, app_context: Flask) -> NewVisitor:
    """Make readers: ``with new_visitor(color_scheme="dark") as visit:``."""
    return visitors.visitor


@pytest.fixture
def visit(new_visitor: NewVisitor) -> Iterator[Visitor]:
    """A reader who is not logged in. What their pages do wrong fails the test."""
    with new_visitor() as found:
        yield found


@pytest.fixture
def member(new_visitor: NewVisitor, organisation: Organisation) -> Iterator[Visitor]:
    """A reader who is logged in as the member of ``organisation``."""
    with new_visitor() as found:
        found.log_in(organisation)
        yield found


@pytest.fixture
def phone() -> dict[str, Any]:
    """Options of a reader with a phone: ``with new_visitor(**phone) as visit:``."""
    return {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
