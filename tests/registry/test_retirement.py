"""What is retired is nowhere from then on, whatever is installed, reported or corrected."""

from __future__ import annotations

from datetime import datetime

import pytest
from support.registry import Registry, at

from flexmeasures_pms.errors import RegistryConflict
from flexmeasures_pms.registry.editing.service import record_retirement
from flexmeasures_pms.registry.editing.writer import editing


def retire(registry: Registry, number: int, when: datetime) -> None:
    with editing(registry.account_id, registry.author) as changeset:
        record_retirement(changeset, changeset.view.entry(number), when)


@pytest.fixture
def boards(registry: Registry) -> tuple[int, int, int]:
    """A case with a board, and another board."""
    (case,) = registry.add("case", "1")
    first, second = registry.add("acquisition-board", "B1", "B2")
    registry.do("install", first, case)
    return case, first, second


def test_nothing_of_the_time_after_is_left_of_where_it_was(
    registry: Registry, boards: tuple[int, int, int]
) -> None:
    _, board, _ = boards
    (other,) = registry.add("case", "2")
    registry.do("install", board, other, at=at(14))
    retire(registry, board, at(12))
    assert registry.timeline(board) == [("1", 1, None, 12)]


def test_what_is_installed_before_it_ends_there(
    registry: Registry, boards: tuple[int, int, int]
) -> None:
    case, board, _ = boards
    registry.do("remove", board, at=at(8))
    retire(registry, board, at(12))
    registry.do("install", board, case, at=at(10))
    assert registry.timeline(board) == [("1", 1, None, 8), ("1", 1, 10, 12)]
    with pytest.raises(RegistryConflict, match="is retired"):
        registry.do("install", board, case, at=at(12))


def test_a_correction_of_what_follows_does_not_extend_it(
    registry: Registry, boards: tuple[int, int, int]
) -> None:
    case, first, second = boards
    registry.do("swap", first, second, at=at(10))
    retire(registry, first, at(11))
    registry.do("correct", second, case, since=at(13))
    assert registry.timeline(first) == [("1", 1, None, 11)]
    assert registry.timeline(second) == [("1", 1, 13, None)]


def test_what_goes_into_something_retired_is_refused_and_what_is_in_it_stays(
    registry: Registry, boards: tuple[int, int, int]
) -> None:
    case, board, _ = boards
    retire(registry, case, at(12))
    assert registry.timeline(board) == [("1", 1, None, None)]
    (fet_board,) = registry.add("fet-board", "F1")
    with pytest.raises(RegistryConflict, match="Case 1 is retired"):
        registry.do("install", fet_board, case)


def test_a_retired_pack_reports_and_is_nowhere_and_one_that_is_to_be_moves_until_then(
    registry: Registry,
) -> None:
    (pms,), (case, other) = registry.add("pms", "P"), registry.add("case", "1", "2")
    (cabinet,) = registry.add("cabinet", "A")
    registry.do("install", cabinet, pms)
    registry.do("install", other, cabinet, place=2)
    retire(registry, case, at(12))
    assert registry.report(case, pms, 2, at(13)).touched == ()
    assert registry.timeline(other) == [("A", 2, None, None)]
    registry.report(case, pms, 3, at(9))
    assert registry.timeline(case) == [("A", 3, 9, 12)]
