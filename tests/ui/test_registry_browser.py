"""The registry's pages in a browser: on a phone in the battery room, and without a fault."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from conftest import Organisation
from playwright.sync_api import Page
from support.browser import Visitor, axe
from support.site import Site

NewVisitor = Callable[..., AbstractContextManager[Visitor]]


@pytest.fixture
def keeper(make_organisation: Callable[..., Organisation]) -> Organisation:
    """An organisation whose member is its admin, with a PMS, two cases and a spare board."""
    organisation = make_organisation(roles=["account-admin"])
    site = Site(organisation.id)
    site.pms()
    for n, ident in enumerate(("0241", "0242"), 1):
        site.case(ident, "PMS-1-A", n)
        site.register("acquisition-board", f"B{ident}")
        site.install(("acquisition-board", f"B{ident}"), ("case", ident))
    site.register("acquisition-board", "B0300")
    return organisation


def fits(page: Page) -> bool:
    """Whether nothing sticks out at the side."""
    wide: bool = page.evaluate(
        "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    )
    return not wide


def test_a_board_is_swapped_on_a_phone_in_a_few_taps(
    new_visitor: NewVisitor, keeper: Organisation, phone: dict[str, Any]
) -> None:
    with new_visitor(**phone) as visit:
        visit.log_in(keeper)
        page = visit.open("/pms/registry")
        page.get_by_label("Find by any id or spelling").fill("0241")
        page.keyboard.press("Enter")
        page.get_by_role("link", name="Swap: acquisition board B0241").tap()
        page.get_by_label("Id of the new acquisition board").wait_for()
        # The field has the focus: what a scanner types goes there, and ends with Enter.
        page.keyboard.type("B0300")
        assert fits(page)
        page.keyboard.press("Enter")
        done = page.get_by_role("status").filter(has_text="Done")
        done.wait_for()
        assert "Swapped acquisition board B0241 for acquisition board B0300" in done.inner_text()
        assert page.get_by_role("heading", level=1).inner_text() == "Case 0241"
        assert page.get_by_role("link", name="B0300", exact=True).is_visible()
        assert fits(page)


def test_the_cause_of_a_swap_is_one_tap_on_a_phone(
    new_visitor: NewVisitor, keeper: Organisation, phone: dict[str, Any]
) -> None:
    with new_visitor(**phone) as visit:
        visit.log_in(keeper)
        page = visit.open("/pms/registry/acquisition-board/B0241?do=swap")
        page.get_by_label("Id of the new acquisition board").fill("B0300")
        code = page.get_by_label("Code of the fault")
        assert not code.is_visible()
        for name in ("not known", "planned", "fault", "recall", "upgrade"):
            box = page.locator(".field-choices label", has_text=name).bounding_box()
            assert box is not None
            assert box["height"] >= 44
            assert box["width"] >= 88
        page.get_by_label("fault", exact=True).tap()
        code.fill("OV-3")
        assert axe(page) == []
        assert fits(page)
        page.get_by_role("button", name="Swap").tap()
        page.get_by_role("status").filter(has_text="Done").wait_for()
        page = visit.open("/pms/registry/acquisition-board/B0241")
        assert page.get_by_text("Cause: fault, code OV-3").is_visible()
        assert fits(page)


def test_a_wrong_id_is_asked_about_and_can_be_mended(
    new_visitor: NewVisitor, keeper: Organisation, phone: dict[str, Any]
) -> None:
    with new_visitor(**phone) as visit:
        visit.log_in(keeper)
        page = visit.open("/pms/registry/acquisition-board/B0241?do=swap")
        page.get_by_label("Id of the new acquisition board").fill("B0242")
        page.get_by_role("button", name="Swap").tap()
        asked = page.get_by_role("alert").filter(has_text="Is this what you mean?")
        asked.wait_for()
        assert "Acquisition board B0242 is in case 0242 now" in asked.inner_text()
        assert axe(page) == []
        assert fits(page)
        page.get_by_label("Id of the new acquisition board").fill("B0300")
        page.keyboard.press("Enter")
        page.get_by_role("status").filter(has_text="B0300").wait_for()


def test_a_branch_opens_in_its_place_by_keyboard(
    new_visitor: NewVisitor, keeper: Organisation
) -> None:
    with new_visitor() as visit:
        visit.log_in(keeper)
        page = visit.open("/pms/registry")
        page.locator("summary").filter(has_text="PMS-1").press("Enter")
        case = page.locator("summary").filter(has_text="0242")
        case.press("Enter")
        page.get_by_role("link", name="Show acquisition board B0242").wait_for()
        assert axe(page) == []


def test_open_branches_are_in_the_address(new_visitor: NewVisitor, keeper: Organisation) -> None:
    with new_visitor() as visit:
        visit.log_in(keeper)
        page = visit.open("/pms/registry")
        page.locator("summary").filter(has_text="PMS-1").first.press("Enter")
        page.locator("summary").filter(has_text="0242").press("Enter")
        board = page.get_by_role("link", name="Show acquisition board B0242")
        board.wait_for()
        page.wait_for_url("**branch=case%3A0242*")
        page.reload()
        board.wait_for()
        assert page.get_by_role("link", name="Show acquisition board B0241").count() == 0
        page.locator("summary").filter(has_text="0242").press("Enter")
        page.wait_for_url(lambda url: "0242" not in url)
        page.reload()
        page.get_by_role("link", name="Show case 0242").wait_for()
        assert not board.is_visible()


def test_the_docks_of_the_chosen_cabinet_come_by_script(
    new_visitor: NewVisitor, keeper: Organisation
) -> None:
    Site(keeper.id).register("cabinet", "SMALL", docks=3)
    with new_visitor() as visit:
        visit.log_in(keeper)
        page = visit.open("/pms/registry/case/0241?do=move")
        page.get_by_label("Which cabinet").select_option("SMALL")
        page.locator('input[name="docks_of"][value="SMALL"]').wait_for(state="attached")
        assert page.get_by_label("Which dock").locator("option").count() == 4
        assert not page.get_by_role("button", name="Show what can be chosen next").is_visible()
        page.get_by_label("Which dock").select_option("2")
        page.get_by_role("button", name="Move").click()
        page.get_by_role("status").filter(has_text="dock 2 of cabinet SMALL").wait_for()


@pytest.mark.parametrize("language", ["en", "id"])
def test_no_line_of_the_tree_runs_into_its_link_on_a_phone(
    new_visitor: NewVisitor, keeper: Organisation, phone: dict[str, Any], language: str
) -> None:
    Site(keeper.id).register("cabinet", "CAB-01-002-LONG")
    with new_visitor(**phone) as visit:
        visit.log_in(keeper)
        page = visit.open(f"/pms/registry?open=case:0242&lang={language}")
        assert page.locator(".tree-open:visible").count() > 4
        assert page.evaluate(OVERLAPS) == []
        page = visit.open(f"/pms/registry?kind=cabinet&lang={language}")
        assert page.evaluate(OVERLAPS) == []
        assert fits(page)


OVERLAPS = """
() => [...document.querySelectorAll(".tree-open")].filter(link => {
    const line = link.parentElement.querySelector("summary, .tree-leaf");
    const free = link.getBoundingClientRect();
    const inside = parseFloat(getComputedStyle(line).paddingRight);
    return free.width > 0 && line.getBoundingClientRect().right - inside > free.left;
}).map(link => link.getAttribute("aria-label"))
"""


PLACES = """
(label, which) => {
    if (which === "input") return label.querySelector("input").getBoundingClientRect().right;
    const text = document.createRange();
    text.selectNodeContents(label.lastChild);
    return text.getBoundingClientRect().left;
}
"""


def test_a_box_is_large_enough_for_a_finger_and_its_text_stands_beside_it(
    new_visitor: NewVisitor, keeper: Organisation, phone: dict[str, Any]
) -> None:
    with new_visitor(**phone) as visit:
        visit.log_in(keeper)
        for path in ("/pms/registry/import", "/pms/registry/case/0241?do=move"):
            page = visit.open(path)
            labels = page.locator(".field-check label")
            for n in range(labels.count()):
                box = labels.nth(n).bounding_box()
                assert box and box["height"] >= 44
                text, tick = (labels.nth(n).evaluate(PLACES, one) for one in ("text", "input"))
                assert text > tick
            assert labels.count() and fits(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_serious_fault(
    new_visitor: NewVisitor, keeper: Organisation, scheme: str
) -> None:
    with new_visitor(color_scheme=scheme) as visit:
        # A refused form is answered with 422, which the browser notes.
        visit.guard.allow("422")
        visit.log_in(keeper)
        for path in (
            "/pms/registry?open=case:0241",
            "/pms/registry?q=B0",
            "/pms/registry/case/0241",
            "/pms/registry/cabinet/PMS-1-A?do=fill&slot=dock&place=5",
            "/pms/registry/register",
            "/pms/registry/register?kind=case",
        ):
            assert axe(visit.open(path)) == [], path
        page = visit.open("/pms/registry/case/0241?do=move")
        page.get_by_label("Which dock").select_option("2")
        page.get_by_role("button", name="Move").click()
        page.get_by_role("alert").filter(has_text="is taken by case 0242").wait_for()
        assert axe(page) == []


def test_a_file_is_shown_before_it_is_imported(
    new_visitor: NewVisitor, keeper: Organisation
) -> None:
    columns = ["pack.id", "board.id", "fet.board.id", *(f"cell.id.{n}" for n in range(1, 15))]
    text = f"{','.join(columns)}\n0300,B0301,F0300{',' * 14}\n"
    with new_visitor() as visit:
        visit.log_in(keeper)
        page = visit.open("/pms/registry/import")
        assert axe(page) == []
        file: Any = {
            "name": "site.csv",
            "mimeType": "text/csv",
            "buffer": io.BytesIO(text.encode()).getvalue(),
        }
        page.get_by_label("CSV file").set_input_files(file)
        page.get_by_role("button", name="Show a preview").click()
        page.get_by_text("1 line: 1 would change the registry").wait_for()
        assert axe(page) == []
        page.get_by_role("button", name="Import it").click()
        page.get_by_role("status").filter(has_text="1 changed the registry").wait_for()
