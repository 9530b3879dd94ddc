"""The catalogue says which fields there are."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from support.messages import one, pms_sample, read_csv

from flexmeasures_pms.catalogue import quantities
from flexmeasures_pms.catalogue.asset_types import DATASETS, DEVICE_KIND_BY_NAME
from flexmeasures_pms.catalogue.quantities import Quantity
from flexmeasures_pms.wire import csv_header, fields, spellings, tree

CACHES = (
    fields.sample_fields,
    fields.dataset_fields,
    tree.sample_tree,
    tree.dataset_tree,
    csv_header._places,
)


@pytest.fixture
def new_lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Add two quantities to the catalogue, each as the one line that it takes."""
    added = (
        Quantity("case", "state of charge", "%", "pack.soc", (0, 100)),
        Quantity("case", "cell {n} temperature", "°C", "cell.temp", (-40, 150), 3),
    )
    monkeypatch.setitem(quantities.BY_ASSET_TYPE, "case", quantities.BY_ASSET_TYPE["case"] + added)
    for cache in CACHES:
        cache.cache_clear()
    yield
    monkeypatch.undo()
    for cache in CACHES:
        cache.cache_clear()


@pytest.mark.usefixtures("new_lines")
class TestOneNewLine:
    def test_is_read_from_json(self) -> None:
        sample = one(pms_sample(soc="80.5", cell={"temp": [20, 21, 151]}))

        assert sample.fields["pack.soc"] == Decimal("80.5")
        assert sample.fields["cell.temp"] == (20, 21, None)
        assert [p.path for p in sample.faulty] == ["datasets[0].data[0].pack.cell.temp[2]"]

    def test_is_bounded(self) -> None:
        assert [p.path for p in one(pms_sample(soc=101)).faulty] == ["datasets[0].data[0].pack.soc"]
        assert [p.code for p in one(pms_sample(soc="full")).faulty] == ["invalid_value"]

    def test_is_read_from_csv(self) -> None:
        header = "time,pack.id,pack.soc,cell.temp.1,cell.temp.2,cell.temp.3"
        (sample,) = read_csv(f"{header}\n20200210T150006+0700,1,80,20,,22\n").samples

        assert sample.fields == {"pack.soc": 80, "cell.temp": (20, None, 22)}


@pytest.mark.parametrize("dataset", DATASETS)
def test_every_field_of_the_catalogue_is_read(dataset: Any) -> None:
    sources = {
        quantity.source
        for kind in DEVICE_KIND_BY_NAME[dataset].asset_types
        for quantity in quantities.BY_ASSET_TYPE[kind]
        if isinstance(quantity.source, str)
    }

    assert sources <= set(fields.sample_fields(dataset))


def test_every_spelling_belongs_to_a_field() -> None:
    known = {path for dataset in DATASETS for path in fields.sample_fields(dataset)}
    spelled = {*spellings.SAMPLE, *spellings.DATASET, *spellings.MEMBERS, *spellings.SURPLUS}

    assert spelled <= known
    assert set(spellings.COLUMNS) <= known | {spellings.DEVICE_ID}
