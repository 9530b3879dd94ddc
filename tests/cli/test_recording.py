"""The host chooses how quantities are recorded: for all assets, and for one."""

from __future__ import annotations

import pytest
from conftest import Organisation
from flask.testing import FlaskClient, FlaskCliRunner
from support import stored
from support.site import Site
from support.telemetry import at, pack_sample, request


@pytest.fixture
def site(organisation: Organisation) -> Site:
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms()
        new.case("0241", "PMS-1-A", 1)
        new.case("0242", "PMS-1-A", 2)
    return site


def run(runner: FlaskCliRunner, *words: str) -> str:
    return runner.invoke(args=["pms", "recording", *words]).output


def test_one_asset_is_recorded_otherwise(
    site: Site, runner: FlaskCliRunner, client: FlaskClient, organisation: Organisation
) -> None:
    account = ("--account", str(site.account_id))
    said = run(runner, "set", "0241", "cell voltage", "change 0.002", *account)
    assert said == "From now on cell voltage of case 0241: change 0.002.\n"
    assert "cell voltage            change 0.002    this asset" in run(
        runner, "show", "0241", *account
    )
    for minute, volts in enumerate((3.650, 3.651, 3.653)):
        samples = (
            pack_sample(pack, at(minute), dock=dock, cell={"volts": [volts] * 14, "open": []})
            for dock, pack in enumerate(("0241", "0242"), start=1)
        )
        client.post(
            "/pms/api/v1/devices/dataset/pms",
            data=request({"pms_id": "PMS-1"}, *samples),
            headers=organisation.headers,
            content_type="application/json",
        )

    def volts_of(case: str) -> list[float]:
        found = stored.beliefs(site.account_id, f"case:{case}")
        return [value for (_, _, name), value in sorted(found.items()) if name == "cell 01 voltage"]

    assert volts_of("0241") == [3.650, 3.653]
    assert volts_of("0242") == [3.650, 3.651, 3.653]

    said = run(runner, "reset", "0241", "cell voltage", *account)
    assert said == "From now on cell voltage of case 0241: every.\n"


def test_what_is_not_there_can_not_be_chosen(site: Site, runner: FlaskCliRunner) -> None:
    account = ("--account", str(site.account_id))
    assert "no quantity 'grid power' of a case" in run(
        runner, "set", "0241", "grid power", "every", *account
    )
    assert "is not a recording policy" in run(runner, "set", "0241", "dock", "sometimes", *account)
