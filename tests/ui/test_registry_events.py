"""What a business event carries, by form: its cause, who did it, documents and findings."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from support.forms import submit
from support.registry_forms import build, confirmed, entered, form, in_indonesian, text_of
from support.session import log_in
from support.site import Site

from flexmeasures_pms.registry.editing import orders
from flexmeasures_pms.registry.editing.change import Author
from flexmeasures_pms.registry.editing.event import BusinessEvent
from flexmeasures_pms.registry.editing.order import Order

HOSTILE = "<script>alert(1)</script>"
BOARD = ("acquisition-board", "B269")


@pytest.fixture
def site(organisation: Organisation) -> Site:
    return build(organisation)


@pytest.fixture
def member(client: FlaskClient, organisation: Organisation, site: Site) -> FlaskClient:
    return log_in(client, organisation)


def carried(site: Site, verb: str) -> list[tuple[Any, ...]]:
    found = [t for t in entered(site.account_id) if t.verb == verb]
    return [(t.cause, t.code, t.person, t.document, t.details) for t in found]


def test_a_swap_is_entered_with_its_cause(member: FlaskClient, site: Site) -> None:
    page = form(member, *BOARD, "swap")
    confirmed(
        member, page, new="B300", cause="fault", code="OV-3", person="A. Name", document="WO-1"
    )
    assert carried(site, "swapped") == [("fault", "OV-3", "A. Name", "WO-1", None)] * 2
    page = text_of(member.get("/pms/registry/acquisition-board/B269"))
    for said in ("Cause: fault, code OV-3", "Done by A. Name", "Document WO-1"):
        assert said in page
    page = text_of(in_indonesian(member).get("/pms/registry/acquisition-board/B269"))
    assert "Sebab: gangguan, kode OV-3" in page


def test_what_is_not_said_of_a_swap_is_not_known(member: FlaskClient, site: Site) -> None:
    confirmed(member, form(member, *BOARD, "swap"), new="B300")
    assert carried(site, "swapped") == [(None,) * 5] * 2
    assert "Cause:" not in text_of(member.get("/pms/registry/acquisition-board/B269"))


def test_a_code_without_a_fault_is_refused_at_its_field(member: FlaskClient, site: Site) -> None:
    page = form(member, *BOARD, "swap")
    refused = submit(member, page, new="B300", cause="upgrade", code="OV-3")
    assert refused.status_code == 422
    assert 'id="field-code-error">A code belongs to a fault' in text_of(refused)
    assert carried(site, "swapped") == []
    mended = confirmed(member, text_of(refused), cause="fault")
    assert mended.status_code == 303
    assert {one[:2] for one in carried(site, "swapped")} == {("fault", "OV-3")}


def test_a_service_is_entered_with_what_was_found_and_by_whom(
    member: FlaskClient, site: Site
) -> None:
    page = form(member, "case", "269", "service")
    told: dict[str, Any] = {
        "note": "cleaned",
        "person": "A. Name",
        "findings": "corrosion\n\n loose screw ",
    }
    refused = submit(member, page, **told, measured="cell 3: 4.2")
    assert refused.status_code == 422
    assert 'id="field-measured-error"' in text_of(refused)
    assert submit(member, text_of(refused), measured="cell 3 mΩ = 4.2").status_code == 303
    details = {"findings": ["corrosion", "loose screw"], "measured": {"cell 3 mΩ": 4.2}}
    assert carried(site, "serviced") == [(None, None, "A. Name", None, details)]
    page = text_of(member.get("/pms/registry/case/269"))
    for said in ("Found: corrosion", "Found: loose screw", "Measured: cell 3 mΩ 4.2"):
        assert said in page


@pytest.mark.parametrize("action", ["remove", "retire"])
def test_what_leaves_its_place_is_entered_with_the_cause(
    member: FlaskClient, site: Site, action: str
) -> None:
    confirmed(member, form(member, *BOARD, action), cause="recall", document="RC-7")
    assert ("recall", None, None, "RC-7", None) in carried(site, "removed")


def test_changes_of_one_request_with_other_events_are_told_apart_and_hostile_text_is_text(
    member: FlaskClient, site: Site
) -> None:
    author = Author("test")
    for number, event in enumerate(
        (
            BusinessEvent("fault", HOSTILE, HOSTILE, HOSTILE, (HOSTILE,), {HOSTILE: HOSTILE}),
            BusinessEvent("recall"),
        )
    ):
        one = Author(author.name, f"service {number}", author.request_id, event)
        orders.service(Order(one, None, site.account_id), "269", kind="case")
    page = text_of(member.get("/pms/registry/case/269"))
    assert HOSTILE not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 6
    assert "Cause: recall" in page
