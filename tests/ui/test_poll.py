"""How a page asks for what is new: once for each change, and never a server that suffers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from conftest import Organisation
from flask import Flask
from playwright.sync_api import Page, Route
from support.browser import Visitor

from flexmeasures_pms.ui import files

START = """async ([module, url, every, longest]) => {
  const { poll } = await import(module);
  window.seen = { data: [], states: [] };
  const say = (state) => {
    if (window.seen.states.at(-1) !== state) window.seen.states.push(state);
  };
  const onData = (data) => window.seen.data.push(data);
  window.asking = poll(url, onData, { every, longest, onState: say });
}"""


class Server:
    """Answers of a server, the last one again and again."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers = list(answers)
        self.tags: list[str | None] = []

    def answer(self, route: Route) -> None:
        self.tags.append(route.request.headers.get("if-none-match"))
        one = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        route.fulfill(**one)


def reading(value: int, tag: str) -> dict[str, Any]:
    return {"status": 200, "json": value, "headers": {"ETag": tag}}


@pytest.fixture
def page(member: Visitor, organisation: Organisation) -> Iterator[Page]:
    member.guard.allow("status of 404", "status of 503", "status of 401")
    found = member.open("/pms/no/such/page", ready="h1")
    yield found
    found.evaluate("window.asking?.stop()")


def start(page: Page, app: Flask, server: Server, every: int = 20, longest: int = 40) -> None:
    page.route("**/newest", server.answer)
    with app.test_request_context("/pms"):
        module = files.url("js/lib/poll.js")
    page.evaluate(START, [module, "/newest", every, longest])


def until(page: Page, condition: str) -> None:
    """Wait for a condition. Playwright's own way would need eval, which the policy forbids."""
    while not page.evaluate(condition):
        page.wait_for_timeout(10)


def test_only_what_is_new_is_handed_on(page: Page, app: Flask) -> None:
    server = Server(reading(1, '"a"'), {"status": 304}, reading(2, '"b"'), {"status": 304})
    start(page, app, server)
    until(page, "window.seen.data.length === 2")
    until(page, "window.seen.states.length === 1")
    assert page.evaluate("window.seen") == {"data": [1, 2], "states": ["live"]}
    assert server.tags[:3] == [None, '"a"', '"a"']


def test_a_server_that_comes_back_is_followed_again(page: Page, app: Flask) -> None:
    start(page, app, Server({"status": 503}, {"status": 503}, reading(1, '"a"')))
    until(page, "window.seen.data.length > 0")
    assert page.evaluate("window.seen.states") == ["lost", "live"]


def test_a_link_that_is_back_is_noticed_at_once(page: Page, app: Flask) -> None:
    hour = 3_600_000
    server = Server(reading(1, '"a"'))
    start(page, app, server, every=hour, longest=hour)
    page.evaluate("window.dispatchEvent(new Event('offline'))")
    assert page.evaluate("window.seen.states") == ["lost"]
    page.evaluate("window.dispatchEvent(new Event('online'))")
    until(page, "window.seen.data.length === 1")
    assert page.evaluate("window.seen.states") == ["lost", "live"]


def test_a_page_that_is_looked_at_again_is_brought_up_to_date(page: Page, app: Flask) -> None:
    hour = 3_600_000
    start(page, app, Server(reading(1, '"a"')), every=hour, longest=hour)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    until(page, "window.seen.data.length === 1")


def test_a_server_that_is_away_is_asked_every_few_seconds(page: Page, app: Flask) -> None:
    with app.test_request_context("/pms"):
        url = files.url("js/lib/poll.js")
    longest = page.evaluate("url => import(url).then((module) => module.LONGEST)", url)
    assert longest <= 10_000


def test_who_is_logged_out_asks_no_more(page: Page, app: Flask) -> None:
    server = Server(reading(1, '"a"'), {"status": 401})
    start(page, app, server)
    until(page, "window.seen.states.at(-1) === 'refused'")
    asked = len(server.tags)
    page.wait_for_timeout(200)
    assert len(server.tags) == asked
