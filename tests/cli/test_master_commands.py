"""Products, parties, batches and origins, by command."""

from __future__ import annotations

import json
from typing import Any

import pytest
import sqlalchemy as sa
from conftest import Organisation
from flask.testing import FlaskClient, FlaskCliRunner
from support.commands import Command, Failure
from support.session import log_in

Rows = list[dict[str, Any]]


@pytest.fixture
def site(
    pms: Command, organisation: Organisation, other_organisation: Organisation, nobody_else: None
) -> Organisation:
    """A case with a board, a supplier and a product of each."""
    account = ("--account", organisation.id)
    pms("register-case", "269", "--board", "B269", "--cell-block", "C1", *account)
    pms("register-party", "PT Sel Surya", "--role", "supplier", *account)
    pms("register-product", "ACME", "P48", "--kind", "case", *account)
    pms(
        *("register-product", "ACME", "LF280K", "v3", "--kind", "cell-block", *account),
        *("--parameter", "rated_capacity_Ah=280", "--parameter", "chemistry=LFP"),
    )
    return organisation


def rows(table: str, owner: Organisation) -> Rows:
    from flexmeasures.data import db

    db.session.rollback()
    query = sa.text(f"SELECT * FROM {table} WHERE account_id = :id ORDER BY 1")
    return [dict(row._mapping) for row in db.session.execute(query, {"id": owner.id})]


def state(owner: Organisation) -> dict[str, int]:
    """How many rows there are of all that a change could write."""
    tables = ("party", "product", "batch", "origin", "master_transaction", "transaction")
    return {name: len(rows(f"pms_{name}", owner)) for name in tables}


def origin(owner: Organisation) -> dict[str, Any]:
    """What is stored of the one thing of which the origin is known."""
    (found,) = rows("pms_origin", owner)
    return {
        name: str(value)
        for name, value in found.items()
        if value is not None and not name.endswith("_id")
    }


def unwrapped(text: str) -> str:
    return " ".join(text.split())


def listed(pms: Command, what: str, owner: Organisation) -> Rows:
    found: Rows = json.loads(pms(what, "--account", owner.id, "--json").stdout)
    return [{name: v for name, v in one.items() if name != "id"} for one in found]


def test_a_party_is_registered_once_and_gets_what_it_lacks(
    pms: Command, site: Organisation
) -> None:
    command = ("register-party", "PT Sel  Surya ", "--account", site.id)
    assert pms(*command).stdout == "Party PT Sel Surya is registered already.\n"
    before = state(site)
    said = pms(*command, "--role", "service company", "--email", "a@b.example").stdout
    assert said == (
        "Added to party PT Sel Surya: e-mail a@b.example, roles supplier, service\n  company.\n"
    )
    assert pms(*command, "--role", "supplier", "--email", "A@b.example").stdout.endswith(
        "is registered already.\n"
    )
    assert state(site) == before | {"master_transaction": before["master_transaction"] + 1}
    assert listed(pms, "parties", site) == [
        {
            "name": "PT Sel Surya",
            "roles": ["supplier", "service company"],
            "email": "a@b.example",
        }
    ]


def test_a_product_has_parameters_and_what_contradicts_is_refused(
    pms: Command, fails: Failure, site: Organisation
) -> None:
    command = ("register-product", "acme", "lf280k", "V3", "--kind", "cell-block")
    account = ("--account", site.id)
    pms(*command, "--parameter", "mass_kg=5.4", "--parameter", "rated_capacity_Ah=280.0", *account)
    expected = {"rated_capacity_Ah": 280, "chemistry": "LFP", "mass_kg": 5.4}
    by_kind = {p["kind"]: p for p in listed(pms, "products", site)}
    assert by_kind["cell-block"]["parameters"] == expected
    assert by_kind["cell-block"]["name"] == "ACME LF280K v3"
    before = state(site)
    refused = fails(*command, "--parameter", "rated_capacity_Ah=282", *account)
    assert refused == (
        "Product ACME LF280K v3 is registered with rated_capacity_Ah 280, not 282: change it "
        "with `correct-product 'ACME LF280K v3' --kind cell-block … --note …`."
    )
    assert state(site) == before
    correct = ("correct-product", "ACME LF280K v3", *account, "--note", "new datasheet")
    said = pms(*correct, "--parameter", "rated_capacity_Ah=282", "--unknown", "mass_kg").stdout
    assert said == "Corrected product ACME LF280K v3: rated_capacity_Ah 282, mass_kg -.\n"
    by_kind = {p["kind"]: p for p in listed(pms, "products", site)}
    assert by_kind["cell-block"]["parameters"] == {"rated_capacity_Ah": 282, "chemistry": "LFP"}
    last = rows("pms_master_transaction", site)[-1]
    assert (last["verb"], last["kind"], last["note"]) == (
        "corrected",
        "product",
        "new datasheet",
    )
    assert last["before"]["parameters"]["rated_capacity_Ah"] == 280
    assert last["after"]["parameters"]["rated_capacity_Ah"] == 282


def test_a_thing_gets_where_it_comes_from_piece_by_piece(pms: Command, site: Organisation) -> None:
    said = pms("procure", "C1", "--product", "acme LF280K v3", "--serial", "00341").stdout
    assert said == "Added to cell block C1: product ACME LF280K v3, serial number 00341.\n"
    said = pms(
        *("procure", "C1", "--batch", "L7", "--supplier", "pt sel surya", "--purchase", "PO-1"),
        *("--made", "2024-07-01", "--purchased", "2024-08-12", "--warranty-until", "2034-08-12"),
    ).stdout
    assert said.startswith("Registered batch L7 (ACME LF280K v3).\nAdded to cell block C1: batch")
    assert origin(site) == {
        "serial": "00341",
        "made_on": "2024-07-01",
        "purchase": "PO-1",
        "purchased_on": "2024-08-12",
        "warranty_until": "2034-08-12",
    }
    before = state(site)
    again = pms("procure", "C1", "--batch", "l7", "--serial", "00341", "--made", "2024-07-01")
    assert again.stdout == "Cell block C1 has these details already.\n"
    assert state(site) == before
    told = [(t["verb"], t["after"]) for t in rows("pms_transaction", site) if t["ident"] == "C1"]
    assert [verb for verb, after in told if "origin" in (after or {})] == ["updated", "procured"]
    history = pms("history", "C1").stdout
    assert "updated cell block C1: product ACME LF280K v3, serial number 00341," in unwrapped(
        history
    )
    assert listed(pms, "batches", site)[0]["things"] == 1


def test_what_its_batch_says_holds_and_is_not_repeated(pms: Command, site: Organisation) -> None:
    batch = ("L7", "--product", "ACME LF280K v3", "--account", site.id)
    pms("register-batch", *batch, "--made", "2024-07-01", "--supplier", "PT Sel Surya")
    pms("procure", "C1", "--batch", "L7", "--supplier", "PT Sel Surya", "--serial", "1")
    assert origin(site) == {"serial": "1"}
    (row,) = rows("pms_origin", site)
    assert row["batch_id"] and row["product_id"] is None and row["supplier_id"] is None
    said = pms("correct-batch", *batch, "--made", "2024-07-03", "--note", "label").stdout
    assert said == (
        "Corrected batch L7 (ACME LF280K v3): made 2024-07-03.\nIt holds for 1 thing.\n"
    )


def test_a_batch_is_not_made_after_its_things_were_bought(
    pms: Command, fails: Failure, site: Organisation
) -> None:
    batch = ("L7", "--product", "ACME LF280K v3", "--account", site.id)
    pms(
        "procure", "C1", "--product", "ACME LF280K v3", "--batch", "L7", "--purchased", "2024-05-01"
    )
    before = state(site)
    said = fails("register-batch", *batch, "--made", "2024-05-02")
    assert said.endswith("can't be made 2024-05-02: 1 thing of it came before.")
    assert "came before" in fails("correct-batch", *batch, "--made", "2024-05-02", "--note", "x")
    assert state(site) == before
    pms("register-batch", *batch, "--made", "2024-05-01")


def test_the_page_of_a_thing_tells_what_was_said_of_it(
    pms: Command, client: FlaskClient, site: Organisation
) -> None:
    pms("procure", "269", "--product", "ACME P48", "--serial", "1", "--supplier", "PT Sel Surya")
    pms("correct-origin", "269", "--serial", "2", "--note", "x")
    page = log_in(client, site).get("/pms/registry/case/269").get_data(as_text=True)
    shown = unwrapped(page)
    assert "Added to case 269: product ACME P48, serial number 1, supplier PT Sel Surya." in shown
    assert "Corrected case 269: serial number 2 (was: serial number 1)." in shown


REFUSED = [
    (("procure", "C1", "--product", "ACME LF280"), "Did you mean ACME LF280K v3?"),
    (("procure", "C1", "--product", "ACME P48"), "of kind cell block is registered"),
    (("procure", "C1", "--supplier", "PT Sel"), "No party 'PT Sel' is registered"),
    (("procure", "C1", "--batch", "L9"), "No batch 'L9' of kind cell block is registered"),
    (("procure", "C1", "--made", "2024-13-01"), "'2024-13-01' is not a day such as"),
    (("procure", "C1", "--made", "1066-10-14"), "use a day from 1990-01-01 until"),
    (("procure", "C1", "--purchased", "2999-01-01"), "use a day from 1990-01-01 until"),
    (
        ("procure", "C1", "--made", "2024-02-02", "--purchased", "2024-02-01"),
        "The days contradict: made 2024-02-02, purchased 2024-02-01",
    ),
    (("procure", "C1"), "Say where it comes from"),
    (("procure", "C1", "--serial", "x" * 81), "longer than 80 characters"),
    (("procure", "C1", "--serial", "7"), "with serial number 1, not 7"),
    (("correct-origin", "C1", "--note", "x"), "Say what to correct"),
    (("correct-origin", "C1", "--unknown", "colour", "--note", "x"), "can't be unknown"),
    (("register-product", "A", "B", "--kind", "case", "--datasheet", "ftp://x"), "https://"),
    (("register-product", "A", "B", "--kind", "case", "--parameter", "a b=1"), "can't be the name"),
    (("register-product", "A", "B", "--kind", "case", "--parameter", "a"), "not such as"),
    (("register-product", "A", "B", "--kind", "case", "--parameter", "a=1e999"), "neither"),
    (("register-product", "a" * 50, "b" * 50, "--kind", "case"), "80 characters together"),
    (("register-party", " "), "The name is empty"),
    (("register-party", "X", "--email", "nobody"), "not an e-mail address"),
]


@pytest.mark.parametrize(("command", "problem"), REFUSED)
def test_what_can_not_be_is_refused_and_nothing_changes(
    pms: Command, fails: Failure, site: Organisation, command: tuple[str, ...], problem: str
) -> None:
    pms("procure", "C1", "--serial", "1")
    before = state(site)
    assert problem in fails(*command, "--account", site.id)
    assert state(site) == before


def test_a_correction_replaces_and_forgets(
    pms: Command, fails: Failure, site: Organisation
) -> None:
    batch = ("L7", "--product", "ACME LF280K v3", "--account", site.id)
    pms("register-batch", *batch, "--supplier", "PT Sel Surya")
    pms("procure", "C1", "--batch", "L7", "--serial", "00341", "--purchased", "2024-08-12")
    why = ("--note", "digits swapped")
    said = pms("correct-origin", "C1", "--serial", "00314", "--unknown", "purchased", *why).stdout
    assert said == "Corrected cell block C1: serial number 00314, purchased -.\n"
    assert origin(site) == {"serial": "00314"}
    said = fails("correct-origin", "C1", "--unknown", "supplier", *why)
    assert said.startswith("Cell block C1 has supplier PT Sel Surya by its batch L7 (ACME LF280K")
    pms("correct-origin", "C1", "--unknown", "batch", *why)
    (row,) = rows("pms_origin", site)
    assert row["batch_id"] is None and row["product_id"] is not None
    last = [t for t in rows("pms_transaction", site) if t["ident"] == "C1"][-1]
    assert last["verb"] == "corrected"
    assert last["before"]["origin"]["batch"] == "L7"
    assert "batch" not in last["after"]["origin"]
    assert last["note"] == "digits swapped"


def test_a_name_can_be_corrected_and_then_is_free(pms: Command, site: Organisation) -> None:
    account = ("--account", site.id)
    pms("correct-party", "PT Sel Surya", "--name", "PT Surya Sel", "--note", "x", *account)
    pms("register-party", "PT Sel Surya", *account)
    assert [p["name"] for p in listed(pms, "parties", site)] == ["PT Sel Surya", "PT Surya Sel"]
    why = ("--note", "x", *account)
    pms("correct-product", "ACME P48", "--revision", "C", *why)
    pms("correct-product", "ACME P48 C", "--vendor", "Acme Ltd", "--unknown", "revision", *why)
    assert "Acme Ltd P48" in [p["name"] for p in listed(pms, "products", site)]


def test_nothing_has_an_earlier_number_than_what_it_refers_to(
    pms: Command, site: Organisation
) -> None:
    pms("register-product", "X", "Y", "--kind", "acquisition-board", "--account", site.id)
    pms("procure", "B269", "--product", "X Y", "--batch", "L1", "--supplier", "PT Sel Surya")
    records = rows("pms_master_transaction", site)
    of_batch = next(t["id"] for t in records if t["kind"] == "batch")
    of_product = next(t["id"] for t in records if t["name"] == "X Y")
    things = rows("pms_transaction", site)
    of_origin = next(t["id"] for t in things if "origin" in (t["after"] or {}))
    assert of_product < of_batch < of_origin


def test_an_organisation_neither_sees_nor_uses_what_is_of_another(
    pms: Command, fails: Failure, site: Organisation, other_organisation: Organisation
) -> None:
    account = ("--account", other_organisation.id)
    assert pms("parties", *account).stdout == "No party is registered.\n"
    assert listed(pms, "products", other_organisation) == []
    pms("register-case", "500", "--cell-block", "C500", *account)
    assert "No product" in fails("procure", "500", "--product", "ACME P48")
    assert "No party" in fails("procure", "500", "--supplier", "PT Sel Surya")
    assert "No product" in fails("register-batch", "L1", "--product", "ACME P48", *account)
    pms("procure", "C1", "--product", "ACME LF280K v3", "--batch", "L7")
    assert "No batch" in fails("procure", "C500", "--batch", "L7")
    pms("register-party", "PT Sel Surya", "--phone", "1", *account)
    assert "phone" not in listed(pms, "parties", site)[0]


def test_all_goes_with_its_organisation(
    pms: Command, runner: FlaskCliRunner, site: Organisation
) -> None:
    pms("procure", "C1", "--product", "ACME LF280K v3", "--batch", "L7")
    result = runner.invoke(args=["delete", "account", "--id", str(site.id), "--force"])
    assert result.exit_code == 0, result.output
    assert set(state(site).values()) == {0}


def test_lists_fit_a_terminal(pms: Command, site: Organisation) -> None:
    account = ("--account", site.id)
    pms("register-party", "PT Sel Surya", "--address", "Jalan " * 40, *account)
    pms("procure", "C1", "--product", "ACME LF280K v3", "--batch", "L7")
    printed = [pms(what, *account).stdout for what in ("parties", "products", "batches")]
    assert all(len(line) <= 80 for text in printed for line in text.splitlines())
    assert printed[2] == "L7: cell block ACME LF280K v3, 1 thing\n"
    assert "chemistry LFP, rated_capacity_Ah 280" in printed[1]
