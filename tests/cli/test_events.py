"""What a business event carries, as typed: its cause, who did it, documents and findings."""

from __future__ import annotations

import json
from typing import Any

import pytest
from conftest import Organisation
from support.commands import Command, Failure

pytestmark = pytest.mark.usefixtures("nobody_else")

NOTHING = {"cause": None, "code": None, "person": None, "document": None, "details": None}
BY = ("--by", "A. Name", "--document", "WO-1234")


@pytest.fixture
def board(pms: Command, organisation: Organisation) -> str:
    for case in ("269", "270"):
        pms("register-case", case, "--account", organisation.id)
    pms("install", "B269", "--into", "269", "--kind", "acquisition-board")
    return "B269"


def recorded(pms: Command, ident: str) -> list[dict[str, Any]]:
    """What the history has of each transaction, without what all of them have."""
    transactions = json.loads(pms("history", ident, "--json").stdout)["transactions"]
    return [{"verb": t["verb"], **{name: t[name] for name in NOTHING}} for t in transactions]


def test_a_swap_carries_its_cause_who_did_it_and_the_document(pms: Command, board: str) -> None:
    pms("swap", board, "B300", "--cause", "fault", "--code", "OV-3", *BY)
    event = {"cause": "fault", "code": "OV-3", "person": "A. Name", "document": "WO-1234"}
    assert recorded(pms, board)[-1] == {"verb": "swapped", **event, "details": None}
    assert recorded(pms, "B300")[-1] == {"verb": "swapped", **event, "details": None}
    assert recorded(pms, board)[0] == {"verb": "procured", **NOTHING}
    text = " ".join(pms("history", board).stdout.split())
    assert "; cause fault OV-3; done by A. Name; document WO-1234" in text


CAUSES = [
    (("install", "B9", "--into", "270", "--kind", "acquisition-board"), "B9", "upgrade"),
    (("remove", "B269"), "B269", "recall"),
    (("retire", "B269"), "B269", "recall"),
    (("ship", "B269"), "B269", "planned"),
    (("service", "B269", "--note", "cleaned"), "B269", "planned"),
]


@pytest.mark.parametrize(("command", "ident", "cause"), CAUSES, ids=[c[0][0] for c in CAUSES])
def test_each_change_can_carry_a_cause(
    pms: Command, board: str, command: tuple[str, ...], ident: str, cause: str
) -> None:
    pms(*command, "--cause", cause, *BY)
    last = recorded(pms, ident)[-1]
    assert (last["cause"], last["person"], last["document"]) == (cause, "A. Name", "WO-1234")


def test_a_service_keeps_findings_and_measurements(pms: Command, board: str) -> None:
    found = ("--finding", "corrosion at cell 3", "--finding", "loose screw")
    measured = ("--measured", "cell 3 mΩ=4.2", "--measured", "screws=4", "--measured", "smell=none")
    pms("service", board, "--note", "cleaned", *found, *measured)
    assert recorded(pms, board)[-1]["details"] == {
        "findings": ["corrosion at cell 3", "loose screw"],
        "measured": {"cell 3 mΩ": 4.2, "screws": 4, "smell": "none"},
    }
    text = " ".join(pms("history", board).stdout.split())
    assert "(cleaned); found: corrosion at cell 3; found: loose screw; measured: " in text
    for measurement in ("cell 3 mΩ 4.2", "screws 4", "smell none"):
        assert f"; measured: {measurement}" in text


WRONG = [
    (("--code", "OV-3"), "A code belongs to a fault"),
    (("--cause", "upgrade", "--code", "OV-3"), "A code belongs to a fault"),
    (("--cause", "weather"), "'--cause'"),
    (("--by", "x" * 201), "longer than 200 characters: who did it"),
    (("--document", "a\x1bb"), "control characters: document"),
    (("--measured", "volts"), "'volts' is not written as name=value"),
    (("--measured", "a=1", "--measured", "a=2"), "'a' was measured twice"),
    (("--measured", "a="), "'a=' is not written as name=value"),
    (("--measured", "a=" + "9" * 400), "longer than 200 characters: measurements"),
    (tuple(x for n in range(21) for x in ("--finding", f"f{n}")), "more than 20: findings"),
]


@pytest.mark.parametrize(("options", "said"), WRONG, ids=range(len(WRONG)))
def test_what_an_event_cannot_carry_is_refused_and_nothing_is_recorded(
    pms: Command, fails: Failure, board: str, options: tuple[str, ...], said: str
) -> None:
    before = recorded(pms, board)
    assert said in fails("service", board, "--note", "cleaned", *options)
    assert recorded(pms, board) == before


def test_what_is_installed_is_not_returned(pms: Command, fails: Failure, board: str) -> None:
    refused = fails("return", board, "--cause", "recall")
    assert "is in case 269 then: use `remove B269 --kind acquisition-board` first" in refused
    pms("remove", board, "--kind", "acquisition-board")
    said = pms("return", board, "--cause", "recall").stdout
    assert said == "Entered that acquisition board B269 was returned.\n"
    assert [(t["verb"], t["cause"]) for t in recorded(pms, board)][-2:] == [
        ("removed", None),
        ("returned", "recall"),
    ]


def test_what_is_shipped_stays_where_it_is(pms: Command, board: str) -> None:
    said = pms("ship", board, "--document", "DN-17").stdout
    assert said == "Entered that acquisition board B269 was shipped.\n"
    assert json.loads(pms("lookup", board, "--json").stdout)["case"] == "269"
    assert recorded(pms, board)[-1]["document"] == "DN-17"
