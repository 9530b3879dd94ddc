"""Changes of the registry, one by one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from support.registry import Registry

from flexmeasures_pms.errors import RegistryConflict, RegistryError

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
EARLY = NOON - timedelta(days=4000)
HOUR = timedelta(hours=1)


def test_a_first_installation_holds_since_ever(registry: Registry) -> None:
    board, case = registry.add("acquisition-board", "B1") + registry.add("case", "1")
    registry.do("install", board, case)
    assert registry.timeline(board) == [("1", 1, None, None)]
    assert registry.directory.resolve_pack("b1", EARLY).case.ident == "1"


def test_a_change_without_a_time_holds_from_now(registry: Registry) -> None:
    (board,), (one, two) = registry.add("acquisition-board", "B1"), registry.add("case", "1", "2")
    registry.do("install", board, one)
    registry.do("install", board, two)
    first, second = registry.directory.by_part[board]
    assert first.end == second.begin
    assert abs(second.begin - datetime.now(UTC)) < timedelta(minutes=5)


def test_a_board_that_is_installed_elsewhere_leaves_where_it_was(registry: Registry) -> None:
    (board,), (one, two) = registry.add("acquisition-board", "B1"), registry.add("case", "1", "2")
    registry.do("install", board, one)
    registry.do("install", board, two, at=NOON)
    assert registry.timeline(board) == [("1", 1, None, 12), ("2", 1, 12, None)]
    find = registry.directory.resolve_pack
    assert find("B1", NOON - timedelta(milliseconds=1)).case.ident == "1"
    assert find("B1", NOON).case.ident == "2"


def test_a_taken_place_is_refused_and_nothing_changes(registry: Registry) -> None:
    (one, two), (case,) = registry.add("acquisition-board", "B1", "B2"), registry.add("case", "1")
    registry.do("install", one, case)
    with pytest.raises(RegistryConflict, match=r"swap B1 B2"):
        registry.do("install", two, case)
    assert registry.timeline(two) == []


def test_a_part_goes_only_where_it_fits(registry: Registry) -> None:
    (board,), (cabinet,) = registry.add("acquisition-board", "B1"), registry.add("cabinet", "C")
    with pytest.raises(RegistryConflict, match="is installed in a case"):
        registry.do("install", board, cabinet)


def test_installing_for_the_past_ends_where_the_next_begins(registry: Registry) -> None:
    (board,), (one, two) = registry.add("acquisition-board", "B1"), registry.add("case", "1", "2")
    registry.do("install", board, two, at=NOON)
    registry.do("install", board, one, at=NOON - HOUR)
    assert registry.timeline(board) == [("1", 1, 11, 12), ("2", 1, 12, None)]


def test_a_removed_part_is_nowhere(registry: Registry) -> None:
    (board,), (case,) = registry.add("acquisition-board", "B1"), registry.add("case", "1")
    registry.do("install", board, case)
    registry.do("remove", board, at=NOON)
    assert registry.timeline(board) == [("1", 1, None, 12)]
    assert registry.directory.resolve_pack("B1", NOON) is None
    again = registry.do("remove", board, at=NOON)
    assert again.touched == () and "not installed" in str(again.lines[0])


def test_swapping_puts_the_new_part_in_the_old_ones_place(registry: Registry) -> None:
    (one, two), (case,) = registry.add("acquisition-board", "B1", "B2"), registry.add("case", "1")
    registry.do("install", one, case)
    change = registry.do("swap", one, two, at=NOON)
    assert set(change.boards) == {one, two}
    assert registry.timeline(one) == [("1", 1, None, 12)]
    assert registry.timeline(two) == [("1", 1, 12, None)]
    assert registry.do("swap", one, two, at=NOON).touched == ()
    assert registry.do("swap", one, two).touched == ()


def test_what_is_installed_nowhere_cannot_be_swapped(registry: Registry) -> None:
    one, two = registry.add("acquisition-board", "B1", "B2")
    with pytest.raises(RegistryConflict, match="not installed anywhere"):
        registry.do("swap", one, two, at=NOON)


def test_cell_blocks_take_the_first_free_of_fourteen_positions(registry: Registry) -> None:
    blocks = registry.add("cell-block", *(f"L{n}" for n in range(15)))
    (case,) = registry.add("case", "1")
    registry.do("install", blocks[0], case, place=2)
    for block in blocks[1:14]:
        registry.do("install", block, case)
    places = [registry.timeline(block)[0][1] for block in blocks[:14]]
    assert places == [2, 1, *range(3, 15)]
    with pytest.raises(RegistryConflict, match="All 14"):
        registry.do("install", blocks[14], case)
    with pytest.raises(RegistryConflict, match="1-14"):
        registry.do("install", blocks[14], case, place=15)


def test_docks_are_limited_by_the_registration_of_the_cabinet(registry: Registry) -> None:
    (small,), (large,) = registry.add("cabinet", "C1"), registry.add("cabinet", "JS7", docks=16)
    one, two = registry.add("case", "1", "2")
    with pytest.raises(RegistryConflict, match="docks 1-12"):
        registry.do("install", one, small, place=13)
    registry.do("install", one, large, place=16)
    with pytest.raises(RegistryConflict, match="taken by case 1"):
        registry.do("install", two, large, place=16)


def test_a_pms_has_at_most_four_cabinets_and_a_cabinet_one_controller(registry: Registry) -> None:
    (pms,) = registry.add("pms", "P")
    for cabinet in registry.add("cabinet", "A", "B", "C", "D"):
        registry.do("install", cabinet, pms)
    (fifth,) = registry.add("cabinet", "E")
    with pytest.raises(RegistryConflict, match="All 4"):
        registry.do("install", fifth, pms)
    (hub,), (bbc,) = registry.add("ehub", "H"), registry.add("bbc", "K")
    registry.do("install", hub, fifth)
    with pytest.raises(RegistryConflict, match="swap H K"):
        registry.do("install", bbc, fifth)
    registry.do("swap", hub, bbc, at=NOON)
    assert registry.timeline(bbc) == [("E", 1, 12, None)]


def test_registering_again_changes_nothing_and_contradictions_are_refused(
    registry: Registry,
) -> None:
    (cabinet,) = registry.add("cabinet", "CAB", docks=16)
    version = registry.directory.version
    assert registry.add("cabinet", " cab ", docks=16) == [cabinet]
    assert registry.directory.version == version
    with pytest.raises(RegistryConflict, match="registered with docks 16, not 12"):
        registry.add("cabinet", "CAB", docks=12)


def test_an_id_never_means_both_a_case_and_a_board(registry: Registry) -> None:
    registry.add("case", "66CFFFFFF353734574E43232110")
    (board,) = registry.add("acquisition-board", "66BFF353734574E43235318")
    for spelling in ("66cff353734574E43232110", "66CFFFFFF353734574E43232110"):
        with pytest.raises(RegistryConflict, match="ambiguous"):
            registry.add("acquisition-board", spelling)
        with pytest.raises(RegistryConflict, match="ambiguous"):
            registry.do("add_alias", board, alias=spelling)
    registry.do("add_alias", board, alias="B7")
    for spelling in ("66BFFFFFF353734574E43235318", "b7"):
        with pytest.raises(RegistryConflict, match="ambiguous"):
            registry.add("case", spelling)


def test_a_board_is_known_by_its_aliases_and_by_what_loggers_make_of_its_id(
    registry: Registry,
) -> None:
    (board,), (case,) = (
        registry.add("acquisition-board", "66CFF353734574E43232110"),
        registry.add("case", "269"),
    )
    registry.do("install", board, case)
    registry.do("add_alias", board, alias="left-hand one")
    for spelling in (" 66cff353734574e43232110", "66CFFFFFF353734574E43232110", "LEFT-HAND ONE "):
        found = registry.directory.resolve_pack(spelling, NOON)
        assert (found.case.id, found.board.id) == (case, board)
    with pytest.raises(RegistryConflict, match="spelling of"):
        registry.do("add_alias", *registry.add("acquisition-board", "B2"), alias="left-hand one")


@pytest.mark.parametrize("ident", ["", "  ", "x" * 81, "a\x00b"])
def test_unusable_ids_are_refused(registry: Registry, ident: str) -> None:
    with pytest.raises(RegistryError):
        registry.add("case", ident)


def test_025_and_25_are_two_ids_and_a_pms_and_a_case_may_share_one(registry: Registry) -> None:
    assert len({*registry.add("case", "25", "025"), *registry.add("pms", "25")}) == 3


def test_organisations_may_use_the_same_ids_and_see_only_their_own(
    registry: Registry, other_registry: Registry
) -> None:
    (board,), (case,) = registry.add("acquisition-board", "B1"), registry.add("case", "269")
    registry.do("install", board, case)
    (theirs,) = other_registry.add("case", "269")
    assert theirs != case
    assert other_registry.directory.resolve_pack("B1", NOON) is None
    assert other_registry.directory.resolve_pack("269", NOON).case.id == theirs
    with pytest.raises(KeyError):
        other_registry.do("install", board, theirs)
