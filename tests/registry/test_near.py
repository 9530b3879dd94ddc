"""Which ids are one slip away from another."""

from __future__ import annotations

import pytest

from flexmeasures_pms.registry.queries.near import LONGEST, slips


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("269", "0269"),  # a zero that a spreadsheet dropped
        ("000269", "269"),
        ("296", "269"),  # two characters in another order
        ("029", "0269"),  # a character that was left out
        ("2699", "269"),
        ("268", "269"),
        ("PMS01-001", "PMS-01-001"),
        ("PMS_01_001", "PMS-01-001"),
        ("PMS-O1-OO1", "PMS-01-001"),
    ],
)
def test_an_id_is_one_slip_away(typed: str, meant: str) -> None:
    assert meant in slips(typed)


@pytest.mark.parametrize(("typed", "other"), [("269", "269"), ("269", "250"), ("9", "8")])
def test_an_id_is_not_suggested_for_itself_for_one_far_away_or_for_one_character(
    typed: str, other: str
) -> None:
    assert other not in slips(typed)


def test_what_is_looked_up_is_bounded() -> None:
    assert len(slips("A" * LONGEST)) < 5_000
    assert slips("A" * (LONGEST + 1)) == set()
