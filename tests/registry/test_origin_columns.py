"""Where things come from in a registry file: imported, and exported as the same."""

from __future__ import annotations

import csv
from io import StringIO
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.profiles import examples
from support.registry import Registry

CELLS = ",".join(f"cell.id.{n}" for n in range(1, 15))
IDS = ",".join(f"K{n}" for n in range(1, 15))


def prepare(registry: Registry) -> None:
    """Register what files of these tests refer to."""
    from flexmeasures_pms.registry.editing.batches import register_batch
    from flexmeasures_pms.registry.editing.parties import register_party
    from flexmeasures_pms.registry.editing.products import register_product
    from flexmeasures_pms.registry.editing.writer import editing

    with editing(registry.account_id, registry.author) as changeset:
        register_party(changeset, "PT Sel Surya", roles=["supplier"])
        register_party(changeset, "O'Neill, Sons; Co")
        for kind in ("case", "cell-block", "acquisition-board", "cabinet", "pms", "ehub"):
            product = register_product(changeset, kind, "ACME", "P1", "v3")
            register_batch(changeset, product, "L1", supplier="PT Sel Surya")
            register_product(changeset, kind, "Other", "1E5")


def imported(registry: Registry, text: str, **rules: Any) -> Any:
    from flexmeasures_pms.registry.importing.importer import import_file
    from flexmeasures_pms.registry.importing.rows import ImportRules

    return import_file(
        registry.account_id, text.encode(), author=registry.author, rules=ImportRules(**rules)
    )


def exported(registry: Registry) -> str:
    from flexmeasures_pms.registry.importing.export import export

    return export(registry.account_id)


def origins(registry: Registry) -> dict[str, dict[str, Any]]:
    """What is known of things by their ids, without what is not."""
    from flexmeasures.data import db

    query = sa.text("""
        SELECT t.ident, p.vendor AS product, b.lot AS batch, o.serial, o.made_on::text,
            s.name AS supplier, o.purchase, o.purchased_on::text, o.warranty_until::text
        FROM pms_origin o JOIN pms_trackable t ON t.id = o.trackable_id
        LEFT JOIN pms_product p ON p.id = o.product_id LEFT JOIN pms_batch b ON b.id = o.batch_id
        LEFT JOIN pms_party s ON s.id = o.supplier_id WHERE o.account_id = :id""")
    found = db.session.execute(query, {"id": registry.account_id})
    rows = (dict(row._mapping) for row in found)
    return {row.pop("ident"): {n: v for n, v in row.items() if v is not None} for row in rows}


def test_a_file_says_where_all_things_of_a_line_come_from(registry: Registry) -> None:
    prepare(registry)
    header = f"pack.id,pack.product,pack.serial,board.id,board.batch,board.product,{CELLS}"
    line = f"1,acme p1 V3,[007],B1,L9,ACME P1 v3,{IDS}"
    more = "cell.product,cell.batch,cell.batch.3,cell.purchased,cell.purchased.3"
    text = f"{header},{more}\n{line},ACME P1 v3,L1,L2,2024-05-31,2024-06-01\n"
    result = imported(registry, text)
    assert [str(line) for line in result.faults] == []
    said = [str(line) for line in result.change.lines]
    assert said == ["Line 2: Registered case 1 and 17 other things with it."]
    known = origins(registry)
    assert known["1"] == {"product": "ACME", "serial": "007"}
    assert known["B1"] == {"batch": "L9"}
    assert known["K3"] == {"batch": "L2", "purchased_on": "2024-06-01"}
    assert known["K14"] == {"batch": "L1", "purchased_on": "2024-05-31"}
    again = imported(registry, text)
    assert (again.changed, again.same, again.change.lines) == (0, 1, ())


def test_what_is_added_to_known_things_is_said_in_short(registry: Registry) -> None:
    prepare(registry)
    imported(registry, f"pack.id,{CELLS}\n1,{IDS}\n")
    text = f"pack.id,pack.serial,{CELLS},cell.product,cell.batch\n1,5,{IDS},ACME P1 v3,L1\n"
    from flexmeasures_pms.registry.importing.importer import import_file

    tried = import_file(registry.account_id, text.encode(), author=registry.author, dry_run=True)
    assert origins(registry) == {}
    assert [str(line) for line in tried.summary.details] == [
        "Would add to case 1: serial number 5.",
        "Would add to cell block K1 and 13 other things: product ACME P1 v3, batch L1.",
    ]
    assert imported(registry, text).changed == 1
    assert len(origins(registry)) == 15


FAULTS = [
    ("pack.id,board.serial\n1,7\n", "board.serial needs the board.id that it belongs to."),
    ("pack.id,cell.batch\n1,7\n", "cell.batch needs the cell.id that it belongs to."),
    ("pack.id,cell.id.1,cell.batch.2\n1,K1,7\n", "cell.batch.2 needs the cell.id.2"),
    ("pack.id,pack.made\n1,31.5.2024\n", "pack.made: '31.5.2024' is not a day such as"),
    ("pack.id,pack.product\n1,ACME P1\n", "No product 'ACME P1' of kind case is registered."),
    ("pack.id,pack.supplier\n1,Nobody\n", "No party 'Nobody' is registered"),
    ("pack.id,pack.batch\n1,L7\n", "No batch 'L7' of kind case is registered"),
    ("pack.id,pack.made,pack.purchased\n1,2024-02-02,2024-02-01\n", "The days contradict"),
]


@pytest.mark.parametrize(("text", "problem"), FAULTS)
def test_a_fault_is_told_with_its_line_and_nothing_is_written(
    registry: Registry, text: str, problem: str
) -> None:
    prepare(registry)
    result = imported(registry, text)
    (fault,) = result.faults
    assert problem in str(fault)
    assert str(fault).startswith("Line 2: ")
    assert (result.written, registry.whole.entries, origins(registry)) == (False, {}, {})


def test_a_line_that_contradicts_can_be_left_out_alone(registry: Registry) -> None:
    prepare(registry)
    text = "pack.id,pack.product,pack.batch\n1,ACME P1 v3,L5\n"
    imported(registry, text)
    text += "2,ACME P1 v3,L6\n"
    result = imported(registry, text.replace("L5", "L7"), skip_faulty=True)
    (fault,) = result.faults
    assert "registered with batch L5, not L7" in str(fault)
    assert origins(registry) == {"1": {"batch": "L5"}, "2": {"batch": "L6"}}
    from flexmeasures.data import db

    lots = db.session.scalars(
        sa.text("SELECT lot FROM pms_batch WHERE account_id = :id"), {"id": registry.account_id}
    )
    assert "L7" not in list(lots)


def test_a_misspelled_column_is_refused_and_a_registry_without_origins_has_none(
    registry: Registry,
) -> None:
    from flexmeasures_pms.errors import RegistryError

    with pytest.raises(RegistryError, match=r"pack.suplier \(did you mean pack.supplier\?\)"):
        imported(registry, "pack.id,pack.suplier\n1,X\n")
    imported(registry, "pack.id\n1\n")
    assert "product" not in exported(registry)


VALUES = {
    "product": st.sampled_from(["ACME P1 v3", "Other 1E5"]),
    "batch": st.sampled_from(["L1", "0042", "1-2"]),
    "serial": st.sampled_from(["007", "1E5", "=1+1", "a;b", "Ü-1"]),
    "made": st.sampled_from(["2024-01-01", "2024-01-02"]),
    "supplier": st.sampled_from(["PT Sel Surya", "O'Neill, Sons; Co"]),
    "purchase": st.sampled_from(["PO-1", "0815"]),
    "purchased": st.sampled_from(["2024-05-31", "2024-06-01"]),
    "warranty_until": st.sampled_from(["2034-05-31", "2031-01-01"]),
}
DETAILS = st.fixed_dictionaries({}, optional=VALUES).map(
    lambda d: d if "product" in d else {n: v for n, v in d.items() if n != "batch"}
)
THINGS = ("pack", "board", "cabinet", "ehub", "pms", "cell.1", "cell.2", "spare")


@settings(
    max_examples=examples(12),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.dictionaries(st.sampled_from(THINGS), DETAILS))
def test_what_is_exported_is_imported_as_the_same(
    two_registries: Any, known: dict[str, dict[str, str]]
) -> None:
    registry, other = two_registries()
    prepare(registry)
    prepare(other)
    ids = {
        "pack.id": "1", "board.id": "B1", "cabinet.id": "C1", "ehub.id": "E1", "pms.id": "P1",
        "cell.id.1": "K1", "cell.id.2": "K2", "dock": "3",
    }  # fmt: skip
    line, spare = dict(ids), {"spare.kind": "acquisition-board", "spare.id": "S1"}
    for thing, details in known.items():
        of = spare if thing == "spare" else line
        name, _dot, number = thing.partition(".")
        of |= {".".join(filter(None, (name, e, number))): text for e, text in details.items()}
    columns = list(dict.fromkeys([*line, *spare]))
    file = StringIO()
    writer = csv.DictWriter(file, columns)
    writer.writeheader()
    writer.writerows([line, spare])
    first = imported(registry, file.getvalue())
    assert [str(fault) for fault in first.faults] == []
    text = exported(registry)
    again = imported(registry, text)
    assert ([str(fault) for fault in again.faults], again.changed) == ([], 0)
    copied = imported(other, text)
    assert [str(fault) for fault in copied.faults] == []
    assert origins(other) == origins(registry)
    assert exported(other) == text
