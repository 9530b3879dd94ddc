"""The rack of a PMS as it was at a moment in the past, over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from conftest import Organisation
from flask import Flask
from flask.testing import FlaskClient
from support.folding import fold
from support.gateways import make_key
from support.reporting import report
from support.site import Site
from support.telemetry import NOON, at, pack_sample
from werkzeug.test import TestResponse

from flexmeasures_pms.config import settings

RACK = "/pms/api/v1/pms/PMS-1/rack"
Ask = Callable[..., TestResponse]
Docks = dict[int, dict[str, Any]]
BOTH = pytest.mark.parametrize("folded", [False, True], ids=["hot", "folded"])


@pytest.fixture
def site(organisation: Organisation, client: FlaskClient) -> Site:
    """Two packs that report each minute; at 12:30 the second is swapped for a third."""
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms()
        new.cases({"STAYS": 1, "LEAVES": 2}, "PMS-1-A")
        new.case("COMES")
    site.remove(("case", "LEAVES"), at(30))
    site.install(("case", "COMES"), ("cabinet", "PMS-1-A"), at(30), place=2)
    send(client, organisation, "STAYS", 1, range(60))
    send(client, organisation, "LEAVES", 2, range(30))
    send(client, organisation, "COMES", 2, range(30, 60))
    return site


@pytest.fixture
def ask(client: FlaskClient, organisation: Organisation) -> Ask:
    def get(when: datetime | str, headers: dict[str, str] | None = None) -> TestResponse:
        text = when if isinstance(when, str) else when.isoformat()
        options = {"query_string": {"at": text}, "headers": headers or organisation.headers}
        return client.get(RACK, **options)

    return get


def send(
    client: FlaskClient, organisation: Organisation, pack: str, dock: int, minutes: range
) -> None:
    """Send samples whose current is the minute, so that each can be told from the others."""
    samples = (pack_sample(pack, at(m), dock=dock, amps=float(m)) for m in minutes)
    report(client, organisation.headers, *samples)


def docks(reply: TestResponse) -> Docks:
    """The occupied docks."""
    assert reply.status_code == 200, reply.get_data(as_text=True)
    found = [dock for cabinet in reply.get_json()["cabinets"] for dock in cabinet["docks"]]
    return {dock["number"]: dock["occupant"] for dock in found if dock["occupant"]}


def shown(reply: TestResponse) -> dict[int, tuple[Any, ...]]:
    """The packs by dock: id, current, and states."""
    return {
        number: (one["pack"]["id"], one["pack"]["amps"], [f["code"] for f in one["findings"]])
        for number, one in docks(reply).items()
    }


@BOTH
def test_packs_are_where_they_were_with_what_they_had_read_last(
    site: Site, ask: Ask, folded: bool
) -> None:
    if folded:
        assert fold(site.account_id)
    before, after = ask(at(29.5)), ask(at(30))
    assert shown(before) == {1: ("STAYS", 29.0, ["ok"]), 2: ("LEAVES", 29.0, ["ok"])}
    assert shown(after) == {1: ("STAYS", 30.0, ["ok"]), 2: ("COMES", 30.0, ["ok"])}
    told = before.get_json()
    assert (told["at"], told["newest"]) == ("2026-03-01T12:29:30Z", "2026-03-01T12:29:00Z")
    assert (told["registered"], told["reporting"]) == (2, 2)


@BOTH
def test_readings_are_the_same_to_the_last_digit_hot_and_folded(
    site: Site, ask: Ask, client: FlaskClient, organisation: Organisation, folded: bool
) -> None:
    odd: dict[str, Any] = {"temp": [35.125, None, 34.0], "fet": {"temp": [34.1, 33.3], "open": [2]}}
    report(client, organisation.headers, pack_sample("STAYS", at(33.4321), amps=0.1, **odd))
    if folded:
        assert fold(site.account_id)
    pack = docks(ask(at(33.5)))[1]["pack"]
    assert pack["temperatures"] == [35.125, None, 34.0]
    assert (pack["fet_temperatures"], pack["fets_open"]) == ([34.1, 33.3], [2])
    assert (pack["amps"], pack["time"]) == (0.1, "2026-03-01T12:33:25.926000Z")
    assert [cell["volts"] for cell in pack["cells"]][:3] == [3.654, 3.659, 3.647]
    assert pack["cells"][2]["open"] is True


@BOTH
def test_every_moment_has_the_sample_before_it(site: Site, ask: Ask, folded: bool) -> None:
    if folded:
        assert fold(site.account_id)
    for minute in (0, 1, 14, 14.99, 15, 15.01, 44.5, 45, 59, 62):
        expected = float(min(59, int(minute)))
        assert docks(ask(at(minute)))[1]["pack"]["amps"] == expected, minute


def test_the_reply_is_the_same_before_and_after_the_day_is_folded(
    site: Site, ask: Ask, client: FlaskClient, organisation: Organisation
) -> None:
    # Odd times, and quarters in which no quantity was read in all samples.
    parts: list[dict[str, Any]] = [{"amps": 1.5}, {"temp": [30.5, 31.5, 32.5]}]
    none = {"dock": None, "amps": None, "temp": None, "cell": None, "fet": None}
    moments = [70 + n * 1.37 for n in range(20)]
    samples = (pack_sample("STAYS", at(m), **none | parts[n % 2]) for n, m in enumerate(moments))
    assert report(client, organisation.headers, *samples)["stored"] == 20
    asked = [at(m + late) for m in (-1, *range(0, 61, 3), *moments) for late in (-0.001, 0, 0.001)]
    asked += [at(12 * 60 - 0.001), at(12 * 60), at(24 * 60)]
    hot = [ask(when).get_json() for when in asked]
    assert fold(site.account_id)
    for when, told in zip(asked, hot, strict=True):
        assert ask(when).get_json() == told, when


@BOTH
def test_a_pack_that_was_silent_says_since_when_and_no_more(
    site: Site, ask: Ask, folded: bool
) -> None:
    if folded:
        assert fold(site.account_id)
    for later in (timedelta(minutes=6), timedelta(days=40)):
        reply = ask(at(59) + later)
        assert shown(reply)[1] == ("STAYS", None, ["silent"])
        one = docks(reply)[1]
        assert one["pack"]["time"] == one["findings"][0]["since"] == "2026-03-01T12:59:00Z"
        assert (one["pack"]["cells"], reply.get_json()["reporting"]) == ([], 0)
    assert shown(ask(at(64)))[1] == ("STAYS", 59.0, ["ok"])


@BOTH
def test_before_the_log_begins_docks_are_as_installed(site: Site, ask: Ask, folded: bool) -> None:
    if folded:
        assert fold(site.account_id)
    never = {1: ("STAYS", None, ["never"]), 2: ("LEAVES", None, ["never"])}
    assert shown(ask(NOON - timedelta(days=400))) == never
    assert shown(ask(NOON - timedelta(seconds=1))) == never


def test_states_are_those_of_the_moment(
    site: Site, ask: Ask, client: FlaskClient, organisation: Organisation
) -> None:
    report(client, organisation.headers, pack_sample("STAYS", at(20.5), temp=[60, 40, 40]))
    assert [f["code"] for f in docks(ask(at(20.75)))[1]["findings"]] == ["hot"]
    assert [f["code"] for f in docks(ask(at(21)))[1]["findings"]] == ["ok"]
    assert [f["code"] for f in ask(at(20.75)).get_json()["findings"]] == ["hot"]


def test_what_came_late_to_a_folded_day_counts(
    site: Site, ask: Ask, client: FlaskClient, organisation: Organisation
) -> None:
    assert fold(site.account_id)
    report(client, organisation.headers, pack_sample("STAYS", at(40.5), amps=77.0))
    assert docks(ask(at(40.6)))[1]["pack"]["amps"] == 77.0
    assert docks(ask(at(40.4)))[1]["pack"]["amps"] == 40.0


@pytest.mark.parametrize(
    ("when", "words"),
    [
        ("2026-03-01T12:00:00", "has no offset from UTC"),
        ("2099-01-01T00:00:00Z", "is in the future"),
        ("yesterday", "is not a time such as"),
        ("1999-12-31T00:00:00Z", "is before the year 2000"),
    ],
)
def test_other_times_are_refused_with_what_to_write(
    site: Site, ask: Ask, when: str, words: str
) -> None:
    reply = ask(when)
    assert reply.status_code == 400
    message = reply.get_json()["message"]
    assert message.startswith("The parameter at: ") and words in message


def test_a_moment_of_which_the_log_has_forgotten_all_is_refused(
    site: Site, ask: Ask, app_context: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_an_end = replace(settings(), sample_days=10)
    monkeypatch.setitem(app_context.extensions, "flexmeasures_pms", with_an_end)
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    reply = ask(today - timedelta(days=10, seconds=1))
    assert reply.status_code == 400
    assert "the log keeps 10 days of samples (PMS_SAMPLE_DAYS)" in reply.get_json()["message"]
    assert ask(today - timedelta(days=10)).status_code == 200


def test_another_organisation_is_told_of_no_such_pms(
    site: Site, ask: Ask, other_organisation: Organisation
) -> None:
    assert ask(at(10), other_organisation.headers).status_code == 404
    theirs = Site(other_organisation.id)
    theirs.pms()
    assert shown(ask(at(10), other_organisation.headers)) == {}


def test_a_key_reads_of_the_past_what_its_pms_reported(site: Site, ask: Ask) -> None:
    own = make_key(site.account_id, ("pms", "PMS-1"))
    assert shown(ask(at(29), own))[2] == ("LEAVES", 29.0, ["ok"])
    other = make_key(site.account_id, ("pms", "PMS-9"), name="Other")
    assert ask(at(29), other).status_code == 404


def test_the_live_rack_has_no_moment(
    site: Site, client: FlaskClient, organisation: Organisation
) -> None:
    reply = client.get(RACK, headers=organisation.headers)
    assert reply.get_json()["at"] is None
    assert {one["pack"]["id"] for one in docks(reply).values()} == {"STAYS", "COMES"}
