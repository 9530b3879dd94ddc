"""Which values are read, left out or refused, and what is said about them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from support.messages import (
    CELLS,
    TIME,
    codes,
    converter_sample,
    one,
    pms_sample,
    read,
    request,
)

from flexmeasures_pms.wire import Sample

D = Decimal
PACK = "datasets[0].data[0].pack"


def left_out(sample: Sample) -> list[str]:
    """Return the paths of the fields that could not be read, of a sample that is used."""
    assert not sample.invalid
    assert {p.code for p in sample.faulty} <= {"invalid_value", "contradicting_values"}
    return [p.path for p in sample.faulty]


@pytest.mark.parametrize("sent", ["-1.5", "-01.5", -1.5, "-15e-1", [-1.5], ["-1.5"]])
def test_numbers_and_numeric_text(sent: Any) -> None:
    assert one(pms_sample(amps=sent)).fields["pack.amps"] == D("-1.5")


@pytest.mark.parametrize(
    "sent",
    ["", " 1", "NaN", "Infinity", "1,5", "0x1", "1_0", "१",
     "1e400", "9" * 41, "1.", True, {}, [1, 2]],
)  # fmt: skip
def test_anything_else_is_a_missing_reading(sent: Any) -> None:
    sample = one(pms_sample(amps=sent))

    assert left_out(sample) == [f"{PACK}.amps"]
    assert sample.faulty[0].message.endswith("It is left out.")
    assert len(sample.faulty[0].value) <= 40
    assert "pack.amps" not in sample.fields


@pytest.mark.parametrize(
    "number", ["1e400", "-1E-99999999999999999999", "9" * 400, "0." + "1" * 60]
)
def test_oversized_json_numbers_are_left_out(number: str) -> None:
    text = f'{{"datasets":[{{"data":[{{"time":"{TIME}","pack":{{"id":"1","amps":{number}}}}}]}}]}}'
    (sample,) = read(text).samples

    assert left_out(sample) == [f"{PACK}.amps"]
    assert sample.pack_id == "1"


def test_a_number_of_thousands_of_digits_is_refused() -> None:
    text = f'{{"datasets":[{{"data":[{{"time":"{TIME}","pack":{{"id":{"9" * 5000}}}}}]}}]}}'

    assert codes(read(text).samples[0]) == ["invalid_value"]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"amps": 6553.5}, "amps"),
        ({"amps": -6553}, "amps"),
        ({"amps": 320.1}, "amps"),
        ({"volts": 100.1}, "volts"),
        ({"volts": -1}, "volts"),
        ({"dock": 49}, "dock"),
        ({"dock": 98}, "dock"),
        ({"dock": 100}, "dock"),
        ({"dock": 0}, "dock"),
        ({"dock": -3}, "dock"),
        ({"temp": [35, 151, 34]}, "temp[1]"),
        ({"temp": [35, 33, "-40.1"]}, "temp[2]"),
        ({"fet": {"temp": [1, 200]}}, "fet.temp[1]"),
        ({"cell": {"volts": [*CELLS[:13], 5.001]}}, "cell.volts[13]"),
        ({"cell": {"volts": [-0.001, *CELLS[1:]]}}, "cell.volts[0]"),
    ],
)
def test_impossible_readings_are_left_out(change: dict[str, Any], path: str) -> None:
    sample = one(pms_sample(**change))

    assert [p.path for p in sample.faulty] == [f"{PACK}.{path}"]
    assert [p.code for p in sample.faulty] == ["faulty_value"]
    assert not sample.invalid
    assert sample.fields["cell.open" if "cell" not in change else "fet.open"] is not None


def test_the_rest_of_an_array_with_a_faulty_element_stays() -> None:
    assert one(pms_sample(temp=[35, 151, 34])).fields["pack.temp"] == (35, None, 34)
    assert "pack.amps" not in one(pms_sample(amps=6553.5)).fields


def test_limits_of_what_is_possible_are_possible() -> None:
    sample = one(pms_sample(amps=-320, temp=[-40, 150, 0], cell={"volts": [0, 5] * 7}))

    assert not sample.faulty
    assert sample.fields["cell.volts"] == (0, 5) * 7


@pytest.mark.parametrize("dock", [6, "6", "06", "Dock6", "dock 6", 6.0, [6]])
def test_docks(dock: Any) -> None:
    assert one(pms_sample(dock=dock)).fields["pack.dock"] == 6


def test_dock_99_is_no_dock_yet() -> None:
    sample = one(pms_sample(dock="99"))

    assert "pack.dock" not in sample.fields
    assert not sample.faulty


@pytest.mark.parametrize("dock", ["", "six", 6.5, "1dock2", {}])
def test_other_docks_are_left_out(dock: Any) -> None:
    sample = one(pms_sample(dock=dock))

    assert left_out(sample) == [f"{PACK}.dock"]
    assert "pack.dock" not in sample.fields


@pytest.mark.parametrize("count", [0, 1, 13, 15])
def test_a_pack_has_14_cells(count: int) -> None:
    sample = one(pms_sample(cell={"volts": [3.9] * count}))

    assert left_out(sample) == [f"{PACK}.cell.volts"]
    assert f"has {count} values, expected exactly 14" in sample.faulty[0].message
    assert "cell.volts" not in sample.fields


@pytest.mark.parametrize(
    "change",
    [
        {"temp": [1, 2]},
        {"temp": 35},
        {"temp": "35"},
        {"fet": {"temp": [1]}},
        {"fet": {"temp": [1, 2, 3, 4]}},
        {"cell": {"open": [15]}},
        {"cell": {"open": [0]}},
        {"cell": {"open": 1}},
        {"cell": {"open": [None]}},
        {"fet": {"open": [3]}},
        {"fet": {"status": {"in": "x"}}},
        {"cell": 5},
        {"fet": "n/a"},
    ],
)
def test_values_of_the_wrong_size_or_kind_are_left_out(change: dict[str, Any]) -> None:
    sample = one(pms_sample(**change))

    assert len(left_out(sample)) == 1
    assert len(sample.fields) in (4, 5, 6)


@pytest.mark.parametrize("ident", [["a"], "a\x00b", "x" * 81, "a\ufffdb", 1.5, {}])
def test_a_sample_needs_a_readable_id(ident: Any) -> None:
    assert codes(one(pms_sample(id=ident)))[0] == "invalid_value"


def test_an_empty_array_stands_for_an_empty_object() -> None:
    sample = one(pms_sample(fet=[], cell=[]))

    assert not sample.invalid
    assert not sample.faulty


def test_a_list_of_open_cells_with_an_unreadable_one_is_unknown() -> None:
    sample = one(pms_sample(cell={"open": [1, "x"], "volts": CELLS}))

    assert left_out(sample) == [f"{PACK}.cell.open[1]"]
    assert "cell.open" not in sample.fields


def test_cells_in_millivolts_are_named() -> None:
    sample = one(pms_sample(cell={"open": [], "volts": [3793] * 13 + [2400]}))

    assert len(sample.faulty) == 14
    assert all("look like millivolts: send volts" in p.message for p in sample.faulty)


@pytest.mark.parametrize("amps", [6553.5, -6553.5, 65535, -6553.2])
def test_a_number_that_wrapped_is_named(amps: float) -> None:
    (problem,) = one(pms_sample(amps=amps)).faulty

    assert "16 bits that wrapped" in problem.message


@pytest.mark.parametrize(
    "change", [{"pv": {"volts": [1] * 5}}, {"load": {"amps": [1] * 3}}, {"pv": {"volts": {}}}]
)
def test_converters_have_few_strings_and_loads(change: dict[str, Any]) -> None:
    assert len(left_out(one(converter_sample(**change), dataset="mppt"))) == 1


def test_paired_arrays_may_differ_in_length() -> None:
    sample = one(converter_sample(pv={"volts": [48, 47, 46], "amps": [6]}), dataset="mppt")

    assert sample.fields["pv.volts"] == (48, 47, 46)
    assert sample.fields["pv.amps"] == (6,)


def test_null_is_a_gap() -> None:
    sample = one(pms_sample(amps=None, dock=[None], temp=[None, 33, None], cell=None, volts=[None]))

    assert not sample.invalid
    assert not sample.faulty
    assert sample.fields == {
        "pack.temp": (None, 33, None),
        "fet.open": (2,),
        "fet.temp": (D("34.1"), D("32.2")),
    }


def test_an_array_without_any_reading_is_a_gap() -> None:
    assert "pack.temp" not in one(pms_sample(temp=[None] * 3)).fields
    assert "pack.temp" not in one(pms_sample(temp={})).fields


def test_open_cells_are_a_set() -> None:
    fields = one(pms_sample(cell={"open": [6, "1", 6], "volts": CELLS})).fields

    assert fields["cell.open"] == (1, 6)


def test_a_sample_may_measure_nothing() -> None:
    sample = one({"time_local": TIME, "pack": {"id": "1"}})

    assert not sample.invalid
    assert sample.fields == {}


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"pack": {"id": "1"}}, ["missing_time"]),
        ({"time_local": None, "pack": {"id": "1"}}, ["missing_time"]),
        ({"time_local": "", "pack": {"id": "1"}}, ["missing_time"]),
        ({"time_local": TIME}, ["missing_pack_id"]),
        ({"time_local": TIME, "pack": {"id": None}}, ["missing_pack_id"]),
        ({"time_local": TIME, "pack": {"id": " "}}, ["missing_pack_id"]),
        ({}, ["missing_time", "missing_pack_id"]),
        (5, ["invalid_value"]),
        (None, ["invalid_value"]),
        ([], ["invalid_value"]),
    ],
)
def test_what_a_sample_must_have(sent: Any, expected: list[str]) -> None:
    assert codes(one(sent)) == expected


def test_all_faults_of_a_sample_are_reported() -> None:
    sample = one(pms_sample(amps="x", dock="y", temp=["z", 151, 1]) | {"time_local": "now"})

    assert [(p.path, p.value) for p in sample.invalid] == [
        ("datasets[0].data[0].time_local", "now")
    ]
    assert [(p.path, p.value) for p in sample.faulty] == [
        (f"{PACK}.dock", "y"),
        (f"{PACK}.amps", "x"),
        (f"{PACK}.temp[0]", "z"),
        (f"{PACK}.temp[1]", "151"),
    ]


def test_one_bad_sample_leaves_the_others() -> None:
    samples = read(request(pms_sample(), 5, pms_sample(id=[1]), pms_sample(), pms_id="P")).samples

    assert [bool(s.invalid) for s in samples] == [False, True, True, False]


def test_shown_values_are_short_and_printable() -> None:
    shown = one(pms_sample(amps="\x1b" + "a" * 100)).faulty[0].value

    assert shown == "�" + "a" * 38 + "…"


@pytest.mark.parametrize(
    ("sent", "cleaned"), [(25, "25"), ("025", "025"), (" a ", "a"), ("\u202aB-1\u202c", "B-1")]
)
def test_ids_are_text(sent: Any, cleaned: str) -> None:
    sample = one(pms_sample(id=sent), pms_id=sent)

    assert (sample.device_id, sample.pack_id) == (cleaned, cleaned)


@pytest.mark.parametrize("device", ["", "  ", "\u202c", None])
def test_an_empty_device_id_is_none(device: str | None) -> None:
    assert codes(one(converter_sample(), dataset="mppt", mppt_id=device)) == ["missing_device_id"]
    assert codes(one(pms_sample(), pms_id=device)) == []


def test_two_spellings_may_agree() -> None:
    sent = pms_sample(slot="01") | {"time": TIME, "cell": {"volts": [str(v) for v in CELLS]}}

    assert not one(sent, pms_id="P", pms={"id": "P"}).invalid


def test_two_spellings_may_not_differ() -> None:
    sent = pms_sample(slot="02") | {"time": "20200210T150006+0700", "fet": {"temp": [1, 2]}}
    sample = one(sent)

    assert [(p.path, p.code) for p in sample.invalid] == [
        ("datasets[0].data[0].time", "contradicting_values")
    ]
    assert {p.path.removeprefix("datasets[0].data[0].") for p in sample.faulty} == {
        "pack.slot",
        "fet.temp",
    }
    assert sample.fields.keys().isdisjoint({"pack.dock", "fet.temp"})


def test_two_device_ids_spoil_the_samples_of_their_dataset() -> None:
    body = {
        "datasets": [
            {"pms_id": "A", "pms": {"id": "B"}, "data": [pms_sample(), pms_sample()]},
            {"pms_id": "C", "data": [pms_sample()]},
        ]
    }
    samples = read(body).samples

    assert [codes(s) for s in samples] == [["contradicting_values"]] * 2 + [[]]
    assert samples[0].invalid[0].path == "datasets[0].pms.id"


@pytest.mark.parametrize("device", ["a\nb", "x" * 81, 1.5, [], True])
def test_unusable_device_ids_spoil_the_samples_too(device: Any) -> None:
    sample = one(converter_sample(), dataset="mppt", mppt_id=device)

    assert codes(sample) == ["invalid_value"]
    assert sample.device_id is None


@pytest.mark.parametrize("volts", [[0] * 14, ["0.000"] * 14, [0.0] * 14])
def test_all_cells_at_zero_is_no_answer(volts: list[Any]) -> None:
    sample = one(pms_sample(cell={"volts": volts}, amps=6553.5))

    assert sample.no_answer
    assert sample.fields == {}
    assert sample.faulty == ()


def test_board_0_is_no_answer() -> None:
    assert one(pms_sample(id="0")).no_answer
    assert not one(pms_sample(id="00")).no_answer


def test_one_dead_cell_is_an_answer() -> None:
    sample = one(pms_sample(cell={"volts": [0, *CELLS[1:]]}))

    assert not sample.no_answer
    assert sample.fields["cell.volts"][0] == 0


def test_an_invalid_sample_is_not_a_silent_one() -> None:
    sample = one(pms_sample(cell={"volts": [0] * 14}) | {"time_local": "x"})

    assert codes(sample) == ["invalid_time"]
    assert not sample.no_answer


def test_a_reading_named_twice_is_left_out() -> None:
    twice = f'{{"time":"{TIME}","pack":{{"id":"1","amps":1,"amps":2}}}}'
    fine = f'{{"time":"{TIME}","pack":{{"id":"1:\\"{{","amps":1}}}}'
    first, second = read(f'{{"datasets":[{{"data":[{twice},{fine}]}}]}}').samples

    assert left_out(first) == ["datasets[0].data[0].amps"]
    assert "'amps' twice" in first.faulty[0].message
    assert (first.pack_id, first.fields) == ("1", {})
    assert not second.invalid


@pytest.mark.parametrize("key", ["id", "pack", "time"])
def test_an_id_or_time_named_twice_spoils_its_sample(key: str) -> None:
    value = f'"{TIME}"' if key == "time" else '{"id":"1"}' if key == "pack" else '"2"'
    within = f'{{"id":"1","{key}":{value}}}' if key == "id" else '{"id":"1"}'
    more = f',"{key}":{value}' if key != "id" else ""
    text = f'{{"time":"{TIME}","pack":{within}{more}}}'
    (sample,) = read(f'{{"datasets":[{{"data":[{text}]}}]}}').samples

    assert codes(sample)[0] == "invalid_value"
    assert f"{key!r} twice" in sample.invalid[0].message


def test_a_status_named_twice_is_unknown() -> None:
    sample = one_of_text(f'"status":{{"code":"1","code":"2"}},"data":[{{"time":"{TIME}"}}]')

    assert codes(sample) == ["missing_pack_id"]
    assert "status.code" not in sample.fields


def one_of_text(dataset: str) -> Sample:
    """Return the only sample of a request of one dataset."""
    (sample,) = read('{"datasets":[{' + dataset + "}]}").samples
    return sample
