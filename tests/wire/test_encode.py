"""What is stored comes back from the requests that are made of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.messages import CELLS, converter_sample, one, pms_sample, read, unhurried

from flexmeasures_pms.catalogue.asset_types import DatasetName
from flexmeasures_pms.catalogue.readings import readings
from flexmeasures_pms.wire import encode
from flexmeasures_pms.wire.samples import Sample

KINDS = {"pms": "case", "mppt": "mppt", "inverter": "inverter"}


def values_of(kind: str, sample: Sample) -> dict[str, float]:
    """What the log has of a sample: doubles."""
    return {name: float(value) for name, value in readings(kind, sample.fields).items()}


def numbers(low: float, high: float) -> st.SearchStrategy[Any]:
    """Readings as devices send them, with up to four decimals, some missing."""
    return st.none() | st.integers(round(low * 1e4), round(high * 1e4)).map(lambda n: n / 1e4)


def arrays(low: float, high: float, least: int, most: int) -> st.SearchStrategy[Any]:
    return st.lists(numbers(low, high), min_size=least, max_size=most)


def parts(**each: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=each)


packs = parts(
    dock=st.integers(1, 48),
    amps=numbers(-320, 320),
    volts=numbers(0, 100),
    temp=arrays(-40, 150, 3, 3),
    cell=parts(
        volts=arrays(0.1, 5, 14, 14) | st.just(CELLS),
        open=st.lists(st.integers(1, 14), unique=True),
    ),
    fet=parts(temp=arrays(-40, 150, 2, 2), open=st.lists(st.integers(1, 2), unique=True)),
)
channels = parts(volts=arrays(0, 600, 1, 2), amps=arrays(-320, 320, 1, 2))
strings = parts(volts=arrays(0, 600, 1, 4), amps=arrays(-320, 320, 1, 4))
batteries = parts(volts=numbers(0, 100), amps=numbers(-320, 320))
phases = parts(volts=arrays(0, 600, 1, 3), amps=arrays(-320, 320, 1, 3), pf=arrays(-1, 1, 1, 3))
codes = st.integers(0, 0xFFFF).map(lambda code: f"{code:04x}")


@unhurried
@given(packs)
def test_a_pack_comes_back(pack: Mapping[str, Any]) -> None:
    sample = one({"time_local": "20200210T150006.032+0700", "pack": {"id": "0241", **pack}})
    sent = values_of("case", sample)
    again = only(encode.pack_request("DEV-1", "0241", time(sample), sent), "pms")
    assert (again.time, again.device_id, again.pack_id) == (sample.time, "DEV-1", "0241")
    assert values_of("case", again) == sent
    assert not again.invalid


@unhurried
@given(st.sampled_from(["mppt", "inverter"]), strings, batteries, channels, phases, codes)
def test_a_converter_comes_back(
    kind: str, pv: Any, battery: Any, load: Any, grid: Any, code: str
) -> None:
    found = converter_sample(pv=pv, battery=battery, load=load)
    found |= {"grid": grid} if kind == "inverter" else {}
    sample = one(found, dataset=kind, **{f"{kind}_id": "DEV-1", "status": {"code": code}})
    sent = values_of(kind, sample)
    tried = [
        values_of(kind, only(encode.converter_request(
            kind, "DEV-1", time(sample), sent, gaps=gaps), kind))
        for gaps in range(3)
    ]  # fmt: skip
    assert sent in tried


@unhurried
@given(parts(code=codes, temp=numbers(-40, 150)).filter(lambda s: s.get("code") or s.get("temp")))
def test_the_status_of_an_ehub_comes_back_without_a_pack(status: Mapping[str, Any]) -> None:
    sample = one(pms_sample(), pms_id="DEV-1", status=status)
    for kind in ("pms", "cabinet"):
        sent = values_of(kind, sample)
        make = encode.status_request if kind == "pms" else encode.cabinet_status_request
        again = only(make("DEV-1", "0241", time(sample), sent), "pms")
        assert values_of(kind, again) == sent
        assert again.no_answer
        assert again.device_is_cabinet == (kind == "cabinet")
        assert readings("case", again.fields) == {}


@pytest.mark.parametrize("kind", KINDS.values())
def test_what_is_derived_has_no_path(kind: str) -> None:
    paths = encode.paths_of(kind)
    assert not {"pack power", "PV 1 power", "bus connected"} & paths.keys()
    assert {"cell 01 open": "cell.open", "FET 2 temperature": "fet.temp"}.items() <= (
        paths.items() if kind == "case" else {**paths, **encode.paths_of("case")}.items()
    )


def time(sample: Sample) -> Any:
    assert sample.time is not None
    return sample.time


def only(text: str, dataset: DatasetName) -> Sample:
    json.loads(text)
    (sample,) = read(text, dataset).samples
    return sample
