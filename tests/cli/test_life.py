"""Services and the end of a part's life, as typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result
from conftest import Organisation

Command = Callable[..., Result]

pytestmark = pytest.mark.usefixtures("nobody_else")


@pytest.fixture
def board(pms: Command, organisation: Organisation) -> str:
    pms("register-case", "269", "--board", "B269", "--account", organisation.id)
    return "B269"


def life_of(pms: Command, ident: str) -> list[tuple[str, str | None]]:
    history: dict[str, Any] = json.loads(pms("history", ident, "--json").stdout)
    return [(entry["verb"], entry["note"]) for entry in history["transactions"]]


def test_a_service_is_in_the_history_with_what_was_done(pms: Command, board: str) -> None:
    said = pms("service", board, "--note", "contacts cleaned").stdout
    assert said == "Entered that acquisition board B269 was serviced: contacts cleaned.\n"
    assert life_of(pms, board)[-1] == ("serviced", "contacts cleaned")


def test_a_service_needs_words(fails: Callable[..., str], board: str) -> None:
    assert "--note" in fails("service", board)


def test_a_retired_part_is_nowhere_and_can_be_retired_twice(pms: Command, board: str) -> None:
    first = pms("retire", board, "--note", "water damage").stdout
    assert "Removed acquisition board B269 from case 269" in first
    assert "Retired acquisition board B269" in first
    assert [verb for verb, _ in life_of(pms, board)][-2:] == ["removed", "retired"]
    assert pms("retire", board).stdout == "Acquisition board B269 is retired already.\n"


def test_a_retired_part_comes_back_when_it_is_installed(pms: Command, board: str) -> None:
    pms("retire", board)
    pms("install", board, "--into", "269")
    assert [verb for verb, _ in life_of(pms, board)][-1] == "installed"
    assert "Retired" in pms("retire", board).stdout
