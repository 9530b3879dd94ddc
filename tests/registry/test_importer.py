"""The registry follows a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.registry import Registry
from support.statements import statements

from flexmeasures_pms.errors import RegistryError
from flexmeasures_pms.registry.editing.would_be import would_be

Load = Callable[..., Any]

COLUMNS = ["pack.id", "board.id", "fet.board.id", *(f"cell.id.{n}" for n in range(1, 15))]
COLUMNS += ["pms.id", "cabinet.id", "ehub.id", "busbar.id", "dock", "board.alias", "valid_from"]
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def row(number: int, changes: Mapping[str, str] | Iterable[tuple[str, str]] = ()) -> dict[str, str]:
    """A line for a case with all its parts, by its number."""
    rack = (number - 1) // 12 + 1
    fields = {
        "pack.id": f"{number:04d}",
        "board.id": f"BOARD-{number}",
        "fet.board.id": f"FET-{number}",
        **{f"cell.id.{n}": f"CELL-{number}-{n}" for n in range(1, 15)},
        "pms.id": "PMS-1",
        "cabinet.id": f"CAB-{rack}",
        "ehub.id": f"EHUB-{rack}",
        "busbar.id": f"BUS-{rack}",
        "dock": str((number - 1) % 12 + 1),
        "board.alias": f"ALIAS-{number}",
    }
    return fields | dict(changes)


def sheet(*rows: dict[str, str], delimiter: str = ",") -> bytes:
    """The file of some lines."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


@pytest.fixture
def load(registry: Registry) -> Load:
    from flexmeasures_pms.registry.editing.change import Author
    from flexmeasures_pms.registry.importing.importer import import_file
    from flexmeasures_pms.registry.importing.rows import ImportRules

    def run(data: bytes, *, dry_run: bool = False, **rules: bool) -> Any:
        author, given = Author("tests", "cases.csv"), ImportRules(**rules)
        return import_file(registry.account_id, data, author=author, dry_run=dry_run, rules=given)

    return run


def transactions(registry: Registry) -> Any:
    import sqlalchemy as sa
    from flexmeasures.data import db

    from flexmeasures_pms.registry.tables import transaction

    t = transaction.c
    query = sa.select(t.verb, t.ident, t.note).where(t.account_id == registry.account_id)
    return db.session.execute(query.order_by(t.id)).all()


def test_more_new_cases_ask_the_database_nothing_more(load: Load) -> None:
    with statements() as few:
        load(sheet(*(row(n) for n in range(1, 5))), dry_run=True)
    with statements() as many:
        load(sheet(*(row(n) for n in range(1, 13))), dry_run=True)
    assert len(many) == len(few)


def test_a_whole_pms_of_48_cases_is_there_after_one_file(registry: Registry, load: Load) -> None:
    result = load(sheet(*(row(n) for n in range(1, 49))))
    assert (result.rows, result.changed, result.faults) == (48, 48, ())
    known = registry.directory
    assert len(registry.whole.entries) == 1 + 4 * 3 + 48 * 17
    case = known.resolve_pack("alias-30", NOON).case
    assert (case.ident, known.dock_across(case.id, NOON)) == ("0030", 30)
    assert known.pms_of(case.id, NOON).ident == "PMS-1"
    assert len(known.parts_of(case.id, NOON)) == 16
    (cell,) = (r for r in known.parts_of(case.id, NOON) if r.place == 14)
    assert known.entry(cell.part_id).ident == "CELL-30-14"


def test_the_same_file_again_changes_nothing(registry: Registry, load: Load) -> None:
    data = sheet(row(1), row(2))
    load(data)
    version, recorded = registry.directory.version, transactions(registry)
    again = load(data)
    assert (again.changed, again.change.touched, again.change.lines) == (0, (), ())
    assert (registry.directory.version, transactions(registry)) == (version, recorded)


def test_a_changed_part_is_a_swap_recorded_with_the_name_of_the_file(
    registry: Registry, load: Load
) -> None:
    load(sheet(row(1), row(2)))
    before = len(transactions(registry))
    result = load(sheet(row(1), row(2, {"board.id": "BOARD-9", "board.alias": ""})))
    assert result.changed == 1
    assert [tuple(t) for t in transactions(registry)[before:]] == [
        ("procured", "BOARD-9", "cases.csv"),
        ("swapped", "BOARD-2", "cases.csv"),
        ("swapped", "BOARD-9", "cases.csv"),
    ]
    assert str(result.change.lines[-1]).startswith("Line 3: Swapped acquisition board BOARD-2 for")


def test_two_cases_can_exchange_their_boards_and_docks_in_one_file(
    registry: Registry, load: Load
) -> None:
    load(sheet(row(1), row(2)))
    one, two = row(1), row(2)
    for name in ("board.id", "board.alias", "dock"):
        one[name], two[name] = two[name], one[name]
    assert load(sheet(one, two)).changed == 2
    known, now = registry.directory, datetime.now(UTC)
    assert known.resolve_pack("BOARD-2", now).case.ident == "0001"
    assert known.resolve_pack("BOARD-1", now).case.ident == "0002"
    docks = {n: known.dock_across(known.find("case", n).id, now) for n in ("0001", "0002")}
    assert docks == {"0001": 2, "0002": 1}
    assert load(sheet(one, two)).changed == 0


def test_an_empty_field_changes_nothing(registry: Registry, load: Load) -> None:
    load(sheet(row(1)))
    bare = {"pack.id": "0001"}
    assert load(sheet(bare)).changed == 0
    assert registry.directory.resolve_pack("BOARD-1", NOON).case.ident == "0001"


def test_a_history_of_several_lines_holds_and_can_be_imported_again(
    registry: Registry, load: Load
) -> None:
    first = row(1, {"valid_from": "2026-03-01T07:00:00+07:00"})
    then = row(1, {"board.id": "BOARD-X", "board.alias": "", "valid_from": "2026-03-01T12:00:00Z"})
    data = sheet(then, first)
    load(data)
    find = registry.directory.resolve_pack
    assert find("BOARD-1", NOON) is None
    assert find("BOARD-X", NOON).case.ident == "0001"
    assert find("BOARD-1", NOON.replace(hour=11)).case.ident == "0001"
    assert load(data).changed == 0


def test_a_case_of_which_only_the_pms_is_known_is_in_its_cabinet_once_that_is(
    registry: Registry, load: Load
) -> None:
    bare = {"pack.id": "0014", "pms.id": "PMS-1", "dock": "14"}
    load(sheet(bare))
    known = registry.directory
    assert known.dock_across(known.find("case", "0014").id, NOON) == 14
    (pms,) = registry.add("pms", "PMS-1")
    (cabinet,) = registry.add("cabinet", "CAB-2")
    registry.do("install", cabinet, pms, place=2)
    known = registry.directory
    case = known.find("case", "0014")
    assert known.place_of(case.id, NOON).assembly_id == cabinet
    assert known.place_of(case.id, NOON).place == 2
    assert known.dock_across(case.id, NOON) == 14
    assert load(sheet(bare)).changed == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pack.id": ""}, "pack.id is empty"),
        ({"dock": "three"}, "not a number"),
        ({"dock": "13"}, "docks 1-12, not 13"),
        ({"dock": "2"}, "dock 2 of CAB-1 is on line 3 already"),
        ({"cabinet.id": "", "busbar.id": ""}, "ehub.id needs the cabinet.id"),
        ({"board.id": "BOARD-2"}, "acquisition board BOARD-2 is on line 3 already"),
        ({"board.alias": "0002"}, "ambiguous"),
        ({"board.id": "0"}, "don't answer"),
        ({"pack.id": "0002"}, "case 0002 is on line 3 already"),
        ({"valid_from": "2026-03-01T12:00:00"}, "no offset"),
        ({"valid_from": "yesterday"}, "not a time"),
        ({"cell.id.1": "CELL-1-2"}, "cell block CELL-1-2 is on this line twice"),
        ({"fet.board.id": "x" * 81}, "longer than"),
    ],
)
def test_a_faulty_line_is_reported_with_its_number_and_nothing_is_imported(
    registry: Registry,
    load: Load,
    changes: Mapping[str, str] | Iterable[tuple[str, str]],
    message: str,
) -> None:
    result = load(sheet({"pack.id": "0099"}, row(2), row(1, changes)))
    assert [fault.line for fault in result.faults] == [4]
    assert message in result.faults[0].message
    assert not result.written
    assert not registry.whole.entries


def test_faulty_lines_can_be_skipped_and_leave_nothing_behind(
    registry: Registry, load: Load
) -> None:
    result = load(sheet(row(1), row(2, {"dock": "40"})), skip_faulty=True)
    assert (result.written, result.changed, len(result.faults)) == (True, 1, 1)
    known = registry.directory
    assert known.find("case", "0001") is not None
    assert known.find("case", "0002") is None
    assert known.find("cell-block", "CELL-2-1") is None


def test_a_dry_run_shows_what_would_change_and_changes_nothing(
    registry: Registry, load: Load
) -> None:
    result = load(sheet(row(1)), dry_run=True)
    assert result.changed == 1
    assert str(would_be(result.change.lines[0])).startswith("Line 2: Would register case 0001 and ")
    assert (result.summary.pmses, result.summary.cabinets) == (("PMS-1",), ("CAB-1",))
    assert (result.summary.cases, result.summary.parts) == (1, 18)
    assert not registry.whole.entries


def test_spreadsheets_write_semicolons_marks_blank_lines_and_empty_columns(
    registry: Registry, load: Load
) -> None:
    data = b"\xef\xbb\xbf" + sheet(row(1), {}, delimiter=";").replace(b"\r\n", b";;\r\n")
    assert load(data).changed == 1
    assert registry.directory.resolve_pack("board-1", NOON).case.ident == "0001"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "lacks columns: pack.id"),
        (b"board.id,dock\n", "lacks columns: pack.id"),
        (sheet().replace(b"dock", b"duck"), r"unknown columns: duck \(did you mean dock\?\)"),
        (sheet().replace(b"dock", b"pms.id"), "repeats columns: pms.id"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (sheet() + b'"0241', "Line 2 is not CSV"),
    ],
)
def test_what_is_no_registry_file_is_refused_as_a_whole(
    load: Load, data: bytes, message: str
) -> None:
    with pytest.raises(RegistryError, match=message):
        load(data)


HEADER = ",".join(COLUMNS)
CELLS = ",".join(f"CB-X01-{n:02d}" for n in range(1, 15))
CUT_SHORT = f"""{HEADER}
X01,71CFF353734574E43232901,FB-X01,{CELLS},BUG-02,BUG-02-A,EH-BUG-02,BB-BUG-02,1,,
X04,71CFF353734574E4"""


def test_a_file_that_was_cut_short_is_refused(registry: Registry, load: Load) -> None:
    result = load(CUT_SHORT.encode())
    assert [str(fault) for fault in result.faults] == [
        "Line 3: 2 fields of 24: the line is incomplete."
    ]
    assert not result.written
    assert not registry.whole.entries


def test_lines_without_their_last_fields_are_taken_if_they_may_be_short(
    registry: Registry, load: Load
) -> None:
    lines = (line.rstrip(",") for line in sheet(row(1), row(2)).decode().splitlines())
    data = "\n".join(lines).encode()
    assert len(load(data).faults) == 2
    assert load(data, short_lines=True).written
    assert registry.directory.find("case", "0002") is not None


def test_empty_columns_at_the_end_are_nothing(registry: Registry, load: Load) -> None:
    lines = (f"{line},," for line in sheet(row(1)).decode().splitlines())
    assert load("\n".join(lines).encode()).written
    lines = (f"{HEADER},," if n == 0 else line
             for n, line in enumerate(sheet(row(2)).decode().splitlines()))  # fmt: skip
    assert load("\n".join(lines).encode()).written


def spreadsheet(number: int) -> dict[str, str]:
    """A line whose case lost its zeros in a spreadsheet."""
    return row(number, {"pack.id": str(number)})


def test_ids_that_lost_their_zeros_are_refused_line_by_line(registry: Registry, load: Load) -> None:
    load(sheet(row(904), row(905), row(906)))
    before = registry.directory.version
    result = load(sheet(spreadsheet(904), row(905), spreadsheet(906)))
    assert [str(fault) for fault in result.faults] == [
        "Line 2: '904' differs from the known case 0904 only by leading zeros.",
        "Line 4: '906' differs from the known case 0906 only by leading zeros.",
    ]
    assert result.cures == {"similar"}
    assert registry.directory.version == before
    assert registry.directory.find("case", "904") is None


def test_similar_ids_are_registered_if_they_may_be(registry: Registry, load: Load) -> None:
    load(sheet(row(904)))
    other = row(905, {"pack.id": "904"})
    assert not load(sheet(other)).written
    assert load(sheet(other), similar_ids=True).written
    # Now both are known, so neither is in doubt.
    assert not load(sheet(other, row(904))).faults


@pytest.mark.parametrize(
    ("column", "known", "new"),
    [
        ("pack.id", "0904", "00904"),
        ("board.id", "066BFF35", "66bff35"),
        ("board.alias", "066BFF35", "66BFF35"),
        ("fet.board.id", "7", "07"),
        ("cell.id.14", "001", "1"),
        ("pms.id", "1", "01"),
        ("cabinet.id", "01", "1"),
        ("ehub.id", "01", "1"),
        ("busbar.id", "0", "00"),
    ],
)
def test_every_column_of_ids_is_compared(
    registry: Registry, load: Load, column: str, known: str, new: str
) -> None:
    load(sheet(row(1, {column: known})))
    result = load(sheet(row(2, {column: new})))
    assert [fault.line for fault in result.faults] == [2]
    assert f"'{new}' differs from the known " in result.faults[0].message
    assert known in result.faults[0].message
    # The same within one file: the later line is in doubt.
    both = load(sheet(row(14, {column: f"5{known}"}), row(15, {column: f"05{known}"})))
    assert [fault.line for fault in both.faults] == [3]


def test_a_bbc_of_the_id_is_meant_where_there_is_one(registry: Registry, load: Load) -> None:
    registry.add("bbc", "01")
    registry.add("ehub", "1")
    assert load(sheet(row(1, {"ehub.id": "01"}))).written


@pytest.mark.parametrize("character", ["\0", "\x01", "\x1f", "\x7f", "\u0085", "\n"])
@pytest.mark.parametrize("column", ["pack.id", "cell.id.3", "dock", "valid_from"])
def test_control_characters_are_named_with_line_and_column(
    registry: Registry, load: Load, character: str, column: str
) -> None:
    result = load(sheet(row(1), row(2, {column: f"{character}1"}), row(3)))
    (fault,) = result.faults
    assert f"{column} has the control character U+00" in str(fault)
    assert fault.line == (4 if character == "\n" else 3)
    assert not registry.whole.entries
    with pytest.raises(RegistryError, match=r"Line [12], column 2 has the control character U\+00"):
        load(sheet(row(1)).replace(b"board.id", f'"board.id{character}"'.encode(), 1))


@pytest.mark.parametrize("text", ["1999-12-31T23:59:59Z", "0001-01-01T00:00:00Z",
                                  "2999-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])  # fmt: skip
def test_a_line_holds_since_2000_to_now(registry: Registry, load: Load, text: str) -> None:
    for planned in (False, True):
        result = load(sheet(row(1, {"valid_from": text})), planned=planned)
        (fault,) = result.faults
        assert str(fault).startswith(f"Line 2: valid_from: {text[:4]}-")


def test_a_planned_line_may_be_a_year_ahead(registry: Registry, load: Load) -> None:
    later = (datetime.now(UTC) + timedelta(days=300)).isoformat(timespec="seconds")
    data = sheet(row(1, {"valid_from": later}))
    (fault,) = load(data).faults
    assert "is in the future" in fault.message
    assert load(data, planned=True).written


@pytest.mark.parametrize("ident", ["<b>", 'a""b', "a'b", "a\\b", "x" * 65, "x" * 76])
def test_a_file_registers_no_id_with_markup(registry: Registry, load: Load, ident: str) -> None:
    for column in ("pack.id", "board.id", "board.alias", "cell.id.1", "pms.id", "cabinet.id"):
        result = load(sheet(row(1, {column: ident})))
        assert [fault.line for fault in result.faults] == [2]
        assert "use at most 64 characters" in result.faults[0].message
    assert not registry.whole.entries


SITES = b"""pack.id,pms.id,site.id,site.timezone,site.latitude,site.longitude,site.address,\
site.contact
,PMS-1,BTS-1,Asia/Jakarta,-6.2,106.8,"Jalan 1, Bandung",Ani
,PMS-2,BTS-1,,,,,
,,BTS-2,Asia/Makassar,,,,
0241,PMS-2,,,,,,
"""


def test_sites_come_from_a_file_with_the_pmses_in_them(load: Load, registry: Registry) -> None:
    result = load(SITES)
    assert [str(fault) for fault in result.faults] == []
    assert result.summary.sites == ("BTS-1", "BTS-2")
    known = registry.whole
    site = known.find("site", "BTS-1")
    inside = [known.entry(row.part_id).ident for row in known.by_assembly[site.id]]
    assert (site.timezone, site.latitude, sorted(inside)) == (
        "Asia/Jakarta",
        -6.2,
        ["PMS-1", "PMS-2"],
    )
    again = load(SITES)
    assert (again.changed, again.change.touched) == (0, ())


def test_a_later_line_of_a_site_keeps_its_address(load: Load, registry: Registry) -> None:
    from flexmeasures_pms.registry.editing.recorded import facts_of

    registry.add("pms", "PMS-1")
    lines = b"pack.id,pms.id,site.id,site.address,site.contact\n,,S1,Jalan 1,Ani\n,PMS-1,S1,,\n"
    assert load(lines).faults == ()
    found = facts_of(registry.whole.find("site", "S1").id)
    assert found is not None and (found.address, found.contact) == ("Jalan 1", "Ani")
    other = load(b"pack.id,site.id,site.address\n,S2,Jalan 1\n,S2,Jalan 2\n")
    assert "Jalan 1" in " ".join(map(str, other.faults))


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("pack.id,site.id\n0241,BTS-1", "site.id needs the pms.id of the PMS that is there."),
        ("pack.id,pms.id,site.timezone\n,PMS-1,UTC", "site.timezone needs the site.id"),
        ("pack.id,pms.id,site.id\n,P,S\n0241,P,T", "Line 2 has PMS P in another place"),
        ("pack.id,spare.kind,spare.id\n,mppt,M-1", "spare.kind 'mppt' is none of"),
        (f"pack.id,site.id,site.address\n,S,{'x' * 501}", "longer than 500 characters"),
    ],
)
def test_what_a_file_can_t_say_of_sites_is_refused(load: Load, lines: str, said: str) -> None:
    result = load(f"{lines}\n".encode())
    assert said in " ".join(map(str, result.faults))
    assert not result.written
