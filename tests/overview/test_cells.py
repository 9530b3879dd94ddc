"""The cells of a PMS over a time, from what was posted."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from support.folding import fold
from support.site import Site
from support.stored import beliefs
from support.telemetry import NOON, at, pack_sample, request

from flexmeasures_pms.beliefs.recordings import choose
from flexmeasures_pms.overview.cell_quantities import CellQuantity, as_shown
from flexmeasures_pms.overview.cell_ranking import ranking
from flexmeasures_pms.overview.cells import CellMap, PackCells, cell_map, columns_for
from flexmeasures_pms.registry.loading.load import load_directory
from flexmeasures_pms.registry.queries.dock_stays import dock_stays

URL = "/pms/api/v1/devices/dataset/pms"
LEVEL = 3.7


@pytest.fixture
def site(organisation: Organisation) -> Site:
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms()
        new.cases({"0241": 1, "0242": 2}, "PMS-1-A")
    return site


@pytest.fixture
def post(client: FlaskClient, organisation: Organisation) -> Any:
    def send(*samples: dict[str, Any], pms: str = "PMS-1") -> None:
        reply = client.post(
            URL,
            data=request({"pms_id": pms}, *samples),
            headers=organisation.headers,
            content_type="application/json",
        )
        receipt = json.loads(reply.get_data())["receipt"]
        assert receipt["stored"] == receipt["samples"]

    return send


def volts(*lower: tuple[int, float], opened: tuple[int, ...] = ()) -> dict[str, Any]:
    """Fourteen cells of 3.7 V but for some: ``volts((5, 3.6))``."""
    changed = dict(lower)
    return {"volts": [changed.get(n, LEVEL) for n in range(1, 15)], "open": list(opened)}


def seen(site: Site, minutes: float, columns: int, quantity: CellQuantity = "voltage") -> CellMap:
    end = at(minutes)
    registered = load_directory(site.account_id)
    pms = registered.find("pms", "PMS-1")
    assert pms is not None
    return cell_map(registered, pms.id, NOON, end, quantity=quantity, columns=columns)


def row(found: CellMap, case: str) -> PackCells:
    (only,) = (r for r in found.rows if r.stay.case.ident == case)
    return only


def shown(found: CellMap, case: str) -> Any:
    return as_shown(found.quantity, row(found, case).values)


def test_each_column_has_the_newest_reading_at_its_end(site: Site, post: Any) -> None:
    for minute, low in ((1, 3.61), (2, 3.62), (2.5, 3.625), (3, 3.63), (4, 3.64)):
        post(pack_sample("0241", at(minute), cell=volts((5, low))))
    found = seen(site, 4, 2)
    assert found.moments == [at(2), at(4)]
    assert row(found, "0241").values[4].tolist() == [3.62, 3.64]
    assert row(found, "0241").values[0].tolist() == [LEVEL, LEVEL]
    assert np.isnan(row(found, "0242").values).all()


def test_what_is_older_than_three_readings_is_a_gap(site: Site, post: Any) -> None:
    for minute in (1, 2, 3, 12):
        post(pack_sample("0241", at(minute), cell=volts()))
    found = seen(site, 12, 12)
    assert found.look_back == (timedelta(minutes=3),) * 2
    there = ~np.isnan(row(found, "0241").values[0])
    assert [n for n, is_ in enumerate(there, 1) if is_] == [1, 2, 3, 4, 5, 12]


def minutes_read(found: CellMap, case: str) -> list[float]:
    there = ~np.isnan(row(found, case).values[0])
    times = zip(found.moments, there.tolist(), strict=True)
    return [(moment - NOON) / timedelta(minutes=1) for moment, is_ in times if is_]


def test_readings_stand_as_long_as_they_usually_did_around_a_moment(site: Site, post: Any) -> None:
    slow = [minute for minute in range(1, 21) if not 8 <= minute <= 12]
    quick = [20 + second / 60 for second in range(5, 600, 5) if not 300 < second < 400]
    for minute in (*slow, *quick):
        post(pack_sample("0241", at(minute), cell=volts()))
    found = seen(site, 30, 120)
    assert found.look_back == (timedelta(seconds=15), timedelta(minutes=3))
    there = minutes_read(found, "0241")
    quarters = [n / 4 for n in range(1, 121)]
    assert there == [q for q in quarters if 1 <= q < 10 or 13 <= q <= 25 or q >= 26 + 2 / 3]


@pytest.mark.parametrize("folded", [False, True], ids=["hot", "folded"])
def test_wide_columns_have_the_quarter_before_their_last_full_hour(
    site: Site, post: Any, folded: bool
) -> None:
    """Columns of five hours and 50 s: they end a little after 17:00, 22:00 and 3:00."""
    for minute, low in ((280, 3.61), (290, 3.62), (300.5, 3.63), (570, 3.64), (886, 3.65)):
        post(pack_sample("0241", at(minute), cell=volts((5, low))))
    if folded:
        assert fold(site.account_id)
    found = seen(site, 3 * 300 + 2.5, 3)
    assert row(found, "0241").values[4].tolist()[::2] == [3.62, 3.65]
    assert np.isnan(row(found, "0241").values[4][1])
    assert found.look_back == (timedelta(minutes=75),) * 2


def test_each_pack_has_a_pace_of_its_own(site: Site, post: Any) -> None:
    for minute in range(0, 31, 5):
        post(pack_sample("0242", at(minute), dock=2, cell=volts()))
    for second in range(0, 600, 10):
        post(pack_sample("0241", at(second / 60), cell=volts()))
    found = seen(site, 30, 60)
    assert minutes_read(found, "0241")[-1] == 10
    assert len(minutes_read(found, "0242")) == 60


def test_a_pack_without_two_readings_has_the_pace_of_the_others(site: Site, post: Any) -> None:
    post(pack_sample("0242", at(3), dock=2, cell=volts()))
    for minute in range(1, 12):
        post(pack_sample("0241", at(minute), cell=volts()))
    assert minutes_read(seen(site, 12, 12), "0242") == [3, 4, 5]


def test_the_difference_is_to_the_lowest_cell_of_the_same_pack(site: Site, post: Any) -> None:
    post(
        pack_sample("0241", at(1), cell=volts((5, 3.655))),
        pack_sample("0242", at(1), dock=2, cell=volts((2, 3.7125))),
    )
    found = seen(site, 1, 1, "difference")
    assert shown(found, "0241")[:, 0].tolist() == [45] * 4 + [0] + [45] * 9
    assert shown(found, "0242")[1, 0] == 12
    found = seen(site, 1, 1)
    assert shown(found, "0241")[3:5, 0].tolist() == [3700, 3655]


def test_the_deviation_is_from_the_mean_of_the_other_cells_of_the_pack(
    site: Site, post: Any
) -> None:
    post(
        pack_sample("0241", at(1), cell=volts((5, 3.635))),
        pack_sample("0242", at(1), dock=2, cell={"volts": [3.7, *[None] * 13], "open": []}),
    )
    found = seen(site, 1, 1, "deviation")
    assert shown(found, "0241")[:, 0].tolist() == [5] * 4 + [-65] + [5] * 9
    assert np.isnan(shown(found, "0242")).all()


def test_temperatures_and_fets_are_mapped_too(site: Site, post: Any) -> None:
    post(pack_sample("0241", at(1), temp=[21.04, 22, 57], fet={"temp": [30, 81.5], "open": [2]}))
    assert shown(seen(site, 1, 1, "temperature"), "0241")[:, 0].tolist() == [21, 22, 57]
    assert shown(seen(site, 1, 1, "fet-temperature"), "0241")[:, 0].tolist() == [30, 81.5]
    assert shown(seen(site, 1, 1, "fet-open"), "0241")[:, 0].tolist() == [0, 1]
    (hottest,) = ranking(seen(site, 1, 1, "temperature"))
    assert (hottest.case.ident, hottest.cell, hottest.weak_by) == ("0241", 3, None)


@pytest.mark.parametrize("minutes", [60, 7.77])
def test_the_last_column_ends_with_the_period_whatever_the_number_of_packs(
    site: Site, post: Any, minutes: float
) -> None:
    post(pack_sample("0241", at(minutes), cell=volts()))
    for packs in range(1, 49):
        found = seen(site, minutes, columns_for(packs))
        assert found.moments[-1] == at(minutes), packs
        assert row(found, "0241").values[0, -1] == LEVEL, packs


def test_a_state_is_shown_until_it_changes(site: Site, post: Any) -> None:
    post(pack_sample("0241", at(1), cell=volts(opened=(3, 14))))
    post(pack_sample("0241", at(9), cell=volts()))
    values = row(seen(site, 10, 10, "open"), "0241").values
    assert values[2].tolist()[:8] == [1] * 8
    assert values[13].tolist()[8:] == [0] * 2
    assert values[0].tolist() == [0] * 10


def test_what_is_written_on_change_holds_until_it_changes(site: Site, post: Any) -> None:
    case = site.number("case", "0241")
    choose(case, "case", "cell voltage", Decimal(0))
    for minute in range(1, 25):
        post(pack_sample("0241", at(minute), cell=volts((5, 3.6 if minute < 12 else 3.65))))
    values = row(seen(site, 24, 24), "0241").values
    assert values[4].tolist() == [3.6] * 11 + [3.65] * 13
    assert values[0].tolist() == [LEVEL] * 24
    assert len(beliefs_of(site, "cell 01 voltage")) < 5
    assert np.isnan(row(seen(site, 60, 60), "0241").values[4][-15:]).all()


def beliefs_of(site: Site, sensor: str) -> list[float]:
    found = beliefs(site.account_id, "case:0241")
    return [value for (_, _, name), value in found.items() if name == sensor]


def test_packs_are_those_that_were_there_then(site: Site, post: Any) -> None:
    site.pms("PMS-2")
    site.install(("case", "0242"), ("cabinet", "PMS-2-A"), at=at(6), place=1)
    site.case("0243")
    site.install(("case", "0243"), ("cabinet", "PMS-1-A"), at=at(6), place=2)
    for minute in (3, 9):
        post(pack_sample("0241", at(minute), cell=volts()))
    post(pack_sample("0242", at(3), dock=2, cell=volts()))
    post(pack_sample("0242", at(9), cell=volts()), pms="PMS-2")
    post(pack_sample("0243", at(9), dock=2, cell=volts()))

    found = seen(site, 12, 4)

    spans = [(r.stay.dock, r.stay.case.ident, r.stay.begin, r.stay.end) for r in found.rows]
    assert spans == [
        (1, "0241", NOON, at(12)),
        (2, "0242", NOON, at(6)),
        (2, "0243", at(6), at(12)),
    ]
    there = {r.stay.case.ident: (~np.isnan(r.values[0])).tolist() for r in found.rows}
    assert there["0242"] == [True, True, False, False]
    assert there["0243"] == [False, False, True, True]


def test_a_pack_that_changed_its_dock_has_a_row_for_each(site: Site) -> None:
    site.install(("case", "0242"), ("cabinet", "PMS-1-A"), at=at(5), place=7)
    registered = load_directory(site.account_id)
    stays = dock_stays(registered, site.number("pms", "PMS-1"), NOON, at(10))
    told = [(t.case.ident, t.dock, t.cabinet, t.begin, t.end) for t in stays]
    assert told == [
        ("0241", 1, "PMS-1-A", NOON, at(10)),
        ("0242", 2, "PMS-1-A", NOON, at(5)),
        ("0242", 7, "PMS-1-A", at(5), at(10)),
    ]


@pytest.mark.parametrize("horizon", [timedelta(0), timedelta(hours=1)])
def test_what_others_believe_of_a_cell_is_no_reading(
    site: Site, post: Any, horizon: timedelta
) -> None:
    from flexmeasures.data import db
    from flexmeasures.data.models.data_sources import DataSource
    from flexmeasures.data.models.time_series import Sensor, TimedBelief
    from sqlalchemy import select

    post(pack_sample("0241", at(1), cell=volts()))
    case = load_directory(site.account_id).find("case", "0241")
    assert case is not None
    sensor = db.session.scalars(
        select(Sensor).where(
            Sensor.generic_asset_id == case.asset_id, Sensor.name == "cell 05 voltage"
        )
    ).one()
    forecaster = DataSource(name="forecaster", type="forecaster")
    db.session.add(forecaster)
    moment: datetime = at(2)
    db.session.add(
        TimedBelief(
            sensor=sensor,
            source=forecaster,
            event_start=moment,
            belief_horizon=horizon,
            event_value=1.0,
        )
    )
    db.session.commit()
    assert row(seen(site, 2, 1), "0241").values[4].tolist() == [LEVEL]


@pytest.mark.parametrize(
    ("packs", "wanted", "columns"),
    [(48, None, 60), (12, None, 240), (1, None, 240), (48, 20, 20), (48, 100, 60), (1000, None, 12),
     (0, None, 240)],
)  # fmt: skip
def test_the_more_packs_the_fewer_columns(packs: int, wanted: int | None, columns: int) -> None:
    assert columns_for(packs, wanted) == columns
