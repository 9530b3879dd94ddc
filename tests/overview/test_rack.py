"""A PMS as it stands in the room."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from support.site import Site
from support.telemetry import CELLS, at, pack_sample

from flexmeasures_pms.overview.cell_quantities import as_shown, below_others
from flexmeasures_pms.overview.docks import Occupant, Rack, Scale
from flexmeasures_pms.overview.rack import rack
from flexmeasures_pms.overview.rack_ranking import ranked
from flexmeasures_pms.overview.shading import SHADINGS
from flexmeasures_pms.overview.states import deviations
from flexmeasures_pms.registry.loading.load import load_directory

Post = Callable[..., dict[str, Any]]
NOW = at(1)
SOUND = [float(volts) for volts in CELLS]


def cells(**changed: float) -> dict[str, Any]:
    """Cells of a sample: ``cells(c05=3.5)`` changes one."""
    volts = list(SOUND)
    for name, value in changed.items():
        volts[int(name[1:]) - 1] = value
    return {"volts": volts, "open": []}


def seen(site: Site, pms: str = "PMS-1", now: datetime = NOW) -> Rack:
    registered = load_directory(site.account_id)
    entry = registered.find("pms", pms)
    assert entry is not None
    return rack(registered, entry, now)


def by_case(shown: Rack) -> dict[str, Occupant]:
    return {occupant.pack.ident: occupant for occupant in shown.occupants()}


def states(shown: Rack) -> dict[str, list[str]]:
    return {i: [f.code for f in o.findings] for i, o in by_case(shown).items()}


def put(site: Site, case: str, cabinet: str, dock: int, since: datetime) -> None:
    site.install(("case", case), ("cabinet", cabinet), at=since, place=dock)


@pytest.fixture(autouse=True)
def _two_cabinets(site: Site) -> None:
    site.pms(cabinets=2)
    site.case("0241", "PMS-1-A", 2)
    site.case("0242", "PMS-1-B", 1)


def test_each_case_is_in_its_dock(site: Site, post: Post) -> None:
    post(pack_sample("0241", dock=2), pack_sample("0242", dock=13))

    shown = seen(site)

    assert [(c.position, c.ident, len(c.docks)) for c in shown.cabinets] == [
        (1, "PMS-1-A", 12), (2, "PMS-1-B", 12),
    ]  # fmt: skip
    taken = {
        (dock.number, dock.own): dock.occupant.pack.ident
        for cabinet in shown.cabinets
        for dock in cabinet.docks
        if dock.occupant
    }
    assert taken == {(2, 2): "0241", (13, 1): "0242"}
    assert (shown.registered, shown.reporting, shown.newest) == (2, 2, at(0))
    assert states(shown) == {"0241": ["ok"], "0242": ["ok"]}


def test_the_figures_of_a_pack_are_those_of_its_newest_reading(site: Site, post: Post) -> None:
    post(pack_sample("0241", dock=2), pack_sample("0241", at(-1), dock=2, amps=9.0))

    pack = by_case(seen(site))["0241"].pack

    # The cells add up to 51.164 V; without cell 3 (3.647 V) that is 3.65515 V on average.
    assert (pack.volts, pack.amps, pack.power) == (51.164, -0.625, -31.9775)
    assert (pack.weakest, pack.strongest, pack.spread, pack.weak_by) == (3, 4, 22.0, 8.154)
    assert (pack.hottest, pack.cells_open, pack.fets_open) == (35.0, (3,), ())
    assert pack.cells[3].volts == 3.669


def test_a_weak_cell_is_named_and_the_worst_cells_are_listed(site: Site, post: Post) -> None:
    post(
        pack_sample("0241", dock=2, cell=cells(c05=3.6)),
        pack_sample("0242", dock=13, cell=cells(c14=3.5), temp=[20.0, 56.0, 20.0]),
    )
    shown = seen(site)

    # 51.164 V less cell 5 (3.651 V) is 47.513 V, or 3.65485 V a cell: 54.8 mV more than 3.6 V.
    [weak] = by_case(shown)["0241"].findings
    assert (weak.code, weak.figure, weak.numbers) == ("weak_cell", 54.846, (5,))
    assert states(shown)["0242"] == ["hot", "weak_cell"]
    assert [(w.occupant.pack.ident, w.occupant.dock, w.cell.number) for w in shown.worst_cells] == [
        ("0242", 13, 14), ("0241", 2, 5),
    ]  # fmt: skip
    assert [(f.code, f.ident, f.many) for f in shown.findings] == [
        ("hot", "0242", 1), ("weak_cell", "0242", 2),
    ]  # fmt: skip
    assert shown.scale == Scale(3.5, 3.7)
    assert shown.scale.height(3.55) == pytest.approx(0.25)


def test_each_weak_cell_of_a_pack_is_weak(site: Site, post: Post) -> None:
    post(
        pack_sample("0241", dock=2, cell=cells(c05=3.58, c09=3.585)),
        pack_sample("0242", dock=13, cell=cells(c07=4.25)),
    )
    shown = seen(site)
    states_of = {i: [c.state for c in o.pack.cells] for i, o in by_case(shown).items()}
    assert [n for n, state in enumerate(states_of["0241"], 1) if state == "weak"] == [5, 9]
    [weak] = by_case(shown)["0241"].findings
    assert weak.numbers == (5, 9)
    # A cell that is too high does not make the others weak.
    assert (states_of["0242"].count("normal"), states(shown)["0242"]) == (13, ["cell_high"])
    cells_ranked = [(r.cell.number, r.beyond) for r in ranked(shown, "cells", NOW) if r.cell]
    assert [number for number, beyond in cells_ranked if beyond] == [5, 9]


def test_a_figure_is_judged_before_it_is_rounded(site: Site, post: Post) -> None:
    # 13 cells of 3.653 V, and one 29.96 mV lower.
    volts = [3.653] * 13 + [3.62304]
    post(pack_sample("0241", dock=2, cell={"volts": volts, "open": []}))
    shown = seen(site)
    pack = by_case(shown)["0241"].pack
    assert (states(shown)["0241"], pack.weak_by) == (["ok"], 29.96)
    for by in ("deviation", "cells"):
        assert not any(one.beyond for one in ranked(shown, by, NOW))
    assert SHADINGS["deviation"].step(pack.weak_by) != "over"
    exact = np.array([[v] for v in volts])
    assert as_shown("deviation", exact)[13, 0] == -29


def test_a_heat_map_has_the_deviations_of_the_rack() -> None:
    for volts in ([3.7] * 12 + [3.64, 4.25], [3.7, 4.25, 4.25], [4.25, 4.3], [3.7, np.nan]):
        told = deviations([None if np.isnan(v) else v for v in volts])
        found = -1000 * below_others(np.array([[v] for v in volts]))[:, 0]
        assert found == pytest.approx([np.nan if v is None else v for v in told], nan_ok=True)


def test_a_pack_that_is_not_heard_of_is_silent_and_counts_no_more(site: Site, post: Post) -> None:
    post(pack_sample("0241", dock=2, amps=2.0), pack_sample("0242", at(-10), dock=13, amps=5.0))

    shown = seen(site)

    [silent] = by_case(shown)["0242"].findings
    assert (silent.code, silent.since) == ("silent", at(-10))
    assert (shown.reporting, shown.power) == (1, 102.328)
    assert [w.occupant.pack.ident for w in shown.worst_cells] == ["0241"]
    # When all are silent, the last voltages are drawn.
    assert seen(site, now=at(60)).scale == Scale(3.6, 3.7)


def test_what_has_not_reported_yet_is_no_failure(site: Site) -> None:
    shown = seen(site)
    assert states(shown) == {"0241": ["never"], "0242": ["never"]}
    assert (shown.newest, shown.scale, shown.power, shown.worst_cells) == (None, None, None, ())


def test_open_fets_are_told_by_number(site: Site, post: Post) -> None:
    post(pack_sample("0241", dock=2, fet={"open": [2], "temp": [34.0, 81.0]}))
    hot, is_open = by_case(seen(site))["0241"].findings
    assert (hot.code, hot.figure) == ("fet_hot", 81.0)
    assert (is_open.code, is_open.numbers) == ("fet_open", (2,))


def test_a_pack_that_no_dock_is_allocated_to_says_so(site: Site, post: Post) -> None:
    site.case("0250")
    post(pack_sample("0241", dock=99), pack_sample("0250", dock=99))

    shown = seen(site)

    assert states(shown)["0241"] == ["unallocated"]
    assert [(o.pack.ident, o.findings[0].code) for o in shown.undocked] == [("0250", "unallocated")]


def test_a_pack_that_reports_from_elsewhere_than_registered_says_so(site: Site, post: Post) -> None:
    site.pms("PMS-2")
    site.case("0260", "PMS-2-A", 1)
    post(pack_sample("0241", at(0), dock=2), pack_sample("0242", at(0), dock=13))
    post(pack_sample("0260", at(0), dock=1), pms_id="PMS-2")
    # Corrected afterwards: none of it has reported since.
    put(site, "0241", "PMS-1-A", 3, at(-60))
    put(site, "0260", "PMS-1-B", 4, at(-60))

    shown = seen(site)

    assert states(shown)["0241"] == ["wrong_place"]
    [wrong] = by_case(shown)["0241"].findings
    assert (by_case(shown)["0241"].dock, wrong.numbers, wrong.source) == (3, (2,), None)
    [foreign] = by_case(shown)["0260"].findings
    assert (foreign.code, foreign.numbers, foreign.source) == ("wrong_place", (1,), "PMS-2")
    [visitor] = seen(site, "PMS-2").reported_here
    assert (visitor.pack.ident, visitor.dock, visitor.home) == ("0260", 1, "PMS-1-B")


def test_a_pack_that_was_moved_since_its_newest_reading_is_not_wrong(
    site: Site, post: Post
) -> None:
    post(pack_sample("0241", dock=2))
    put(site, "0241", "PMS-1-A", 3, at(0.5))
    assert states(seen(site))["0241"] == ["ok"]


def test_an_unknown_pack_is_shown_in_the_dock_that_it_reports(site: Site, post: Post) -> None:
    post(pack_sample("0241", dock=2), pack_sample("<new>", dock=5), pack_sample("old", at(-60)))

    shown = seen(site)

    assert [(n.ident, n.dock, n.samples) for n in shown.unknown_packs] == [
        ("<new>", 5, 1), ("old", 1, 1),
    ]  # fmt: skip
    found = [dock.unknown_pack.ident for dock in shown.cabinets[0].docks if dock.unknown_pack]
    assert found == ["<new>"]
    assert [(f.code, f.ident, f.many) for f in shown.findings if f.code == "unknown_pack"] == [
        ("unknown_pack", "<new>", 2)
    ]


def test_docks_without_a_cabinet_stand_too(site: Site, post: Post) -> None:
    site.register("pms", "PMS-9")
    site.register("case", "0290")
    post(pack_sample("0290", dock=14), pms_id="PMS-9")

    shown = seen(site, "PMS-9")

    assert [(c.ident, len(c.docks)) for c in shown.cabinets] == [(None, 12), (None, 12)]
    [dock] = [dock for cabinet in shown.cabinets for dock in cabinet.docks if dock.occupant]
    assert (dock.number, dock.own) == (14, 2)


def test_a_cabinet_tells_its_ehub(site: Site, post: Post) -> None:
    post(pack_sample("0242", dock=13), pms_id="PMS-1", status={"code": "0000", "temp": 48.3})
    first, second = (cabinet.ehub for cabinet in seen(site).cabinets)
    assert first is None
    assert second is not None
    assert (second.temperature, second.time) == (48.3, at(0))
    assert [(f.code, f.ident) for f in second.findings] == [("bus_fault", "PMS-1-B")]
    assert seen(site).findings[0].code == "bus_fault"
