"""Hot swap: what devices report moves cases (A4.7)."""

from __future__ import annotations

import pytest
from support.registry import Registry, at

PmsSite = tuple[int, int, int, int]


@pytest.fixture
def site(registry: Registry) -> PmsSite:
    """Two PMSes: P with cabinets of 16 and 12 docks, Q without; cases 1 and 2 in P."""
    p, q = registry.add("pms", "P", "Q")
    (large,), (small,) = registry.add("cabinet", "L", docks=16), registry.add("cabinet", "S")
    registry.do("install", large, p)
    registry.do("install", small, p)
    one, two = registry.add("case", "1", "2")
    registry.do("install", one, large, place=1)
    registry.do("install", two, large, place=2)
    return p, q, one, two


def test_docks_across_a_pms_count_on_from_cabinet_to_cabinet(
    registry: Registry, site: PmsSite
) -> None:
    p, q, one, _ = site
    known = registry.directory
    found = {dock: known.cabinet_at(p, dock, at(1)) for dock in (1, 16, 17, 28, 29)}
    assert {dock: f and (f[0].ident, f[1]) for dock, f in found.items()} == {
        1: ("L", 1),
        16: ("L", 16),
        17: ("S", 1),
        28: ("S", 12),
        29: None,
    }
    assert known.cabinet_at(q, 1, at(1)) is None
    assert known.dock_across(one, at(1)) == 1


def test_a_cabinet_that_is_not_registered_counts_twelve_docks(registry: Registry) -> None:
    (pms,), (second,) = registry.add("pms", "P"), registry.add("cabinet", "B")
    registry.do("install", second, pms, place=2)
    known = registry.directory
    assert known.cabinet_at(pms, 12, at(1)) is None
    assert known.cabinet_at(pms, 13, at(1))[1] == 1


def test_a_case_that_reports_from_where_it_is_changes_nothing(
    registry: Registry, site: PmsSite
) -> None:
    p, _, one, _ = site
    assert registry.report(one, p, 1, at(10)).touched == ()
    assert registry.report(one, p, None, at(10)).touched == ()


def test_a_case_that_reports_from_another_dock_displaces_who_is_registered_there(
    registry: Registry, site: PmsSite
) -> None:
    p, _, one, two = site
    change = registry.report(one, p, 2, at(10))
    assert set(change.touched) == {one, two}
    assert registry.timeline(one) == [("L", 1, None, 10), ("L", 2, 10, None)]
    assert registry.timeline(two) == [("L", 2, None, 10)]


def test_two_cases_that_exchanged_docks_both_land(registry: Registry, site: PmsSite) -> None:
    p, _, one, two = site
    registry.report(one, p, 2, at(10))
    registry.report(two, p, 17, at(10))
    assert registry.timeline(two) == [("L", 2, None, 10), ("S", 1, 10, None)]


def test_a_case_that_reports_under_another_pms_is_there_with_the_device_as_author(
    registry: Registry, site: PmsSite
) -> None:
    from flexmeasures_pms.registry.editing.change import Author
    from flexmeasures_pms.registry.editing.hot_swap import DockReport, record_moves
    from flexmeasures_pms.registry.queries.history import history

    _, q, one, _ = site
    author = Author("device:Q")
    record_moves(registry.account_id, [DockReport(one, q, None, at(10))], author)
    record_moves(registry.account_id, [DockReport(one, q, 5, at(11))], author)
    assert registry.timeline(one) == [("L", 1, None, 10), ("Q", None, 10, 11), ("Q", 5, 11, None)]
    assert registry.directory.pms_of(one, at(12)).ident == "Q"
    last = history(registry.account_id, one).transactions[-1]
    assert (last["verb"], last["author"]) == ("moved", "device:Q")


def test_a_late_report_holds_until_the_next_that_is_known(
    registry: Registry, site: PmsSite
) -> None:
    p, q, one, two = site
    registry.report(one, q, 5, at(12))
    registry.report(one, p, 2, at(10))
    assert registry.timeline(one) == [("L", 1, None, 10), ("L", 2, 10, 12), ("Q", 5, 12, None)]
    assert registry.timeline(two) == [("L", 2, None, 10), ("L", 2, 12, None)]


def test_a_case_that_was_nowhere_is_installed_where_it_first_reports(
    registry: Registry, site: PmsSite
) -> None:
    p, *_ = site
    (new,) = registry.add("case", "3")
    registry.report(new, p, 40, at(10))
    registry.report(new, p, 40, at(9))
    assert registry.timeline(new) == [("P", 40, 9, None)]


def test_many_reports_are_recorded_in_the_order_of_their_times(
    registry: Registry, site: PmsSite
) -> None:
    from flexmeasures_pms.registry.editing.change import Author
    from flexmeasures_pms.registry.editing.hot_swap import DockReport, record_moves

    p, q, one, _ = site
    reports = [DockReport(one, q, 3, at(12)), DockReport(one, p, 20, at(10))]
    record_moves(registry.account_id, reports, Author("device:Q"))
    assert registry.timeline(one) == [("L", 1, None, 10), ("S", 4, 10, 12), ("Q", 3, 12, None)]


def test_cases_in_docks_that_a_cabinet_was_not_known_to_have_are_taken_in(
    registry: Registry,
) -> None:
    (pms,), (cabinet,) = registry.add("pms", "JS7"), registry.add("cabinet", "C")
    (case,) = registry.add("case", "16")
    registry.do("install", cabinet, pms)
    registry.report(case, pms, 16, at(10))
    assert registry.timeline(case) == [("JS7", 16, 10, None)]
    registry.add("cabinet", "C", docks=16)
    assert registry.timeline(case) == [("C", 16, 10, None)]
    assert registry.directory.dock_across(case, at(11)) == 16
