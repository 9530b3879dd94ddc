"""Mending what was recorded: the neighbours give way (A4.6)."""

from __future__ import annotations

from datetime import datetime

import pytest
from support.registry import Registry, at

from flexmeasures_pms.errors import RegistryConflict

Moved = tuple[int, int, int, int]


@pytest.fixture
def moved(registry: Registry) -> Moved:
    """Board X is in case A until 12:00, and in case B, instead of board Y, from then."""
    (x, y), (a, b) = registry.add("acquisition-board", "X", "Y"), registry.add("case", "A", "B")
    registry.do("install", x, a)
    registry.do("install", y, b)
    registry.do("swap", y, x, at=at(12))
    return x, y, a, b


def test_an_earlier_beginning_trims_the_neighbours_of_part_and_place(
    registry: Registry, moved: Moved
) -> None:
    x, y, _, b = moved
    change = registry.do("correct", x, b, since=at(11))
    assert registry.timeline(x) == [("A", 1, None, 11), ("B", 1, 11, None)]
    assert registry.timeline(y) == [("B", 1, None, 11)]
    assert set(change.boards) == {x, y}


def test_a_later_beginning_lets_the_neighbours_follow(registry: Registry, moved: Moved) -> None:
    x, y, _, b = moved
    registry.do("correct", x, b, since=at(13))
    assert registry.timeline(x) == [("A", 1, None, 13), ("B", 1, 13, None)]
    assert registry.timeline(y) == [("B", 1, None, 13)]


def test_correcting_there_and_back_leaves_what_was(registry: Registry, moved: Moved) -> None:
    x, y, _, b = moved
    before = registry.timeline(x), registry.timeline(y)
    for hour in (11, 14, 12):
        registry.do("correct", x, b, since=at(hour))
    assert (registry.timeline(x), registry.timeline(y)) == before


def test_a_neighbour_follows_only_as_far_as_it_was_free(registry: Registry, moved: Moved) -> None:
    x, y, a, b = moved
    (z,) = registry.add("acquisition-board", "Z")
    (c,) = registry.add("case", "C")
    registry.do("install", z, a, at=at(12))
    registry.do("install", y, c, at=at(13))
    registry.do("correct", x, b, since=at(15))
    assert registry.timeline(x) == [("A", 1, None, 12), ("B", 1, 15, None)]
    assert registry.timeline(y) == [("B", 1, None, 13), ("C", 1, 13, None)]
    assert registry.timeline(z) == [("A", 1, 12, None)]


def test_an_earlier_end_lets_the_next_follow_unless_it_was_elsewhere(
    registry: Registry, moved: Moved
) -> None:
    x, y, _, b = moved
    (z,), (c,) = registry.add("acquisition-board", "Z"), registry.add("case", "C")
    registry.do("swap", x, z, at=at(14))
    registry.do("correct", x, b, until=at(13))
    assert registry.timeline(z) == [("B", 1, 13, None)]
    registry.do("install", y, c, at=at(16))
    registry.do("remove", y, at=at(18))
    registry.do("swap", z, y, at=at(18))
    registry.do("correct", z, b, until=at(17))
    assert registry.timeline(z) == [("B", 1, 13, 17)]
    assert registry.timeline(y) == [("B", 1, None, 12), ("C", 1, 16, 18), ("B", 1, 18, None)]


def test_an_installation_that_is_wholly_covered_is_gone(registry: Registry, moved: Moved) -> None:
    x, y, a, b = moved
    registry.do("remove", x, at=at(14))
    registry.do("install", y, b, at=at(14))
    registry.do("correct", x, a, until=at(16))
    assert registry.timeline(x) == [("A", 1, None, 16)]
    assert registry.timeline(y) == [("B", 1, None, 12), ("B", 1, 14, None)]


def test_a_part_can_turn_out_to_have_been_elsewhere(registry: Registry, moved: Moved) -> None:
    x, y, a, _ = moved
    (c,) = registry.add("case", "C")
    registry.do("correct", x, c, since=at(13), until=at(15))
    assert registry.timeline(x) == [
        ("A", 1, None, 12),
        ("B", 1, 12, 13),
        ("C", 1, 13, 15),
        ("B", 1, 15, None),
    ]
    registry.do("correct", x, c)
    assert registry.timeline(x) == [
        ("A", 1, None, 12),
        ("B", 1, 12, 13),
        ("C", 1, 13, 15),
        ("B", 1, 15, None),
    ]
    assert registry.timeline(y) == [("B", 1, None, 12)]
    assert registry.directory.parts_of(a, at(13)) == ()


def test_without_an_assembly_the_latest_installation_is_meant(
    registry: Registry, moved: Moved
) -> None:
    x, *_ = moved
    registry.do("correct", x, since=at(10), until=at(20))
    assert registry.timeline(x) == [("A", 1, None, 10), ("B", 1, 10, 20)]


def test_of_several_installations_in_an_assembly_the_nearest_is_meant(registry: Registry) -> None:
    (x,), (a, b) = registry.add("acquisition-board", "X"), registry.add("case", "A", "B")
    for hour, case in ((1, a), (2, b), (5, a), (8, b)):
        registry.do("install", x, case, at=at(hour))
    registry.do("correct", x, a, since=at(4))
    assert registry.timeline(x) == [
        ("A", 1, 1, 2),
        ("B", 1, 2, 4),
        ("A", 1, 4, 8),
        ("B", 1, 8, None),
    ]
    registry.do("correct", x, a, until=at(3))
    assert registry.timeline(x) == [
        ("A", 1, 1, 3),
        ("B", 1, 3, 4),
        ("A", 1, 4, 8),
        ("B", 1, 8, None),
    ]


def test_what_was_never_installed_or_would_end_before_it_begins_is_refused(
    registry: Registry, moved: Moved
) -> None:
    x, *_ = moved
    (z,) = registry.add("acquisition-board", "Z")
    with pytest.raises(RegistryConflict, match="never installed"):
        registry.do("correct", z, since=at(1))
    with pytest.raises(RegistryConflict, match="end before it begins"):
        registry.do("correct", x, since=at(14), until=at(13))


def test_the_same_correction_again_changes_nothing(registry: Registry, moved: Moved) -> None:
    x, _, _, b = moved
    registry.do("correct", x, b, since=at(11))
    again = registry.do("correct", x, b, since=at(11))
    assert (again.touched, len(again.lines)) == ((), 1)


def test_a_dock_can_be_corrected_and_its_wrong_tenant_gives_way(registry: Registry) -> None:
    (cabinet,) = registry.add("cabinet", "CAB")
    one, two = registry.add("case", "1", "2")
    registry.do("install", one, cabinet, place=1, at=at(10))
    registry.do("install", two, cabinet, place=2, at=at(10))
    registry.do("correct", one, cabinet, place=2)
    assert registry.timeline(one) == [("CAB", 2, 10, None)]
    assert registry.timeline(two) == []


def test_every_row_that_changed_is_recorded_as_corrected_with_before_and_after(
    registry: Registry, moved: Moved
) -> None:
    x, y, _, b = moved
    registry.do("correct", x, b, since=at(11))
    from flexmeasures_pms.registry.queries.history import history

    for part, where in ((x, "B"), (y, "B")):
        last = history(registry.account_id, part).transactions[-1]
        assert last["verb"] == "corrected"
        before, after = (last[side]["installations"][-1] for side in ("before", "after"))
        assert (before["assembly"], after["assembly"]) == (where, where)
        changed = "from" if part == x else "until"
        assert before[changed] == "2026-03-01T12:00:00+00:00"
        assert after[changed] == "2026-03-01T11:00:00+00:00"


def test_what_was_believed_before_a_correction_can_still_be_asked_for(
    registry: Registry, moved: Moved
) -> None:
    x, _, _, b = moved
    from flexmeasures_pms.registry.loading.load import as_known_at

    before = datetime.fromisoformat(_last_recorded(registry, x))
    registry.do("correct", x, b, since=at(11))
    after = datetime.fromisoformat(_last_recorded(registry, x))
    asked = at(11).replace(minute=30)
    for known_at, case in ((before, "A"), (after, "B")):
        known = as_known_at(registry.account_id, known_at)
        found = known.resolve_pack("X", asked)
        assert found is not None
        assert found.case.ident == case
    then = as_known_at(registry.account_id, at(1))
    assert (then.find("case", "A"), then.entries.get(x)) == (None, None)


def _last_recorded(registry: Registry, part: int) -> str:
    from flexmeasures_pms.registry.queries.history import history

    found: str = history(registry.account_id, part).transactions[-1]["recorded_at"]
    return found
