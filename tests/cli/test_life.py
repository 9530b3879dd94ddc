"""Services and the end of a part's life, as typed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import Result
from conftest import Organisation

Command = Callable[..., Result]
Failure = Callable[..., str]

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


WAYS_IN = [
    ("install", "B269", "--into", "270"),
    ("install", "B269", "--into", "270", "--place", "1", "--kind", "acquisition-board"),
    ("swap", "B270", "B269"),
    ("register-case", "271", "--board", "B269", "--account", "{account}"),
    ("register-case", "270", "--board", "B269", "--at", "{now}", "--account", "{account}"),
    ("correct", "B269", "--into", "270", "--until", "{now}", "--note", "x"),
]


def test_a_retired_part_is_installed_nowhere_unless_it_is_revived(
    pms: Command, fails: Failure, board: str, organisation: Organisation
) -> None:
    at = (datetime.now(UTC) - timedelta(hours=1)).isoformat(timespec="seconds")
    pms("register-case", "270", "--board", "B270", "--account", organisation.id)
    pms("retire", board, "--at", at)
    for way in WAYS_IN:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        said = fails(*(text.format(account=organisation.id, now=now) for text in way))
        assert said.startswith(f"Acquisition board B269 is retired, from {at}"), way
        assert said.endswith("`revive B269 --kind acquisition-board` brings it back into use.")
    assert pms("revive", board, "--kind", "acquisition-board", "--note", "dried").stdout == (
        "Revived acquisition board B269: it is in use again.\n"
    )
    assert life_of(pms, board)[-1] == ("revived", "dried")
    assert "Swapped" in pms("swap", "B270", board).stdout
    assert pms("revive", board).stdout == "Acquisition board B269 is not retired.\n"


def test_what_is_retired_can_be_corrected_of_the_time_before(pms: Command, board: str) -> None:
    noon, eleven = "2026-03-01T12:00:00Z", "2026-03-01T11:00:00Z"
    pms("retire", board, "--at", noon)
    pms("correct", board, "--until", eleven, "--note", "it was out already")
    assert "installed nowhere" in pms("lookup", board, "--at", "2026-03-01T11:30:00Z").stdout


def test_each_question_says_that_something_is_retired_from_then_on_and_once_it_was_known(
    pms: Command, board: str
) -> None:
    noon, eleven = "2026-03-01T12:00:00+00:00", "2026-03-01T11:00:00Z"
    before = datetime.now(UTC).isoformat(timespec="milliseconds")
    time.sleep(0.01)
    pms("retire", board, "--at", noon)
    retired = f"Acquisition board B269, retired since {noon}\n"
    for question in ("lookup", "history", "tree"):
        assert pms(question, board).stdout.startswith(retired), question
    assert f"B269, retired since {noon}\n" in pms("tree").stdout
    for when in (("--at", eleven), ("--as-known-at", before), ("--as-known-at", before)):
        found = json.loads(pms("lookup", board, *when, "--json").stdout)
        assert (found["retired"], found["case"]) == (False, "269"), when
    assert json.loads(pms("lookup", board, "--json").stdout)["retired"]
    known = datetime.now(UTC).isoformat(timespec="milliseconds")
    time.sleep(0.01)
    pms("revive", board)
    assert "retired" not in pms("lookup", board).stdout
    then = json.loads(pms("lookup", board, "--as-known-at", known, "--json").stdout)
    assert then["retired_at"] == noon


def test_a_planned_retirement_ends_what_is_installed_and_bars_nothing_before(
    pms: Command, fails: Failure, board: str, organisation: Organisation
) -> None:
    pms("register-case", "270", "--account", organisation.id)
    at = (datetime.now(UTC) + timedelta(days=3)).isoformat(timespec="seconds")
    assert "is in the future" in fails("retire", board, "--at", at)
    pms("retire", board, "--at", at, "--planned")
    assert f"to be retired at {at}" in pms("lookup", board).stdout
    assert f"until {at}" in " ".join(pms("install", board, "--into", "270").stdout.split())
    assert "is retired" in fails("install", board, "--into", "269", "--at", at, "--planned")


def test_a_case_is_retired_without_what_is_in_it(pms: Command, board: str) -> None:
    pms("retire", "269", "--kind", "case")
    assert json.loads(pms("lookup", board, "--json").stdout)["case"] == "269"
    pms("remove", board)
