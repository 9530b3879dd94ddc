"""A dock of a cabinet by either of its numbers: the cabinet's own, and that of the rack."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.profiles import examples
from support.registry import Registry, at

from flexmeasures_pms.errors import RegistryConflict
from flexmeasures_pms.registry.directory import Directory, Entry, Name
from flexmeasures_pms.registry.docks import clear_number, meant_docks
from flexmeasures_pms.registry.timeline import FOREVER, SINCE_EVER, Installation, Rows

NOON = at(12)


@pytest.fixture
def rack(registry: Registry) -> tuple[int, int, int]:
    """A PMS whose first cabinet has 4 docks and whose second has 6; and a case."""
    (pms,), (case,) = registry.add("pms", "P"), registry.add("case", "1")
    for name, docks in (("A", 4), ("B", 6)):
        (cabinet,) = registry.add("cabinet", name, docks=docks)
        registry.do("install", cabinet, pms)
    return pms, cabinet, case


@pytest.mark.parametrize(("number", "dock"), [(1, 1), (4, 4), (7, 3), (10, 6)])
def test_a_dock_of_a_cabinet_has_two_numbers(
    registry: Registry, rack: tuple[int, int, int], number: int, dock: int
) -> None:
    _, cabinet, case = rack
    registry.do("install", case, cabinet, place=number)
    assert registry.timeline(case) == [("B", dock, None, None)]


@pytest.mark.parametrize("number", [5, 6])
def test_a_number_of_two_docks_is_refused_with_both(
    registry: Registry, rack: tuple[int, int, int], number: int
) -> None:
    pms, cabinet, case = rack
    own = f"its own dock {number}, which is dock {number + 4} of PMS P"
    counted = f"dock {number} of PMS P, which is its own dock {number - 4}"
    with pytest.raises(RegistryConflict, match=f"{own}, or {counted}"):
        registry.do("install", case, cabinet, place=number)
    registry.do("install", case, pms, place=number)
    assert registry.timeline(case) == [("B", number - 4, None, None)]


def test_what_takes_a_place_or_is_corrected_in_it_stays_in_this_dock(
    registry: Registry, rack: tuple[int, int, int]
) -> None:
    pms, cabinet, case = rack
    registry.do("install", case, pms, place=9)
    (other,) = registry.add("case", "2")
    registry.do("swap", case, other, at=NOON)
    registry.do("correct", other, cabinet, since=at(13))
    assert registry.timeline(other) == [("B", 5, 13, None)]


def fleet_of(docks: tuple[int, ...]) -> Directory:
    """Return a PMS with cabinets of these numbers of docks, numbered from 1."""
    entries = {0: Entry(0, "pms", "P")}
    entries |= {n: Entry(n, "cabinet", str(n), docks=some) for n, some in enumerate(docks, 1)}
    rows = tuple(Installation(n, 0, "cabinet", n, SINCE_EVER, FOREVER) for n in entries if n)
    names: dict[Name, int] = {}
    aliases: dict[int, tuple[str, ...]] = {}
    by_part: dict[int, Rows] = {row.part_id: (row,) for row in rows}
    return Directory(1, 1, entries, names, aliases, by_part, {0: rows})


@settings(max_examples=examples(100))
@given(st.lists(st.integers(1, 12), min_size=1, max_size=4).map(tuple))
def test_a_clear_number_means_its_dock_alone_and_only_unclear_docks_have_none(
    docks: tuple[int, ...],
) -> None:
    registered = fleet_of(docks)
    for cabinet in range(1, len(docks) + 1):
        entry, before = registered.entry(cabinet), sum(docks[: cabinet - 1])
        for dock in range(1, docks[cabinet - 1] + 1):
            number = clear_number(registered, entry, dock, NOON)
            if number is not None:
                assert meant_docks(registered, entry, number, NOON) == (dock,)
            else:
                both = meant_docks(registered, entry, dock, NOON)
                assert both == (dock, dock - before)
