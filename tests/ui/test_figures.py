"""Scripts show numbers, ages and times exactly as the server does, in every language."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from conftest import Organisation
from flask import Flask
from support.browser import Visitor

from flexmeasures_pms.ui import files
from flexmeasures_pms.ui.language import figures, words

NewVisitor = Callable[..., AbstractContextManager[Visitor]]

NUMBERS = (0.0, -0.0004, 3.6545, -1.601, 12.5, 13.5, 0.125, 1234567.891, -9876.5, 4.05)
AGES = (-61, -60, -5, 0, 1, 119, 120, 3599, 7199, 7200, 86400, 172799, 172800, 9999999)
MOMENT = datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC)
ZONES = ("Asia/Jakarta", "UTC", "America/New_York")

SAID_BY_SCRIPTS = """async ([url, numbers, ages, moment, zones]) => {
  const format = await import(url);
  const both = (value, digits) =>
    [format.number(value, digits), format.number(value, digits, {sign: true})];
  return {
    numbers: numbers.flatMap((value) => [0, 1, 3].flatMap((digits) => both(value, digits))),
    none: [format.number(null), format.number(NaN), format.moment(null)],
    ages: ages.map((seconds) => format.ago(seconds)),
    moments: zones.flatMap((zone) =>
      [format.moment(moment, zone), format.moment(moment, zone, {seconds: false})]),
  };
}"""


def said_by_server() -> dict[str, Any]:
    return {
        "numbers": [
            figures.number(value, digits, sign=sign)
            for value in NUMBERS
            for digits in (0, 1, 3)
            for sign in (False, True)
        ],
        "none": [figures.NOTHING] * 3,
        "ages": [figures.ago(seconds) for seconds in AGES],
        "moments": [
            figures.moment(MOMENT, zone, seconds=seconds)
            for zone in ZONES
            for seconds in (True, False)
        ],
    }


@pytest.mark.parametrize("language", list(words.LANGUAGES))
def test_scripts_and_server_say_the_same(
    new_visitor: NewVisitor, organisation: Organisation, app: Flask, language: str
) -> None:
    with app.test_request_context(f"/pms?lang={language}"):
        wanted = said_by_server()
        module = files.url("js/lib/format.js")
    with new_visitor() as visit:
        visit.guard.allow("status of 404")
        visit.log_in(organisation)
        page = visit.open(f"/pms/no/such/page?lang={language}", ready="h1")
        given = [module, NUMBERS, AGES, MOMENT.isoformat(), ZONES]
        assert page.evaluate(SAID_BY_SCRIPTS, given) == wanted


def test_numbers_are_those_of_the_language(app: Flask) -> None:
    with app.test_request_context("/pms?lang=id"):
        assert figures.number(-1234.5678, 2) == "−1.234,57"
        assert figures.ago(61) == "61 dtk lalu"
    with app.test_request_context("/pms?lang=en"):
        assert figures.number(1234.5678, 2, sign=True) == "+1,234.57"
        assert figures.number(float("nan")) == figures.number(None) == "–"
        assert figures.clock("Asia/Jakarta", MOMENT) == "Asia/Jakarta (UTC+07:00)"
        assert figures.age(MOMENT, MOMENT + timedelta(minutes=3)) == "3 min ago"


def test_csv_is_what_programs_and_spreadsheets_read_safely(
    member: Visitor, organisation: Organisation, app: Flask
) -> None:
    member.guard.allow("status of 404")
    with app.test_request_context("/pms"):
        module = files.url("js/lib/chart.js")
    page = member.open("/pms/no/such/page?lang=id", ready="h1")
    cells = page.evaluate(
        "async ([url, cells]) => cells.map((await import(url)).cell)",
        [module, [3.654, None, 'a,"b"', "=1+1", "-2", "plain"]],
    )
    assert cells == ["3.654", "", '"a,""b"""', "'=1+1", "'-2", "plain"]
