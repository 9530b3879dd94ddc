"""The menu entry is FlexMeasures' own kind of entry, and the host's to change."""

from __future__ import annotations

from typing import Any

import pytest

from flexmeasures_pms.ui.blueprint import list_in_menu

VIEWS, TITLES, ICONS = (
    f"FLEXMEASURES_MENU_LISTED_{what}" for what in ("VIEWS", "VIEW_TITLES", "VIEW_ICONS")
)


def listed(**config: Any) -> dict[str, Any]:
    list_in_menu(config)
    return config


def test_flexmeasures_default_menu_gets_the_entry_first() -> None:
    config = listed(**{VIEWS: ["dashboard"], TITLES: {}, ICONS: {}})
    assert config[VIEWS] == ["pms", "dashboard"]
    assert config[TITLES] == {"pms": "Batteries"}
    assert config[ICONS] == {"pms": "battery-full"}


@pytest.mark.parametrize("views", [[], ["dashboard", "pms"], [("pms", ["Battery owner"])]])
def test_a_menu_that_the_host_has_set_up_stays(views: list[Any]) -> None:
    assert listed(**{VIEWS: views})[VIEWS] == views


def test_the_host_s_own_title_and_icon_stay() -> None:
    config = listed(**{VIEWS: ["dashboard"], TITLES: {"pms": "Racks", "x": "X"}, ICONS: {}})
    assert config[TITLES] == {"pms": "Racks", "x": "X"}


def test_what_flexmeasures_has_as_a_default_is_left_as_it_is() -> None:
    views = ["dashboard"]
    listed(**{VIEWS: views})
    assert views == ["dashboard"]
