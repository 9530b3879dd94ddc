"""The table of quantities makes sense as a whole."""

from __future__ import annotations

from collections import Counter

import pytest
from flexmeasures.utils.unit_utils import is_valid_unit

from flexmeasures_pms.catalogue.asset_types import ASSET_TYPES
from flexmeasures_pms.catalogue.charts import CHART_BY_KEY
from flexmeasures_pms.catalogue.quantities import BY_ASSET_TYPE, QUANTITIES, Quantity, charts_of

CHARTED = [q for q in QUANTITIES if q.chart]


def test_every_unit_is_one_flexmeasures_knows() -> None:
    assert {q.unit for q in QUANTITIES if not is_valid_unit(q.unit)} == set()


def test_every_asset_type_of_a_quantity_is_known() -> None:
    assert BY_ASSET_TYPE.keys() <= {found.name for found in ASSET_TYPES}


@pytest.mark.parametrize("asset_type", BY_ASSET_TYPE)
def test_no_two_quantities_of_an_asset_type_have_a_sensor_in_common(asset_type: str) -> None:
    names = Counter(name for q in BY_ASSET_TYPE[asset_type] for name in q.sensor_names())
    assert {name for name, count in names.items() if count > 1} == set()


@pytest.mark.parametrize("quantity", QUANTITIES, ids=lambda q: f"{q.asset_type}: {q.name}")
def test_the_lowest_believable_reading_is_below_the_highest(quantity: Quantity) -> None:
    lowest, highest = quantity.bounds
    assert lowest < highest
    assert quantity.count >= 0


@pytest.mark.parametrize("quantity", CHARTED, ids=lambda q: f"{q.asset_type}: {q.name}")
def test_a_quantity_in_a_chart_has_a_label_and_a_chart_there_is(quantity: Quantity) -> None:
    assert quantity.label
    assert quantity.chart in CHART_BY_KEY


@pytest.mark.parametrize("asset_type", BY_ASSET_TYPE)
def test_each_line_of_a_chart_is_told_from_the_others(asset_type: str) -> None:
    for chart in charts_of(asset_type):
        key = next(key for key, found in CHART_BY_KEY.items() if found is chart)
        labels = [
            q.label.format(n=n)
            for q in BY_ASSET_TYPE[asset_type]
            if q.chart == key
            for n in range(1, (q.count or 1) + 1)
        ]
        assert len(labels) == len(set(labels)), chart


def test_the_position_in_an_array_is_part_of_a_sensors_name() -> None:
    cells = next(q for q in QUANTITIES if q.name == "cell {n:02d} voltage")
    assert cells.sensor_names()[0] == "cell 01 voltage"
    assert cells.sensor_names()[-1] == "cell 14 voltage"


def test_a_mean_is_rounded_as_its_unit_says_unless_the_quantity_says_otherwise() -> None:
    assert Quantity("case", "x", "V", "x").decimals == 4
    assert Quantity("case", "x", "V", "x", digits=1).decimals == 1
    assert Quantity("case", "x", "dimensionless", "x").decimals == 3
