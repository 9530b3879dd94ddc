"""The types of what a gateway POSTs are what the decoder reads and the simulator sends."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from flexmeasures_pms.catalogue.asset_types import DATASETS, SINGLE_DEVICES, DatasetName
from flexmeasures_pms.simulator.site import SIMULATED, Site
from flexmeasures_pms.wire import spellings
from flexmeasures_pms.wire.fields import dataset_fields, sample_fields
from flexmeasures_pms.wire.request_types import made_from_catalogue, request_type

MORNING = datetime(2026, 3, 1, 4, tzinfo=UTC)
# Read where they are sent, but not of the current shape.
FORMER = {
    "pms": {"pack.volts", "pack.status.code", "cabinet.id", "status.code", "status.temp"},
    "mppt": {"status.code"},
    "inverter": {"status.code"},
}


def paths(info: Any, path: str = "") -> Iterator[str]:
    """The paths of all values of a type."""
    if isinstance(info, msgspec.inspect.StructType):
        for field in info.fields:
            yield from paths(field.type, f"{path}.{field.name}".lstrip("."))
    elif isinstance(info, msgspec.inspect.UnionType):
        yield from paths(info.types[0], path)
    elif isinstance(getattr(info, "item_type", None), msgspec.inspect.StructType):
        yield from paths(info.item_type, path)
    else:
        yield path


@pytest.mark.parametrize("dataset", DATASETS)
def test_each_field_of_a_message_is_read_and_each_that_is_read_is_in_a_message(
    dataset: DatasetName,
) -> None:
    sent = set(paths(msgspec.inspect.type_info(request_type(dataset))))
    head = {
        spellings.DEVICE_IDS[dataset].get(path, spellings.dataset_spellings(path))[0]
        for path in dataset_fields(dataset)
    }
    samples = {spellings.sample_spellings(path)[0] for path in sample_fields(dataset)}
    read = {f"datasets.{path}" for path in head} | {f"datasets.data.{path}" for path in samples}
    former = {f"datasets.data.{path}" for path in FORMER.get(dataset, {"status.code"})} | {
        "datasets.cabinet.id"
    }

    assert sent - read == set()
    assert read - sent - former == set()


@pytest.mark.parametrize("dataset", [kind.name for kind in SINGLE_DEVICES])
def test_types_made_from_the_catalogue_have_the_fields_of_those_that_are_stated(
    dataset: DatasetName,
) -> None:
    made, stated = made_from_catalogue(dataset), request_type(dataset)
    assert set(paths(msgspec.inspect.type_info(made))) == set(
        paths(msgspec.inspect.type_info(stated))
    )
    requests = Site().requests(MORNING, MORNING + timedelta(minutes=1), timedelta(minutes=1))
    body = next(request.body for request in requests if request.dataset == dataset)
    assert msgspec.json.encode(msgspec.json.decode(body, type=made)) == body


def test_the_simulator_sends_these_and_nothing_else() -> None:
    requests = list(Site().requests(MORNING, MORNING + timedelta(minutes=1), timedelta(minutes=1)))
    assert {request.dataset for request in requests} == set(SIMULATED)
    for request in requests:
        body = msgspec.json.decode(request.body, type=request_type(request.dataset))
        assert msgspec.json.encode(body) == request.body
