"""The page about states says what the code does."""

from __future__ import annotations

from pathlib import Path

from flexmeasures_pms.catalogue import limits
from flexmeasures_pms.overview import states
from flexmeasures_pms.ui.language.findings import NAMES

PAGE = Path(__file__).parent.parent.parent / "docs" / "states.md"


def test_the_page_about_states_has_the_limits() -> None:
    text = PAGE.read_text()
    minutes = limits.SILENT_AFTER.total_seconds() / 60
    for limit in (
        f"{limits.HOT:.0f} °C",
        f"{limits.HOT_FET:.0f} °C",
        f"above {limits.CELL_HIGH} V, or below {limits.CELL_LOW} V",
        f"{limits.WEAK_CELL:.0f} mV",
        f"{minutes:.0f} minutes",
    ):
        assert limit in text


def test_the_page_about_states_has_them_all_in_order() -> None:
    rows = [line.split("|")[1].strip() for line in PAGE.read_text().splitlines() if "|" in line]
    listed = [
        name for row in rows for name in row.replace("too high, too low", "too high").split("; ")
    ]
    shown = [NAMES[code] for code in states.LEVELS if code not in ("ok", "cell_low")]
    assert listed[2:] == shown
