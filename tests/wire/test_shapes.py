"""Every JSON shape since July 2019 gives the same fields."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from support.messages import (
    CELLS,
    TIME,
    again,
    codes,
    converter_sample,
    one,
    pack,
    pms_sample,
    read,
    request,
)

from flexmeasures_pms.errors import MisshapenBody

D = Decimal
AT = datetime(2020, 2, 10, 8, 0, 6, 32000, UTC)
EXACT_CELLS = tuple(D(str(volts)) for volts in CELLS)
FIELDS = {
    "pack.dock": 1,
    "pack.amps": D("-1.601"),
    "pack.temp": (D("35.0"), D("33.5"), D("34.0")),
    "cell.volts": EXACT_CELLS,
    "cell.open": (1, 6),
    "fet.temp": (D("34.1"), D("32.2")),
    "fet.open": (2,),
}


def quoted(value: Any) -> Any:
    """Write every number as text, as the seed does."""
    if isinstance(value, dict):
        return {name: quoted(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [quoted(inner) for inner in value]
    return str(value)


def beside(**changes: Any) -> dict[str, Any]:
    """Put cell and fet beside the pack, as until 2019-08-12."""
    inside = pack(**changes)
    cell, fet = inside.pop("cell"), inside.pop("fet")
    return {"time": TIME, "pack": inside, "cell": cell, "fet": fet}


R1 = beside(
    dock=..., slot="01", temp={"top": "35.0", "mid": "33.5", "bottom": "34.0"},
    cell={"volts": quoted(CELLS), "open": ["1", "6"]},
    fet={"temp": {"in": "34.1", "out": "32.2"}, "status": {"in": "0", "out": "1"}},
)  # fmt: skip
R3 = beside(dock="01", fet={"open": [2], "temp": ["34.1", "32.2", "33.5"]})
R6 = {"time": TIME, "pack": pack()}

PMS_SHAPES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "R1": (request(R1, cabinet="P"), {}),
    "R2": (request(R1, cabinet={"id": "P"}), {}),
    "R3": (request(R3, cabinet={"id": "P"}), {}),
    "R4": (request(R3, pms={"id": "P"}), {}),
    "R5": (request(beside(), pms={"id": "P"}), {}),
    "R6": (request(R6, pms={"id": "P"}), {}),
    "R7, the seed": (request(quoted(pms_sample()), pms={"id": "P"}), {}),
    "R8 to R10": (request(pms_sample(), pms={"id": "P"}), {}),
    "R11": (request(pms_sample(status="0801"), pms={"id": "P"}), {"status.code": 0x0801}),
    "R12": (
        request(pms_sample(status="0001"), pms={"id": "P", "temp": 48.3}),
        {"status.code": 1, "status.temp": D("48.3")},
    ),
    "R13, current": (
        request(pms_sample(), pms_id="P", status={"code": "0001", "temp": 48.3}),
        {"status.code": 1, "status.temp": D("48.3")},
    ),
}


@pytest.mark.parametrize("shape", PMS_SHAPES)
def test_pack_in_every_shape(shape: str) -> None:
    body, status = PMS_SHAPES[shape]
    (sample,) = read(body).samples

    assert (sample.device_id, sample.pack_id, sample.time) == ("P", "0241", AT)
    assert sample.fields == {**FIELDS, **status}
    assert sample.device_is_cabinet == (shape in {"R1", "R2", "R3"})
    assert not sample.invalid
    assert not sample.faulty
    assert again(sample).fields == sample.fields


@pytest.mark.parametrize(
    ("dataset", "head"),
    [
        ("mppt", {"mppt": "M"}),
        ("mppt", {"controller": "M"}),
        ("mppt", {"mppt": {"id": "M"}}),
        ("mppt", {"mppt_id": "M"}),
        ("inverter", {"inverter": {"id": "M"}}),
        ("inverter", {"inverter_id": "M"}),
    ],
)
@pytest.mark.parametrize("battery", ["battery", "batt"])
def test_converter_in_every_shape(dataset: Any, head: dict[str, Any], battery: str) -> None:
    sent = converter_sample(battery=...) | {battery: {"volts": "55.1", "amps": "-1.6"}}
    sample = one(quoted(sent), dataset=dataset, **head)

    assert sample.device_id == "M"
    assert sample.fields == {
        "pv.volts": (D("48.0"), D("47.5")),
        "pv.amps": (D("6.0"), D("5.5")),
        "battery.volts": D("55.1"),
        "battery.amps": D("-1.6"),
        "load.volts": (D("48.0"), D("48.0")),
        "load.amps": (D("1.2"), D("1.3")),
    }


def test_live_mppt_sends_bare_numbers_and_no_load() -> None:
    live = converter_sample(
        pv={"volts": "52.1", "amps": 6553}, load={"volts": [], "amps": []}, battery={"volts": [55]}
    )
    sample = one(live, dataset="mppt", mppt={"id": "M"})

    assert sample.fields == {"pv.volts": (D("52.1"),), "battery.volts": D(55)}
    assert [p.path for p in sample.faulty] == ["datasets[0].data[0].pv.amps[0]"]


def test_live_pms_names_no_device() -> None:
    sample = one(pms_sample(id="66cff353734574e43231516"), pms={})

    assert sample.device_id is None
    assert not sample.invalid


def test_converter_must_name_its_device() -> None:
    assert codes(one(converter_sample(), dataset="mppt", mppt={})) == ["missing_device_id"]


def test_grid_of_an_inverter() -> None:
    grid = {"volts": [400, 401, 402], "amps": [1.2, -1.3, 0], "pf": [0.92, -0.9, 1]}
    fields = one(converter_sample(grid=grid), dataset="inverter").fields

    assert fields["grid.volts"] == (400, 401, 402)
    assert fields["grid.amps"] == (D("1.2"), D("-1.3"), 0)
    assert fields["grid.pf"] == (D("0.92"), D("-0.9"), 1)


def test_device_names_win_over_cabinet_names() -> None:
    sample = one(pms_sample(), pms_id="P", cabinet="C")

    assert (sample.device_id, sample.device_is_cabinet) == ("P", False)


@pytest.mark.parametrize(
    "body",
    [
        {"deviceDatasets": [{"items": [{"name": "vcell01", "value": "3.9"}]}]},
        {"device-dataset-items": []},
        {"items": []},
        {"datasets": [{"items": [{"name": "packSoc", "value": "80"}]}]},
    ],
)
def test_the_oldest_shape_is_refused_with_the_current_one(body: Any) -> None:
    with pytest.raises(MisshapenBody, match=r"pms_id.*time_local") as refusal:
        read(body)

    assert refusal.value.problems[0].code == "old_shape"


def test_unknown_attributes_are_ignored_and_counted() -> None:
    sent = pms_sample(
        colour="red",
        cell={"volts": CELLS, "maker": {"name": "x"}},
        temp={"top": 35, "mid": 33, "bottom": 34, "left": 1},
    ) | {"extra": 1}
    decoded = read(request(sent, pms_id="P", owner="me") | {"version": 3})

    assert decoded.ignored == 6
    assert not decoded.samples[0].invalid


def test_samples_know_their_place() -> None:
    body = {
        "datasets": [
            {"pms_id": "A", "data": [pms_sample(id="1"), pms_sample(id="2")]},
            {"pms_id": "B", "data": []},
            {"pms_id": "A", "data": [pms_sample(id="3")]},
        ]
    }
    found = [(s.path, s.device_id, s.pack_id) for s in read(body).samples]

    assert found == [
        ("datasets[0].data[0]", "A", "1"),
        ("datasets[0].data[1]", "A", "2"),
        ("datasets[2].data[0]", "A", "3"),
    ]
