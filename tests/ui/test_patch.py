"""How new HTML gets into a page: what stayed the same is not touched."""

from __future__ import annotations

import pytest
from conftest import Organisation
from flask import Flask
from playwright.sync_api import Page
from support.browser import Visitor

from flexmeasures_pms.ui import files

START = """async ([module, html]) => {
  const { patch } = await import(module);
  window.host = document.getElementById("pms-main");
  window.host.innerHTML = html;
  window.patch = (html) => patch(window.host, html);
  window.byId = (id) => document.getElementById(id);
}"""
ROWS = "<table><tbody>{}</tbody></table>"
READ = """<p><a href="#x" id="link">A link</a></p>
<p><span>Some text</span> <b>{volts}</b></p>
<div id="box" style="height: 40px; overflow: auto"><p style="height: 400px">{volts}</p></div>
<details><summary>More</summary><p>{volts}</p></details>
<input id="field" value="0241">"""


@pytest.fixture
def page(member: Visitor, organisation: Organisation) -> Page:
    return member.open("/pms", ready="h1")


def start(page: Page, app: Flask, html: str) -> None:
    with app.test_request_context("/pms"):
        module = files.url("js/lib/patch.js")
    page.evaluate(START, [module, html])


def row(ident: str, text: str) -> str:
    return f'<tr id="{ident}"><td>{text}</td></tr>'


def test_a_row_that_moves_stays_the_same_element(page: Page, app: Flask) -> None:
    start(page, app, ROWS.format(row("a", "1 V") + row("b", "2 V") + row("c", "3 V")))
    page.evaluate("window.rows = ['a', 'b', 'c'].map(byId)")
    page.evaluate("patch", ROWS.format(row("c", "4 V") + row("d", "5 V") + row("a", "1 V")))
    assert page.locator("#pms-main tr").all_inner_texts() == ["4 V", "5 V", "1 V"]
    assert page.evaluate("rows.map((row) => row === byId(row.id))") == [True, False, True]


def test_the_reader_s_place_is_kept(page: Page, app: Flask) -> None:
    start(page, app, READ.format(volts="3.70 V"))
    page.locator("summary").click()
    page.evaluate("byId('box').scrollTop = 120")
    page.evaluate("getSelection().selectAllChildren(document.querySelector('#pms-main span'))")
    page.evaluate("byId('link').focus()")
    page.evaluate("patch", READ.format(volts="3.69 V"))
    assert page.locator("#pms-main b").inner_text() == "3.69 V"
    assert page.locator("details p").inner_text() == "3.69 V"
    assert page.evaluate("byId('box').scrollTop") == 120
    assert page.evaluate("getSelection().toString()") == "Some text"
    assert page.evaluate("document.activeElement.id") == "link"


def test_a_field_keeps_its_cursor(page: Page, app: Flask) -> None:
    start(page, app, READ.format(volts="3.70 V"))
    page.evaluate("byId('field').focus(); byId('field').setSelectionRange(1, 3)")
    page.evaluate("patch", f"<p>New</p>{READ.format(volts='3.69 V')}")
    place = "[document.activeElement.id, byId('field').selectionStart, byId('field').selectionEnd]"
    assert page.evaluate(place) == ["field", 1, 3]


def test_new_parts_of_a_drawing_are_drawn(page: Page, app: Flask) -> None:
    box = '<rect id="{0}-box" width="9" height="9"/>'
    drawing = f'<svg width="40" height="40"><g id="{{0}}">{box}</g></svg>'
    start(page, app, drawing.format("a"))
    page.evaluate("patch", drawing.format("a") + drawing.format("b"))
    boxes = "[...document.querySelectorAll('#pms-main rect')].map((one) => one.getBBox().width)"
    assert page.evaluate(boxes) == [9, 9]


def test_what_is_new_shows_without_the_library_too(page: Page, app: Flask) -> None:
    start(page, app, "<p>3.70 V</p>")
    page.evaluate("window.Idiomorph = undefined")
    page.evaluate("patch", "<p>3.69 V</p>")
    assert page.locator("#pms-main").inner_text() == "3.69 V"
