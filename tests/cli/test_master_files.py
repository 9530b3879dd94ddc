"""Files of parties, products and batches, and of where things come from, by command."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Organisation
from flask.testing import FlaskCliRunner
from support.commands import Command

Write = Callable[[str, str], Path]

FILES = {
    "parties": (
        "name,roles,email,address,remark\n"
        '"PT Sel, Surya","supplier, service company",a@b.example,Jalan 1; Bandung,\n'
        "0815,,,,[1E5]\n"
    ),
    "products": (
        "kind,vendor,model,revision,datasheet,parameter.rated_capacity_Ah,Parameter.chemistry\n"
        "cell-block,ACME,LF280K,v3,https://acme.example/a.pdf,280,LFP\n"
        "case,ACME,0048,,,3.65,\n"
    ),
    "batches": (
        "product,kind,lot,made,supplier,purchase\n"
        'ACME LF280K v3,cell-block,[0042],[2024-07-01],"PT Sel, Surya",PO-7\n'
        "acme 0048,,L1,,,\n"
    ),
}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def run(name: str, text: str) -> Path:
        path = tmp_path / f"{name}.csv"
        path.write_text(text)
        return path

    return run


@pytest.fixture
def owner(
    organisation: Organisation, other_organisation: Organisation, nobody_else: None
) -> Organisation:
    return organisation


def listed(pms: Command, what: str, owner: Organisation) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(pms(what, "--account", owner.id, "--json").stdout)
    return [{name: value for name, value in one.items() if name != "id"} for one in found]


def test_files_are_imported_once_and_exported_as_the_same(
    pms: Command, owner: Organisation, other_organisation: Organisation, write: Write
) -> None:
    for what, text in FILES.items():
        command = (f"import-{what}", write(what, text), "--account", owner.id)
        dry = pms(*command, "--dry-run").stdout
        assert "Would register " in dry
        assert dry.endswith("2 lines: 2 would change the registry, 0 say what it has.\n")
        assert listed(pms, what, owner) == []
        pms(*command, "--yes")
        again = pms(*command).stdout
        assert again == "2 lines: 0 changed the registry, 2 say what it has.\n"
    (cells, case) = sorted(listed(pms, "products", owner), key=lambda p: -len(p["kind"]))
    assert cells["parameters"] == {"rated_capacity_Ah": 280, "chemistry": "LFP"}
    assert (case["name"], case["parameters"]) == ("ACME 0048", {"rated_capacity_Ah": 3.65})
    other = ("--account", other_organisation.id)
    for what in FILES:
        text = pms(f"export-{what}", "--account", owner.id).stdout
        file = write(what, text)
        assert ": 0 changed" in pms(f"import-{what}", file, "--account", owner.id).stdout
        pms(f"import-{what}", file, *other, "--yes")
        assert listed(pms, what, other_organisation) == listed(pms, what, owner)
        assert pms(f"export-{what}", *other).stdout == text


FAULTS = [
    ("parties", "name,roles\nX,thief\n", "Line 2: 'thief' is no role of a party"),
    ("parties", "name\nX,Y\n", "has 2 fields"),
    ("parties", "name,shoe size\nX,1\n", "The header has unknown columns: shoe size."),
    ("parties", "roles\nsupplier\n", "The header lacks columns: name."),
    ("parties", "name,phone\nX,1\nx,2\n", "Line 3: Party X is registered with phone 1, not 2"),
    ("products", "kind,vendor,model\nshoe,A,B\n", "Line 2: 'shoe' is not a kind"),
    ("products", "kind,vendor,model,parameter.a b\ncase,A,B,1\n", "can't be the name"),
    ("products", "kind,vendor,model\ncase,,B\n", "Line 2: vendor is empty."),
    ("batches", "product,lot\nA B,1\n", "Line 2: No product 'A B' is registered"),
    ("batches", "product,kind,lot\nA B,shoe,1\n", "Line 2: 'shoe' is not a kind"),
    ("batches", "product,lot,made\nA B,1,\x00\n", "registered"),
]


@pytest.mark.parametrize(("what", "text", "problem"), FAULTS)
def test_a_faulty_file_is_refused_as_a_whole(
    runner: FlaskCliRunner,
    pms: Command,
    owner: Organisation,
    write: Write,
    what: str,
    text: str,
    problem: str,
) -> None:
    args = ["pms", f"import-{what}", str(write(what, text)), "--account", str(owner.id), "--yes"]
    result = runner.invoke(args=args)
    assert result.exit_code == 1
    assert problem in " ".join(result.stderr.split())
    assert result.stdout == ""
    assert listed(pms, what, owner) == []


def test_nothing_is_imported_where_nobody_answers(
    runner: FlaskCliRunner, pms: Command, owner: Organisation, write: Write
) -> None:
    file = write("parties", FILES["parties"])
    args = ["pms", "import-parties", str(file), "--account", str(owner.id)]
    result = runner.invoke(args=args, input="n\n")
    assert result.exit_code == 1
    assert "Nothing was imported" in result.stderr
    assert listed(pms, "parties", owner) == []


def test_a_registry_file_with_origins_is_imported_in_batches_and_exported(
    pms: Command, owner: Organisation, write: Write
) -> None:
    account = ("--account", owner.id)
    for what, text in FILES.items():
        pms(f"import-{what}", write(what, text), *account, "--yes")
    lines = "".join(f"{n},ACME 0048,S{n},C{n},[0042],2024-08-01\n" for n in range(1, 121))
    header = "pack.id,pack.product,pack.serial,cell.id.1,cell.batch,cell.purchased\n"
    file = write("site", header + lines)
    dry = pms("import-registry", file, *account, "--dry-run").stdout
    assert "Line 2: Would register case 1 and 1 other thing with it." in dry
    assert "120 new cases, 120 new parts" in dry
    pms("import-registry", file, *account, "--yes")
    again = pms("import-registry", file, *account).stdout
    assert again == "120 lines: 0 changed the registry, 120 say what it has.\n"
    text = pms("export-registry", *account).stdout
    head, first, *_ = text.splitlines()
    assert head.endswith("pack.product,pack.serial,cell.product,cell.batch,cell.purchased")
    assert first.endswith("ACME 0048,S1,ACME LF280K v3,[0042],[2024-08-01]")
    assert ": 0 changed" in pms("import-registry", write("out", text), *account).stdout
    of_lot = {b["lot"]: b["things"] for b in listed(pms, "batches", owner)}
    assert of_lot == {"0042": 120, "L1": 0}
