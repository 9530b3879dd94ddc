"""All devices of an organisation, each in one row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from conftest import Organisation
from flexmeasures.data import db
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, text
from support.fleet import make_fleet
from support.profiles import examples
from support.site import Site
from support.telemetry import CELLS, at, converter_sample, pack_sample

from flexmeasures_pms.catalogue.readings import readings
from flexmeasures_pms.overview.docks import Rack
from flexmeasures_pms.overview.fleet import Device, arranged, fleet
from flexmeasures_pms.overview.packs import TEMPERATURES
from flexmeasures_pms.overview.rack import rack
from flexmeasures_pms.overview.states import Finding
from flexmeasures_pms.registry.loading.load import load_directory
from flexmeasures_pms.storage.tables import latest

Post = Callable[..., dict[str, Any]]
NOW = at(1)


def seen(site: Site) -> dict[str, Device]:
    return {device.ident: device for device in fleet([site.account_id], NOW)}


def told(findings: tuple[Finding, ...]) -> list[tuple[Any, ...]]:
    """What a fleet and its racks have to agree on."""
    return [(f.code, f.ident, f.many, f.since, f.also) for f in findings]


def weak(volts: float, number: int = 5) -> dict[str, Any]:
    cells = [float(cell) for cell in CELLS]
    cells[number - 1] = volts
    return {"volts": cells, "open": []}


@contextmanager
def statements() -> Iterator[list[str]]:
    """The SQL that is sent in the block."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


@pytest.fixture(autouse=True)
def _a_site(site: Site) -> None:
    site.pms(cabinets=2)
    site.cases({"0241": 2, "0242": 3}, "PMS-1-A")
    site.case("0243", "PMS-1-B", 1)


def test_a_pms_is_summed_up_in_a_row(site: Site, post: Post) -> None:
    post(
        pack_sample("0241", dock=2, amps=2.0),
        pack_sample("0242", at(0.5), dock=3, amps=1.0, temp=[30.0, 36.5, 20.0]),
    )
    device = seen(site)["PMS-1"]

    # 51.164 V x 2 A and x 1 A; the cells of both are from 3.647 to 3.669 V.
    assert (device.kind, device.packs, device.reporting) == ("pms", 3, 2)
    assert device.power == pytest.approx(153.492)
    assert (device.hottest, device.spread, device.newest) == (36.5, 22.0, at(0.5))
    assert [(f.code, f.many) for f in device.findings] == [("never", 1)]
    assert device.soc is None


def test_the_worst_pack_is_named(site: Site, post: Post) -> None:
    post(
        pack_sample("0241", dock=2, cell=weak(3.6)),
        pack_sample("0242", dock=3, cell=weak(3.5), fet={"open": [1], "temp": [30.0, 30.0]}),
        pack_sample("0243", dock=13, temp=[20.0, 20.0, 57.25]),
    )
    found = seen(site)["PMS-1"].findings
    assert [(f.code, f.figure, f.ident, f.many) for f in found] == [
        ("hot", 57.25, "0243", 1),
        ("fet_open", None, "0242", 1),
        ("weak_cell", 154.846, "0242", 2),
    ]


def test_a_case_whose_asset_is_gone_is_not_counted(site: Site, post: Post) -> None:
    post(pack_sample("0241", dock=2), pack_sample("0242", dock=3, temp=[60.0, 20.0, 20.0]))
    gone = "UPDATE pms_trackable SET asset_id = NULL WHERE kind = 'case' AND ident = '0242'"
    db.session.execute(text(f"{gone} AND account_id = {site.account_id}"))
    device = seen(site)["PMS-1"]
    assert (device.packs, device.reporting, device.hottest) == (2, 1, 35.0)


def test_silent_packs_are_named_and_their_figures_are_not_counted(site: Site, post: Post) -> None:
    post(
        pack_sample("0241", at(-20), dock=2),
        pack_sample("0242", at(-30), dock=3),
        pack_sample("0243", at(0), dock=13),
    )
    device = seen(site)["PMS-1"]
    assert (device.reporting, device.hottest) == (1, 35.0)
    [silent] = device.findings
    assert (silent.code, silent.ident, silent.many) == ("silent", "0242", 2)
    assert (silent.since, silent.also) == (at(-30), ("0241",))
    assert told(the_rack(site).findings) == told(device.findings)


def test_a_dangerous_state_stays_while_its_pack_is_silent(site: Site, post: Post) -> None:
    post(
        pack_sample("0241", at(-30), dock=2, temp=[70.0, 20.0, 20.0], cell=weak(3.5)),
        pack_sample("0242", at(-30), dock=3, fet={"open": [1], "temp": [30.0, 30.0]}),
        pack_sample("0243", at(0), dock=13, temp=[56.0, 20.0, 20.0]),
    )
    device, shown = seen(site)["PMS-1"], the_rack(site)
    for findings in (device.findings, shown.findings):
        assert [(f.code, f.figure, f.ident, f.many, f.since) for f in findings] == [
            ("hot", 70.0, "0241", 2, at(-30)),
            ("fet_open", None, "0242", 1, at(-30)),
            ("silent", None, "0241", 2, at(-30)),
        ]
    assert device.hottest == 56.0


def test_a_pms_all_of_which_is_silent_is_so_since_it_was_last_heard_of(
    site: Site, post: Post
) -> None:
    post(pack_sample("0241", at(-30), dock=2), pack_sample("0242", at(-20), dock=3))
    for state in (seen(site)["PMS-1"].state, the_rack(site).findings[0]):
        assert (state.code, state.ident, state.since, state.many) == ("silent", None, at(-20), 2)


def test_an_empty_pms_is_not_normal(site: Site) -> None:
    site.pms("PMS-2")
    assert [f.code for f in seen(site)["PMS-2"].findings] == ["empty"]
    assert [f.code for f in the_rack(site, "PMS-2").findings] == ["empty"]


def test_unknown_packs_are_told_of_their_pms(site: Site, post: Post) -> None:
    post(pack_sample("new-1", at(0), dock=5), pack_sample("new-2", at(-1), dock=6))
    device, shown = seen(site)["PMS-1"], the_rack(site)
    for findings in (device.findings, shown.findings):
        assert [(f.code, f.ident, f.many) for f in findings] == [
            ("unknown_pack", "new-1", 2), ("never", "0241", 3),
        ]  # fmt: skip


def test_converters_have_a_row_each(site: Site, post: Post) -> None:
    site.register("mppt", "MPPT-1", "MPPT-2", "MPPT-3")
    site.register("inverter", "INV-1")
    status = {"code": "1001"}
    post(converter_sample(), dataset="mppt", mppt_id="MPPT-1", status=status)
    post(converter_sample(at(-10)), dataset="mppt", mppt_id="MPPT-2", status=status)
    post(converter_sample(), dataset="inverter", inverter_id="INV-1", status={"code": "0000"})

    site.register("mppt", "MPPT-4")
    # A state that is bad on the device's page, by the catalogue.
    row = {"event_time": at(0), "device_id": 0, "readings": {"input status": 3}}
    number = site.number("mppt", "MPPT-4")
    db.session.execute(sa.insert(latest), {**row, "trackable_id": number})

    found = seen(site)

    assert {i: (d.kind, d.state.code) for i, d in found.items() if d.kind != "pms"} == {
        "MPPT-1": ("mppt", "fault"),
        "MPPT-2": ("mppt", "fault"),
        "MPPT-3": ("mppt", "never"),
        "MPPT-4": ("mppt", "fault"),
        "INV-1": ("inverter", "bus_fault"),
    }
    # It is not known to be over.
    assert [(f.code, f.since) for f in found["MPPT-2"].findings] == [
        ("fault", at(-10)), ("silent", at(-10)),
    ]  # fmt: skip
    # 55.1 V x -1.601 A
    assert found["MPPT-1"].power == pytest.approx(-88.2151)
    assert (found["MPPT-2"].power, found["MPPT-1"].packs) == (None, None)


def test_what_is_retired_is_not_silent(site: Site, post: Post) -> None:
    site.register("mppt", "MPPT-1", "MPPT-2", "MPPT-3")
    for mppt, time in (("MPPT-1", at(-20)), ("MPPT-2", at(0))):
        post(converter_sample(time), dataset="mppt", mppt_id=mppt)
        site.retire(("mppt", mppt), at(-10))
    site.retire(("mppt", "MPPT-3"), at(-10))
    post(pack_sample("0241", at(-20), dock=2))
    site.retire(("pms", "PMS-1"), at(-10))

    found = seen(site)

    assert {i: [(f.code, f.level, f.since) for f in d.findings] for i, d in found.items()} == {
        "MPPT-1": [("retired", "note", at(-10))],
        "MPPT-2": [("retired_reporting", "warning", None)],
        "MPPT-3": [("retired", "note", at(-10))],
        "PMS-1": [("retired", "note", at(-10))],
    }
    assert told(the_rack(site).findings) == told(found["PMS-1"].findings)


def test_a_retired_pack_that_reports_is_told_of_its_pms(site: Site, post: Post) -> None:
    for pack in ("0241", "0242"):
        site.retire(("case", pack), at(-10))
    post(pack_sample("0241", dock=2), pack_sample("0242", at(-20), dock=3))
    post(pack_sample("0243", dock=13))

    device, shown = seen(site)["PMS-1"], the_rack(site)

    for findings in (device.findings, shown.findings):
        assert [(f.code, f.ident, f.many) for f in findings] == [("retired_reporting", "0241", 1)]
    [visitor] = shown.reported_here
    assert [f.code for f in visitor.findings] == ["retired_reporting"]
    # An hour later it does not report.
    later = fleet([site.account_id], at(60))
    assert [f.code for f in next(iter(later)).findings] == ["silent"]


def test_a_fleet_and_its_racks_agree(site: Site, post: Post) -> None:
    """One is summed up by the database and the other from its packs: by the same rules."""
    site.register("cabinet", "PMS-1-C", docks=16)
    site.install(("cabinet", "PMS-1-C"), ("pms", "PMS-1"), place=3)
    site.register("cabinet", "PMS-1-D")
    site.install(("cabinet", "PMS-1-D"), ("pms", "PMS-1"), place=4)
    site.case("0244", "PMS-1-C", 15)
    site.case("0245", "PMS-1-D", 2)
    site.case("0246", "PMS-1-A", 7)
    site.case("0247", "PMS-1-D", 5)
    post(
        pack_sample("0241", dock=2, cell=weak(4.21), temp=[10.0, 60.0, 20.0]),
        pack_sample("0242", dock=99, cell=weak(2.9)),
        pack_sample("0243", at(-30), dock=13),
        pack_sample("0244", dock=39, fet={"open": [1, 2], "temp": [80.5, 20.0]}),
        pack_sample("0245", dock=42),
        pack_sample("0247", dock=45),
        pms_id="PMS-1",
        status={"code": "0000", "temp": 48.3},
    )
    site.install(("case", "0245"), ("cabinet", "PMS-1-D"), at=at(-60), place=3)
    registered = load_directory(site.account_id)
    pms = registered.find("pms", "PMS-1")
    assert pms is not None

    device, shown = seen(site)["PMS-1"], rack(registered, pms, NOW)

    assert told(device.findings) == told(shown.findings)
    assert len(device.findings) == 11
    assert (device.packs, device.reporting) == (shown.registered, shown.reporting)
    assert device.power == pytest.approx(shown.power)
    assert device.newest == shown.newest
    assert device.hottest == max(o.pack.hottest or 0 for o in shown.occupants())


def test_rows_are_found_and_put_in_order(site: Site, post: Post) -> None:
    site.pms("PMS-2")
    site.case("0270", "PMS-2-A", 1)
    site.register("mppt", "Sun-1")
    post(pack_sample("0241", dock=2), pack_sample("0242", dock=3), pack_sample("0243", dock=13))
    post(pack_sample("0270", temp=[60.0, 20.0, 20.0]), pms_id="PMS-2")
    devices = list(seen(site).values())

    def order(sort: str, q: str = "") -> list[str]:
        return [device.ident for device in arranged(devices, sort, q)]

    assert order("state") == ["PMS-2", "Sun-1", "PMS-1"]
    assert order("-state") == ["PMS-1", "Sun-1", "PMS-2"]
    assert order("hottest") == ["PMS-2", "PMS-1", "Sun-1"]
    assert order("-hottest") == ["PMS-1", "PMS-2", "Sun-1"]
    assert order("name", "pms") == ["PMS-1", "PMS-2"]
    assert order("newest", "none") == []


def test_another_organisation_is_not_in_it(
    site: Site, post: Post, other_organisation: Organisation
) -> None:
    post(pack_sample("0241", dock=2))
    assert fleet([other_organisation.id], NOW) == ()
    assert fleet([], NOW) == ()


def test_a_thousand_pmses_cost_four_queries(other_organisation: Organisation) -> None:
    make_fleet(other_organisation.id, systems=1000, packs=2, time=at(0))
    with statements() as sent:
        devices = fleet([other_organisation.id], NOW)
    assert len(devices) == 1000
    assert {(d.packs, d.reporting, d.power, d.state.code) for d in devices} == {
        (2, 2, 155.715, "ok")
    }
    assert len(sent) == 4


def test_one_cell_that_was_not_read_does_not_hide_a_low_one(site: Site, post: Post) -> None:
    volts = [3.461] * 2 + [2.4] + [3.461] * 10 + [19.845]
    receipt = post(pack_sample("0241", dock=2, cell={"volts": volts, "open": []}))
    device, shown = seen(site)["PMS-1"], the_rack(site)

    assert receipt["faulty"] == 1
    found = {f.code: f for f in device.findings}
    assert (found["cell_low"].figure, found["cell_low"].ident) == (2.4, "0241")
    assert [f.code for f in device.findings] == [f.code for f in shown.findings]
    [unread] = [f for f in shown.findings if f.code == "unread"]
    assert (unread.numbers, unread.ident) == ((14,), "0241")


def test_a_pack_whose_cells_are_unread_is_not_normal(site: Site, post: Post) -> None:
    volts = [3793] * 13 + [2400]
    receipt = post(
        pack_sample("0241", dock=2, cell={"volts": volts, "open": []}),
        pack_sample("0242", dock=3),
    )
    assert (receipt["faulty"], receipt["stored"]) == (14, 2)
    device, shown = seen(site)["PMS-1"], the_rack(site)
    assert [(f.code, f.numbers, f.many) for f in device.findings] == [
        ("unread", (), 1), ("never", (), 1),
    ]  # fmt: skip
    assert [(f.code, f.numbers, f.many) for f in shown.findings] == [
        ("unread", (), 1), ("never", (), 1),
    ]  # fmt: skip


def test_a_pack_without_a_temperature_is_not_normal(site: Site, post: Post) -> None:
    post(
        pack_sample("0241", dock=2, temp=[3276.7] * 3),
        pack_sample("0242", dock=3, temp=[3276.7, 3276.7, 34.0]),
    )
    device, shown = seen(site)["PMS-1"], the_rack(site)
    for findings in (device.findings, shown.findings):
        assert [(f.code, f.many) for f in findings] == [("no_temperature", 1), ("never", 1)]


def volts_of_a_cell() -> st.SearchStrategy[float | None]:
    """Mostly sound, sometimes beyond a limit, and often none."""
    return st.one_of(
        st.integers(3600, 3660).map(lambda mv: mv / 1000),
        st.sampled_from([None, 2.4, 2.999, 3.0, 4.2, 4.201]),
    )


packs_read = st.lists(
    st.fixed_dictionaries(
        {"cell": st.lists(volts_of_a_cell(), min_size=14, max_size=14)},
        optional={
            "temperatures": st.lists(st.sampled_from([None, 30, 54.9, 55]), min_size=3, max_size=3),
            "FET": st.lists(st.sampled_from([None, 33, 79.9, 80]), min_size=2, max_size=2),
            "open": st.lists(st.integers(0, 1), min_size=2, max_size=2),
            "dock": st.sampled_from([2, 3, 13]),
            "minutes": st.sampled_from([0, -4, -6]),
        },
    ),
    min_size=1,
    max_size=3,
)


def put_latest(site: Site, pms: int, case: str, found: dict[str, Any]) -> None:
    """Write a pack's newest reading, whatever a decoder would make of it."""
    names = {f"cell {n:02d} voltage": volts for n, volts in enumerate(found["cell"], 1)}
    if None not in found["cell"]:  # then the decoder's figures are there as well
        given = {"cell.volts": tuple(Decimal(str(volts)) for volts in found["cell"])}
        names |= {name: float(value) for name, value in readings("case", given).items()}
    heat = found.get("temperatures", [])
    names |= dict(zip(TEMPERATURES, heat, strict=False))
    for n in (0, 1):
        names |= {f"FET {n + 1} temperature": found["FET"][n]} if "FET" in found else {}
        names |= {f"FET {n + 1} open": found["open"][n]} if "open" in found else {}
    names |= {"dock": found["dock"]} if "dock" in found else {}
    row = {
        "trackable_id": site.number("case", case),
        "event_time": at(found.get("minutes", 0)),
        "device_id": pms,
        "readings": {name: value for name, value in names.items() if value is not None},
    }
    db.session.execute(sa.insert(latest), row)


@settings(
    max_examples=examples(120),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(packs=packs_read)
def test_whatever_was_read_a_fleet_and_its_rack_agree(site: Site, packs: Any) -> None:
    numbers = [site.number("case", case) for case in ("0241", "0242", "0243")]
    db.session.execute(sa.delete(latest).where(latest.c.trackable_id.in_(numbers)))
    for case, found in zip(("0241", "0242", "0243"), packs, strict=False):
        put_latest(site, site.number("pms", "PMS-1"), case, found)

    device, shown = seen(site)["PMS-1"], the_rack(site)

    worst = ("hot", "fet_hot", "cell_high", "cell_low", "weak_cell")
    assert told(device.findings) == told(shown.findings)
    by_rack = {f.code: f.figure for f in shown.findings}
    for finding in device.findings:
        if finding.code in worst:
            assert finding.figure == pytest.approx(by_rack[finding.code], abs=0.051)
    spreads = [o.pack.spread for o in shown.occupants() if o.pack.spread and not o.pack.silent]
    assert (device.spread or 0) == pytest.approx(max(spreads, default=0))


def the_rack(site: Site, ident: str = "PMS-1") -> Rack:
    registered = load_directory(site.account_id)
    pms = registered.find("pms", ident)
    assert pms is not None
    return rack(registered, pms, NOW)
