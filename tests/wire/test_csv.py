"""CSV files of packs, in all their headers."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from support.messages import CELLS, LIMITS, TIME, again, codes, read_csv

from flexmeasures_pms.errors import BodyTooLarge, MisshapenBody, UnreadableBody
from flexmeasures_pms.wire import decode

D = Decimal


def numbered(name: str, size: int) -> list[str]:
    return [f"{name}.{n}" for n in range(1, size + 1)]


ARRAYS = {
    **dict(zip(numbered("pack.temp", 3), ("35.0", "33.5", "34"), strict=True)),
    **dict(zip(numbered("cell.volts", 14), map(str, CELLS), strict=True)),
    **dict.fromkeys(numbered("cell.open", 14), ""),
    **{"cell.open.1": "1", "cell.open.2": "0", "cell.open.3": "6"},
    **{"fet.temp.1": "34.1", "fet.temp.2": "32.2", "fet.open.1": "0", "fet.open.2": "1"},
}
PACK = {"pack.id": "269", "pack.dock": "6", "pack.amps": "-1.3"}
CURRENT = {
    "pms_id": "25", "status.code": "0801", "status.temp": "48.3", "time_local": TIME,
    **PACK, **ARRAYS,
}  # fmt: skip
FIELDS = {
    "pack.dock": 6,
    "pack.amps": D("-1.3"),
    "pack.temp": (D("35.0"), D("33.5"), D("34")),
    "cell.volts": tuple(D(str(v)) for v in CELLS),
    "cell.open": (1, 3),
    "fet.temp": (D("34.1"), D("32.2")),
    "fet.open": (2,),
}
STATUS = {"status.code": 0x0801, "status.temp": D("48.3")}


def csv(*rows: dict[str, str], header: list[str] | None = None) -> str:
    """Return a file with the columns of the first row."""
    header = header or list(rows[0])
    return "\n".join([",".join(header), *(",".join(row.values()) for row in rows)]) + "\n"


def twice_dock(first: dict[str, str], last: dict[str, str]) -> tuple[list[str], str]:
    """Return the header and row of C1 to C3, with pack.dock before and after pack.id."""
    row = {**first, "time_local": TIME, "dock": "6", **PACK, **ARRAYS, **last}
    return [name if name != "dock" else "pack.dock" for name in row], ",".join(row.values())


C0 = {"id": "25", "time": TIME, **PACK, "pack.volts": "51.3", **ARRAYS}
C1 = twice_dock({"pms.id": "25"}, {})
C2 = twice_dock({"pms.id": "25"}, {"status": "0801"})
C3 = twice_dock({"pms.id": "25", "pms.temp": "48.3"}, {"status": "0801"})

FILES: dict[str, tuple[str, dict[str, Any]]] = {
    "C0": (csv(C0), {"pack.volts": D("51.3")}),
    "C1": (f"{','.join(C1[0])}\n{C1[1]}", {}),
    "C2": (f"{','.join(C2[0])}\n{C2[1]}", {"status.code": 0x0801}),
    "C3": (f"{','.join(C3[0])}\n{C3[1]}", STATUS),
    "C4": (csv(CURRENT), STATUS),
    "C4, any order": (csv(dict(reversed(CURRENT.items()))), STATUS),
    "C4, byte order mark": ("\ufeff" + csv(CURRENT), STATUS),
    "C4, Windows": (csv(CURRENT).replace("\n", "\r\n"), STATUS),
    "C4, old Mac": (csv(CURRENT).replace("\n", "\r"), STATUS),
    "C4, spaced and shouted": (csv(CURRENT).replace(",", " , ").upper(), STATUS),
    "C4, quoted": (csv(CURRENT).replace("269", '"269"').replace("pms_id", '"pms_id"'), STATUS),
    "C4, empty columns": (csv(CURRENT).replace("\n", ",,,\n"), STATUS),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_every_header(name: str) -> None:
    text, extra = FILES[name]
    (sample,) = read_csv(text).samples

    assert not sample.invalid
    assert (sample.device_id, sample.pack_id) == ("25", "269")
    assert sample.time == datetime(2020, 2, 10, 8, 0, 6, 32000, UTC)
    assert sample.fields == {**FIELDS, **extra}
    assert sample.status_in_sample == ("status.code" in extra)
    assert sample.path == "line 2"


def changed(**changes: str) -> dict[str, str]:
    return {**CURRENT, **{name.replace("__", "."): value for name, value in changes.items()}}


def test_status_is_read_per_row() -> None:
    samples = read_csv(csv(CURRENT, changed(status__code="0001"), changed(status__code=""))).samples

    assert [s.fields.get("status.code") for s in samples] == [0x0801, 1, None]


def test_blank_cells_are_gaps() -> None:
    row = changed(pack__amps="", pack__temp__2="", status__temp="", pms_id="", pack__dock=" ")
    (sample,) = read_csv(csv(row)).samples

    assert not sample.invalid
    assert not sample.faulty
    assert sample.device_id is None
    assert "pack.amps" not in sample.fields
    assert sample.fields["pack.temp"] == (35, None, 34)


def test_any_whole_number_but_0_is_open() -> None:
    row = changed(cell__open__2="-7", fet__open__1="")

    assert read_csv(csv(row)).samples[0].fields["cell.open"] == (1, 2, 3)


def test_faults_name_their_line_and_column() -> None:
    row = changed(pack__amps="x", cell__volts__3="y", cell__open__4="z", fet__temp__2="500")
    (sample,) = read_csv(csv(row)).samples

    assert not sample.invalid
    assert [(p.path, p.value) for p in sample.faulty] == [
        ("line 2.pack.amps", "x"),
        ("line 2.cell.volts.3", "y"),
        ("line 2.cell.open.4", "z"),
        ("line 2.fet.temp.2", "500"),
    ]


def test_rows_that_hold_no_sample_are_skipped_and_counted() -> None:
    header = ",".join(CURRENT)
    row = ",".join(CURRENT.values())
    lines = [header, row, "", header, row, ",,,", "xxxx", ",".join(["xxxx"] * 42), "  ", row, ""]
    decoded = read_csv("\n".join(lines))

    assert [s.path for s in decoded.samples] == ["line 2", "line 5", "line 10"]
    assert not any(s.invalid for s in decoded.samples)
    assert decoded.skipped == 6


def test_another_header_holds_for_the_rows_below_it() -> None:
    other = dict(reversed(changed(pack__id="270", colour="2").items()))
    decoded = read_csv(csv(CURRENT) + csv(other))

    assert [s.pack_id for s in decoded.samples] == ["269", "270"]
    assert not any(s.invalid for s in decoded.samples)
    assert (decoded.skipped, decoded.ignored) == (1, 1)


@pytest.mark.parametrize("row", ["1,2,3", ",".join(CURRENT.values()) + ",7", '1,"2'])
def test_rows_of_another_width_are_unreadable(row: str) -> None:
    good = ",".join(CURRENT.values())
    samples = read_csv(f"{','.join(CURRENT)}\n{good}\n{row}\n{good}\n").samples

    assert [codes(s) for s in samples] == [[], ["unreadable_sample"], []]
    assert samples[1].text().splitlines()[1] == row


def test_a_repeated_column_must_repeat_its_value() -> None:
    header, row = C1
    (sample,) = read_csv(f"{','.join(header)}\n{row.replace(',6,269,6,', ',6,269,7,')}\n").samples

    assert not sample.invalid
    assert [(p.path, p.code) for p in sample.faulty] == [
        ("line 2.pack.dock", "contradicting_values")
    ]
    assert "pack.dock" not in sample.fields


def test_rows_without_time_or_pack_are_invalid() -> None:
    samples = read_csv(csv(CURRENT, changed(time_local=""), changed(pack__id=""))).samples

    assert [codes(s) for s in samples] == [[], ["missing_time"], ["missing_pack_id"]]


def test_silent_packs() -> None:
    dead = changed(**{f"cell__volts__{n}": "0" for n in range(1, 15)})
    samples = read_csv(csv(CURRENT, dead, changed(pack__id="0"))).samples

    assert [s.no_answer for s in samples] == [False, True, True]


def test_a_third_fet_temperature_is_dropped_with_one_warning() -> None:
    decoded = read_csv(csv(*[changed(fet__temp__3="99")] * 3))

    assert [(p.path, p.code) for p in decoded.warnings] == [("line 1.fet.temp.3", "surplus_value")]
    assert decoded.samples[2].fields["fet.temp"] == (D("34.1"), D("32.2"))


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("", ["line 1"]),
        ("\n\n,,\n", ["line 1"]),
        (",".join(CURRENT), ["line 1"]),
        (",".join(CURRENT.values()), ["line 1"]),
        ("time,pack.dock\n1,2", ["line 1.pack.id"]),
        ("time,pack.id,pack.temp.1,pack.temp.3\n1,2,3,4", ["line 1.pack.temp.2"]),
        ("time,pack.id,fet.temp.1,fet.temp.1,fet.temp.2\n1,2,3,4,5", ["line 1.fet.temp.1"]),
    ],
)
def test_files_without_the_columns(text: str, paths: list[str]) -> None:
    with pytest.raises(MisshapenBody, match=r"The current columns are|can't be read") as refusal:
        read_csv(text)

    assert [p.path for p in refusal.value.problems] == paths


HEADER, ROW = ",".join(CURRENT), ",".join(CURRENT.values())


@pytest.mark.parametrize(
    "text",
    [
        f"{HEADER}\n{ROW}{HEADER}\n{ROW}\n",  # glued without a line end
        f"{HEADER}\n{ROW}\n\ufeff{HEADER}\n{ROW}\n",
        f"{HEADER}\n{ROW}\ufeff{HEADER}\n{ROW}\n",
        f"{HEADER[:9]}{HEADER}\n{ROW}\n{ROW}\n",
        f"{HEADER[90:]}{HEADER}\n{ROW}\n{ROW}\n",
        f"{HEADER[:-3]}\n{HEADER}\n{ROW}\n{ROW}\n",
        f"\ufeff{HEADER}\r\n{ROW}\r\n\x00\x00{ROW}\r\n",
        f"# log of the north mast\nsep=,\n{HEADER}\n{ROW}\n{ROW}\n",
    ],
)
def test_a_header_holds_wherever_it_stands(text: str) -> None:
    decoded = read_csv(text)

    assert [codes(s) for s in decoded.samples] == [[], []]
    assert [s.fields for s in decoded.samples] == [{**FIELDS, **STATUS}] * 2


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
@pytest.mark.parametrize("named", [True, False])
def test_other_delimiters_are_read(delimiter: str, named: bool) -> None:
    first = f"sep={delimiter}\n" if named else ""
    (sample,) = read_csv(first + csv(CURRENT).replace(",", delimiter)).samples

    assert sample.fields == {**FIELDS, **STATUS}
    assert again(sample, "text/csv").fields == sample.fields


def test_where_the_delimiter_is_no_comma_a_comma_is_decimal() -> None:
    (sample,) = read_csv(csv(CURRENT).replace(",", ";").replace("-1.3", "-1,3")).samples

    assert sample.fields["pack.amps"] == D("-1.3")


def test_rows_below_a_header_that_can_not_be_used_are_not_misread() -> None:
    broken = HEADER.replace("pack.temp.1", "pack.temp.9")
    first, second, third = read_csv(f"{HEADER}\n{ROW}\n{broken}\n{ROW}\n{HEADER}\n{ROW}\n").samples

    assert (codes(first), codes(third)) == ([], [])
    assert codes(second) == ["unreadable_sample"]
    assert "line 3.pack.temp.1" in second.invalid[0].message
    assert second.text() == f"{broken}\n{ROW}"


OTHER = HEADER.replace("pack.dock,pack.amps", "pack.amps,pack.dock")
OTHER_ROW = ROW.replace(",6,-1.3,", ",-1.3,6,")


@pytest.mark.parametrize(
    "second",
    [
        f"{OTHER}{OTHER_ROW}\n{OTHER_ROW}\n",  # a line end was lost
        OTHER.replace("pack.amps", '"pack.amps') + f"\n{OTHER_ROW}\n",
        OTHER.replace("time_local", "tame_local") + f"\n{OTHER_ROW}\n",
        OTHER.replace("time_local", "7") + f"\n{OTHER_ROW}\n",
        OTHER[:70] + f"\n{OTHER_ROW}\n",
    ],
)
def test_below_a_damaged_header_no_row_is_read_by_the_one_before(second: str) -> None:
    samples = read_csv(f"{HEADER}\n{ROW}\n{second}").samples

    assert codes(samples[0]) == []
    for sample in samples[1:]:
        assert sample.invalid or sample.fields == {**FIELDS, **STATUS}


def test_a_header_and_a_row_in_one_line_are_both_read() -> None:
    decoded = read_csv(f"{HEADER}{ROW}\n{ROW}\n")

    assert [s.fields for s in decoded.samples] == [{**FIELDS, **STATUS}] * 2


@pytest.mark.parametrize(
    "name", ["Unnamed: 0", "T [°C]", "1st", "x*", "state?", "note: a", '"amps,A"', "device.id"]
)
@pytest.mark.parametrize("place", ["first", "middle", "last"])
def test_a_column_may_have_any_other_name(name: str, place: str) -> None:
    cells, row = HEADER.split(","), ROW.split(",")
    at = {"first": 0, "middle": 4, "last": len(cells)}[place]
    (sample,) = read_csv(
        ",".join([*cells[:at], name, *cells[at:]])
        + "\n"
        + ",".join([*row[:at], "what", *row[at:]])
        + "\n"
    ).samples

    assert sample.fields == {**FIELDS, **STATUS}
    assert sample.device_id == "25"


def test_ids_have_no_decimal_comma() -> None:
    text = csv(changed(pms_id="12x5", pack__id="0905x1")).replace(",", ";").replace("x", ",")
    (sample,) = read_csv(text).samples

    assert (sample.device_id, sample.pack_id) == ("12,5", "0905,1")


def test_a_row_before_padding_may_have_been_cut() -> None:
    decoded = read_csv(f"{HEADER}\n{ROW[:-8]}\x00\x00\x00{ROW}\n{ROW}\x00\x00\n")

    assert [codes(s) for s in decoded.samples] == [
        ["unreadable_sample"], [], ["unreadable_sample"],
    ]  # fmt: skip


def test_a_named_delimiter_does_not_hide_the_header_of_another_file() -> None:
    semicolons = csv(CURRENT).replace(",", ";")
    for text in (f"sep=;\n{semicolons}{csv(CURRENT)}", f"sep=,\n{semicolons}"):
        decoded = read_csv(text)
        assert all(s.fields == {**FIELDS, **STATUS} for s in decoded.samples)
        assert decoded.samples


@pytest.mark.parametrize(
    "line", ["time" * 4000, "time_local,status" + "," * 8000, "time,pack.id" + ",a" * 5000 + ",1"]
)
def test_hostile_lines_are_answered_at_once(line: str) -> None:
    with suppress(MisshapenBody):
        samples = read_csv(f"{line}\n1\n", replace(LIMITS, sample_bytes=20_000)).samples
        assert all(s.invalid for s in samples)


def test_rows_above_the_first_header_are_not_read() -> None:
    first, second = read_csv(f"{ROW}\n{HEADER}\n{ROW}\n").samples

    assert (codes(first), codes(second)) == (["unreadable_sample"], [])


def test_files_that_are_not_utf8() -> None:
    with pytest.raises(UnreadableBody, match="UTF-16"):
        decode(csv(CURRENT).encode("utf-16"), dataset="pms", content_type="text/csv", limits=LIMITS)


def test_limits_hold_for_rows() -> None:
    text = csv(CURRENT, CURRENT)
    exact = replace(LIMITS, samples=2, sample_bytes=len(csv(CURRENT)) - 1)

    assert len(read_csv(text, exact).samples) == 2
    with pytest.raises(BodyTooLarge, match="more than 1 samples"):
        read_csv(text, replace(exact, samples=1))
    refused = read_csv(text, replace(exact, sample_bytes=exact.sample_bytes - 1)).samples
    assert [s.refused.path for s in refused if s.refused] == ["line 2", "line 3"]


def test_a_row_can_be_decoded_on_its_own() -> None:
    for text, _ in FILES.values():
        (sample,) = read_csv(text).samples
        assert again(sample, "text/csv") == sample
