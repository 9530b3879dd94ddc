"""What a registry file must not do by mistake: each refusal, and its legitimate neighbour."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.registry import Registry

from flexmeasures_pms.errors import RegistryError
from flexmeasures_pms.registry.editing.odd_ids import from_spreadsheet, is_placeholder
from flexmeasures_pms.registry.importing.columns import meant_column, read_header
from flexmeasures_pms.registry.importing.spreadsheets import protected, unprotected

Load = Callable[..., Any]


@pytest.fixture
def load(registry: Registry) -> Load:
    from flexmeasures_pms.registry.editing.change import Author
    from flexmeasures_pms.registry.importing.importer import import_file
    from flexmeasures_pms.registry.importing.rows import ImportRules

    def run(*lines: str, **rules: bool) -> Any:
        data, author = "\n".join(lines).encode(), Author("tests")
        return import_file(registry.account_id, data, author=author, rules=ImportRules(**rules))

    return run


def faults(result: Any) -> list[str]:
    return [str(fault) for fault in result.faults]


@pytest.fixture
def site(registry: Registry, load: Load) -> Registry:
    """Two cabinets with a case each, and a case in store."""
    assert load(
        "pack.id,board.id,fet.board.id,pms.id,cabinet.id,dock",
        "0001,B1,F1,PMS-1,A,1",
        "0002,B2,F2,PMS-1,B,1",
        "0003,B3,F3,,,",
    ).written
    return registry


SPREADSHEET = ["241.0", "241,0", "1E+05", "1,00E+05", "6.6E+22", "=A1+B1", "#REF!", "03-Jan",
               "12/1/2026"]  # fmt: skip
PLACEHOLDERS = ["N/A", "-", "unknown", "TBD", "none", "NULL", "?", "Total", "Tidak ada", "--"]
REAL = ["-12", "241.05-A", "1E5B04", "TBD-4", "66BFF353734574E43235318", "NONE-1", "0241", "JAN-3"]


@pytest.mark.parametrize("ident", SPREADSHEET)
def test_what_a_spreadsheet_leaves_is_no_new_id(site: Registry, load: Load, ident: str) -> None:
    lines = "pack.id,board.id", f'0009,"{ident}"'
    assert faults(load(*lines)) == [
        f"Line 2: '{ident}' is what a spreadsheet makes of the id of a new acquisition board."
    ]
    assert load(*lines, spreadsheet_ids=True).written
    assert load(*lines).written, "a known id is not in doubt"


@pytest.mark.parametrize("ident", ['="0241"', "'0241", '"0241"'])
def test_quotes_that_a_spreadsheet_leaves_are_named(load: Load, ident: str) -> None:
    escaped = ident.replace('"', '""')
    (fault,) = faults(load("pack.id", f'"{escaped}"'))
    assert "is what a spreadsheet makes of the id of a new case: write 0241." in fault
    assert not load("pack.id", f'"{escaped}"', spreadsheet_ids=True).written
    assert load("pack.id", "0241").written


@pytest.mark.parametrize("ident", PLACEHOLDERS)
def test_a_placeholder_is_no_new_id(site: Registry, load: Load, ident: str) -> None:
    lines = "pack.id,pms.id", f"0009,{ident}"
    assert faults(load(*lines)) == [f"Line 2: '{ident}' is a placeholder, not the id of a new PMS."]
    assert load(*lines, placeholders=True).written
    assert load(*lines).written, "a known id is not in doubt"


@pytest.mark.parametrize("ident", REAL)
def test_real_ids_pass(load: Load, ident: str) -> None:
    assert not from_spreadsheet(ident)
    assert not is_placeholder(ident)
    assert load("pack.id", ident).written


def test_a_line_full_of_placeholders_is_one_message(load: Load) -> None:
    cells = ",".join(f"cell.id.{n}" for n in range(1, 15))
    (fault,) = faults(load(f"pack.id,{cells}", "1" + ",N/A" * 14))
    assert fault.endswith("The same holds for 13 other things of this line.")


def test_a_duplicated_line_is_one_message(load: Load) -> None:
    cells = ",".join(f"cell.id.{n}" for n in range(1, 15))
    line = "1,B1,F1," + ",".join(f"C{n}" for n in range(14)) + ",P,1"
    assert faults(load(f"pack.id,board.id,fet.board.id,{cells},pms.id,dock", line, line)) == [
        "Line 3: case 1 is on line 2 already, and 17 other things of this line are on lines "
        "before it."
    ]


def test_the_header_once_more_is_no_case(load: Load) -> None:
    header = "pack.id,board.id"
    assert faults(load(header, "1,B1", header)) == [
        "Line 3: This is the header once more: delete the line."
    ]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("borad.id", "board.id"), ("pack_id", "pack.id"), ("Pack ID", "pack.id"), ("pms", "pms.id"),
        ("boardid", "board.id"), ("cell.id.15", "cell.id.1"), ("cell_id_3", "cell.id.3"),
        ("fet_board.id", "fet.board.id"), ("duck", "dock"), ("docks", "dock"),
        ("valid from", "valid_from"), ("board.aliases", "board.alias"),
        ("cabinett.id", "cabinet.id"),
        ("notes", None), ("pack.weight", None),
        ("pack.serail", "pack.serial"), ("board.type", None), ("cabinet.no", None),
        ("location", None), ("installed by", None), ("cell.count", None), ("pms.name", None),
    ],
)  # fmt: skip
def test_a_misspelled_column_is_told_from_another(name: str, meant: str | None) -> None:
    assert meant_column(name.lower()) == meant
    if meant is None:
        assert read_header(1, ["pack.id", name]).ignored == (name.lower(),)
        return
    with pytest.raises(RegistryError, match=f"did you mean {meant}"):
        read_header(1, ["pack.id", name])


def test_only_the_case_is_needed_and_unknown_columns_are_ignored(
    registry: Registry, load: Load
) -> None:
    result = load("pack.id,notes,board.id,", '0001,"a ""remark""; =1",B1,')
    assert result.written
    assert result.ignored == ("notes",)
    assert registry.directory.find("acquisition-board", "B1") is not None


def test_a_line_that_strips_an_installed_case_is_refused(site: Registry, load: Load) -> None:
    lines = "pack.id,board.id,fet.board.id", "0009,B2,F2"
    assert faults(load(*lines)) == [
        "Line 2: It takes acquisition board B2 and 1 other thing from case 0002 in dock 1 (13 of "
        "the PMS) of cabinet B, and nothing takes their place."
    ]
    assert load(*lines, stripped_cases=True).written


@pytest.mark.parametrize(
    "lines",
    [
        ("0009,B3,,,,", "0003,,,,,"),  # from a case in store
        ("0001,B2,,,,", "0002,B1,,,,"),  # two cases exchange their boards
        ("0009,B2,F2,PMS-1,B,1",),  # another case for all that was in the old one
        ("0009,B2,,,,", "0002,B9,,,,"),  # a new board for the one that goes
        ("0002,B9,,,,",),  # a board is swapped
    ],
)
def test_a_line_that_leaves_no_installed_case_without_parts_passes(
    site: Registry, load: Load, lines: tuple[str, ...]
) -> None:
    result = load("pack.id,board.id,fet.board.id,pms.id,cabinet.id,dock", *lines)
    assert (faults(result), result.written) == ([], True)


def test_lines_that_strip_cases_can_be_left_out(site: Registry, load: Load) -> None:
    result = load("pack.id,board.id", "0009,B2", "0010,B10", skip_faulty=True)
    assert [fault.line for fault in result.faults] == [2]
    known = site.directory
    assert known.find("case", "0009") is None
    assert known.find("case", "0010") is not None


@pytest.mark.parametrize("pms", ["PMS-9", "PMS-2"])
def test_an_installed_cabinet_stays_in_its_pms(site: Registry, load: Load, pms: str) -> None:
    site.add("pms", "PMS-2")
    lines = "pack.id,pms.id,cabinet.id,dock", f"0009,{pms},A,3"
    assert faults(load(*lines)) == [
        f"Line 2: Cabinet A is installed in position 1 of PMS PMS-1, and would go to PMS {pms}."
    ]
    assert load(*lines, other_pms=True).written


def test_a_cabinet_goes_to_a_pms_if_it_is_in_none(site: Registry, load: Load) -> None:
    site.add("cabinet", "C")
    assert load("cabinet.id,pms.id,pack.id", "C,PMS-9,").written


def test_a_cabinet_is_not_put_out_of_its_pms(site: Registry, load: Load) -> None:
    columns = "pack.id,pms.id,cabinet.id,cabinet.position"
    assert faults(load(columns, ",PMS-1,C,1")) == [
        "Line 2: It takes cabinet A out of position 1 of PMS PMS-1, and puts it nowhere else."
    ]
    assert load(columns, ",PMS-1,A,2", ",PMS-1,B,1").written, "two cabinets exchange places"


def test_two_numbers_of_one_dock_are_one_dock(site: Registry, load: Load) -> None:
    columns = "pack.id,cabinet.id,dock"
    assert faults(load(columns, "0003,B,2", "0009,B,14")) == [
        "Line 3: Dock 2 of cabinet B is for case 0003 on line 2 already."
    ]
    assert load(columns, "0003,B,2", "0009,B,15").written


def test_a_number_that_may_be_two_docks_is_refused_with_both(site: Registry, load: Load) -> None:
    load("pack.id,cabinet.id,cabinet.docks", ",B,20")
    (fault,) = faults(load("pack.id,cabinet.id,dock", "0009,B,13"))
    assert fault.startswith("Line 2: Dock 13 of cabinet B may be its own dock 13, which is dock 25")
    assert "its own dock 1:" in fault
    assert load("pack.id,pms.id,dock", "0009,PMS-1,25").written


def test_a_board_by_its_other_name_is_the_same_board(site: Registry, load: Load) -> None:
    load("pack.id,board.id,board.alias", "0001,B1,ALIAS")
    (fault,) = faults(load("pack.id,board.id", "0001,B1", "0009,ALIAS"))
    assert fault == "Line 3: Line 2 has acquisition board B1 in another place than case 0009."
    assert load("pack.id,board.id", "0001,ALIAS", "0009,B9").written


def test_lines_that_contradict_each_other_about_a_cabinet_are_refused(
    site: Registry, load: Load
) -> None:
    (fault,) = faults(load("pack.id,cabinet.id,ehub.id", "0001,A,E1", "0002,A,E2"))
    assert fault == "Line 3: Cabinet A is for EHub E1 on line 2 already."
    (fault,) = faults(load("pack.id,cabinet.id,ehub.id", "0001,A,E1", "0002,B,E1"))
    assert fault == "Line 3: Line 2 has EHub E1 in another place than cabinet B."
    assert load("pack.id,cabinet.id,ehub.id", "0001,A,E1", ",A,E1").written


@pytest.mark.parametrize(
    ("columns", "line", "said"),
    [
        ("pack.id,cabinet.docks", "0009,3", "cabinet.docks needs the cabinet.id"),
        ("pack.id,cabinet.id,cabinet.position", "0009,A,3", "cabinet.position needs the pms.id"),
        ("pack.id,pms.timezone", "0009,Asia/Jakarta", "pms.timezone needs the pms.id"),
        ("pack.id,cabinet.id,ehub.id,bbc.id", "0009,A,E,B", "one controller"),
        ("pack.id,spare.kind", "0009,ehub", "spare.kind and spare.id go together"),
        ("pack.id,spare.kind,spare.id", "0009,ehub,E", "on a line of its own"),
        ("pack.id,spare.kind,spare.id", ",hub,E", "spare.kind 'hub' is none of"),
        ("pack.id,board.id,board.alias.2", "0009,,X", "board.alias needs the board.id"),
        ("pack.id,board.id", ",B9", "pack.id is empty"),
        ("pack.id,pms.id,pms.latitude,pms.longitude", ",P,x,1", "pms.latitude 'x' is not a number"),
        ("pack.id,pms.id,dock", f"0009,P,{'9' * 60}", "is not a number"),
    ],
)
def test_a_line_has_what_its_fields_need(
    site: Registry, load: Load, columns: str, line: str, said: str
) -> None:
    (fault,) = faults(load(columns, line))
    assert said in fault


@pytest.mark.parametrize(
    "text",
    [*SPREADSHEET, *PLACEHOLDERS, *REAL, "=1+1", "+1", "@SUM(A1)", "[x]", "'x", "007",
     "12345678901", "12E34", "3-1", "12:30", "TRUE", "may 5", "24 A", "PMS-01-001", "269", "É1"],
)  # fmt: skip
def test_a_spreadsheet_takes_an_id_for_text(text: str) -> None:
    written = protected(text)
    assert unprotected(written) == text
    assert written[0] not in "=+-@\t\r'"
    assert written in (text, f"[{text}]")


def test_common_ids_are_written_as_they_are() -> None:
    common = ("269", "PMS-01-001", "CAB-01-001", "66BFF353734574E43235318", "CELL-7-14", "0")
    assert [protected(text) for text in common] == list(common)


def test_a_column_without_a_name_is_told_if_it_has_something(
    registry: Registry, load: Load
) -> None:
    assert load("pack.id,,board.id", "0001,x,B1").ignored == ("#2",)
    assert load("pack.id,,board.id,remarks", "0001,,B1,x").ignored == ("remarks",)


def test_a_field_that_is_too_long_can_be_told_in_any_language(
    registry: Registry, load: Load
) -> None:
    from flexmeasures_pms.registry.messages.message import Message

    (fault,) = load("pack.id,board.id", f"0001,{'B' * 81}").faults
    assert str(fault) == "Line 2: board.id is longer than 80 characters."
    assert isinstance(fault.error.what, Message)


def test_the_id_of_an_ehub_may_be_that_of_a_bbc_too(registry: Registry, load: Load) -> None:
    cabinets = registry.add("cabinet", "A", "B")
    for kind, cabinet in zip(("ehub", "bbc"), cabinets, strict=True):
        registry.do("install", registry.add(kind, "X")[0], cabinet)
    result = load("pack.id,cabinet.id,ehub.id,bbc.id", ",A,X,", ",B,,X")
    assert (faults(result), result.changed) == ([], 0)
