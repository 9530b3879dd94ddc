"""What holds for whatever is sent."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from support import fuzz
from support.messages import CELLS, LIMITS, TIME, again, codes, unhurried

from flexmeasures_pms.catalogue.asset_types import DATASETS, DatasetName
from flexmeasures_pms.errors import Problem, WireError
from flexmeasures_pms.wire import Decoded, Sample, decode
from flexmeasures_pms.wire.unreadable import CODES

datasets = st.sampled_from(DATASETS)
NAMES = [
    "datasets", "data", "pms", "pms_id", "mppt", "mppt_id", "inverter_id", "cabinet", "id",
    "status", "code", "temp", "time_local", "time", "pack", "dock", "slot", "volts", "amps",
    "cell", "fet", "open", "top", "mid", "bottom", "in", "out", "pv", "battery", "batt",
    "load", "grid", "pf",
]  # fmt: skip
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([TIME, "0241", "3.92", "1,5", "99", "0001", 0, 1, 10**400, 1e300, "\x00", ""])
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=3), inner, max_size=6)
    ),
    max_leaves=20,
)


def attributes(**each: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return objects that have some of the attributes."""
    return st.fixed_dictionaries({}, optional=each)


volts = st.just(CELLS) | st.lists(scalars, min_size=13, max_size=15) | values
cells = attributes(volts=volts, open=st.lists(st.integers(-1, 16)) | values)
fets = attributes(temp=values, open=values, status=values)
packs = attributes(
    id=scalars, dock=scalars, slot=scalars, amps=scalars, volts=scalars, temp=values,
    cell=cells | values, fet=fets | values, status=scalars,
)  # fmt: skip
readings = attributes(volts=values, amps=values, pf=values)
samples = values | attributes(
    time_local=st.just(TIME) | scalars, time=scalars, pack=packs, cell=cells, fet=fets,
    pv=readings, battery=readings, batt=readings, load=readings, grid=readings, status=values,
)  # fmt: skip
requests = st.fixed_dictionaries(
    {
        "datasets": st.lists(
            attributes(
                pms_id=scalars, pms=values, mppt_id=scalars, inverter_id=scalars, cabinet=values,
                status=values, data=st.lists(samples, max_size=3),
            ).map(lambda head: {"data": [], **head}),
            min_size=1,
            max_size=3,
        )
    }
)  # fmt: skip


WAYS_IN = {"application/json": "the decoder of JSON", "text/csv": "the decoder of CSV"}
OTHER = "the decoder, of any content type"


def attempt(
    body: bytes,
    dataset: DatasetName,
    content_type: str = "application/json",
    content_encoding: str = "",
) -> Decoded | None:
    """Decode, or be refused properly; whatever is wrong has a place and short words."""
    try:
        decoded = decode(
            body,
            dataset=dataset,
            content_type=content_type,
            content_encoding=content_encoding,
            limits=LIMITS,
        )
    except WireError as refusal:
        fuzz.note(WAYS_IN.get(content_type, OTHER), "refused")
        assert str(refusal)
        check(refusal.problems)
        return None
    fuzz.note(WAYS_IN.get(content_type, OTHER), "read")
    check(decoded.warnings)
    for sample in decoded.samples:
        check((*sample.invalid, *sample.faulty))
        check_sample(sample)
    return decoded


def check(problems: Iterable[Problem]) -> None:
    for problem in problems:
        assert problem.path
        assert problem.code
        assert problem.message
        assert len(problem.value) <= 40
        assert len(problem.message) < 800


def check_sample(sample: Sample) -> None:
    if not sample.invalid:
        assert sample.time is not None
        assert (sample.pack_id is not None) == (sample.dataset == "pms")
    if sample.no_answer:
        assert not sample.invalid
        assert not sample.faulty


def check_round_trip(decoded: Decoded | None, content_type: str) -> None:
    for sample in decoded.samples if decoded else ():
        if CODES.intersection(codes(sample)):
            continue
        same = again(sample, content_type)
        assert same.time == sample.time
        assert (same.device_id, same.pack_id) == (sample.device_id, sample.pack_id)
        assert same.device_is_cabinet == sample.device_is_cabinet
        assert same.fields == sample.fields
        assert codes(same) == codes(sample)
        assert (same.no_answer, same.status_in_sample) == (
            sample.no_answer,
            sample.status_in_sample,
        )


@unhurried
@given(values | requests, datasets)
def test_any_json_value(value: Any, dataset: DatasetName) -> None:
    body = json.dumps(value).encode()

    check_round_trip(attempt(body, dataset), "application/json")


@unhurried
@given(requests, datasets)
def test_nearly_right_requests(value: Any, dataset: DatasetName) -> None:
    body = json.dumps(value).replace("NaN", "0").replace("Infinity", "1").encode()
    decoded = attempt(body, dataset)

    assert decoded is not None
    assert len(decoded.samples) == sum(len(d["data"]) for d in value["datasets"])
    check_round_trip(decoded, "application/json")


@unhurried
@given(st.binary(), datasets, st.sampled_from(["", "gzip"]), st.booleans())
def test_any_bytes(body: bytes, dataset: DatasetName, encoding: str, packed: bool) -> None:
    body = gzip.compress(body) if packed else body

    attempt(body, dataset, content_encoding=encoding)
    attempt(body, "pms", content_encoding=encoding, content_type="text/csv")


COLUMNS = [
    "pms_id", "pms.id", "id", "time_local", "time", "pack.id", "pack.dock", "pack.amps",
    "status", "fet.temp.1", "fet.temp.2", "fet.temp.3", "fet.open.1", "fet.open.2", "x", "",
]  # fmt: skip
cell_texts = st.sampled_from(["", "1", "-1.3", TIME, "x", "99", "0", '"', '"1"', "1e9"]) | st.text(
    st.characters(exclude_categories=["Cs"]), max_size=5
)
csv_texts = st.text(st.characters(exclude_categories=["Cs"])) | st.builds(
    lambda header, rows: "\n".join(",".join(row) for row in [header, *rows]),
    st.lists(st.sampled_from(COLUMNS), unique=True, max_size=8).map(
        lambda names: ["time", "pack.id", *(n for n in names if n not in ("time", "pack.id"))]
    ),
    st.lists(st.lists(cell_texts, max_size=9) | st.permutations(COLUMNS), max_size=4),
)


@unhurried
@given(csv_texts)
def test_any_csv_text(text: str) -> None:
    check_round_trip(attempt(text.encode(), "pms", content_type="text/csv"), "text/csv")


@unhurried
@given(st.text(max_size=60), st.sampled_from(["gzip", "br", ""]) | st.text(max_size=9))
def test_any_content_type(content_type: str, encoding: str) -> None:
    attempt(b"{}", "pms", content_type=content_type, content_encoding=encoding)
