"""``flexmeasures pms gateway``: keys are made, rotated, revoked and listed."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import Result
from conftest import Organisation
from flask.testing import FlaskClient
from flexmeasures.data import db
from flexmeasures.data.models.audit_log import AuditLog
from sqlalchemy import select
from support import stored
from support.site import Site
from support.telemetry import pack_sample, request

Command = Callable[..., Result]
README = Path(__file__).parents[2] / "README.md"
URL = "/pms/api/v1/devices/dataset/pms"


@pytest.fixture
def pms_id(organisation: Organisation) -> str:
    # An id of this test alone: the command line sees all organisations.
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms(f"PMS-OF-{organisation.id}")
        new.case("0241", f"PMS-OF-{organisation.id}-A", 1)
    return f"PMS-OF-{organisation.id}"


@pytest.fixture
def status(client: FlaskClient, pms_id: str) -> Callable[[str], int]:
    def post(key: str) -> int:
        body = request({"pms_id": pms_id}, pack_sample("0241"))
        headers = {"x-api-key": key}
        return client.post(
            URL, data=body, headers=headers, content_type="application/json"
        ).status_code

    return post


def key_of(result: Result) -> str:
    return result.output.splitlines()[-1]


def test_the_example_in_the_readme_works(
    pms: Command, client: FlaskClient, organisation: Organisation, nobody_else: None
) -> None:
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms("PMS-01-001")
        new.case("0241", "PMS-01-001-A", 1)
    text = README.read_text()
    (command,) = re.findall(r"^\$ flexmeasures pms (gateway add .*)$", text, re.M)
    (body,) = re.findall(r"-d '\n(.*?)'$", text, re.M | re.S)

    said = pms(*shlex.split(command)).output
    said = said.replace(f"organisation {organisation.id} ", "organisation 1 ")
    *lines, key = said.splitlines()
    assert "\n".join(lines) in text
    reply = client.post(URL, data=body, headers={"x-api-key": key}, content_type="application/json")

    assert reply.get_json()["receipt"]["stored"] == 1
    assert stored.belief_count(organisation.id) == reply.get_json()["receipt"]["beliefs"]


def test_a_key_is_made_listed_rotated_and_revoked(
    pms: Command, status: Callable[[str], int], organisation: Organisation, pms_id: str
) -> None:
    name, account = f"mast {organisation.id}", ("--account", organisation.id)
    key = key_of(pms("gateway", "add", name, "--pms", pms_id.lower()))
    assert status(key) == 200

    line = pms("gateway", "list", *account, "--json").stdout
    (listed,) = json.loads(line)
    assert (listed["name"], listed["devices"]) == (name, [f"pms:{pms_id}"])
    assert listed["last_used_at"]
    assert key not in line
    assert f"pmsk_{listed['key_id']}…" in pms("gateway", "list", *account).output

    rotated = key_of(pms("gateway", "rotate", name.upper(), "--overlap", "90m"))
    assert (status(key), status(rotated)) == (200, 200)
    assert pms("gateway", "list", *account).output.count("pmsk_") == 2

    pms("gateway", "revoke", name, "--note", "stolen")
    assert (status(key), status(rotated)) == (401, 401)
    assert pms("gateway", "list", *account).output.count("revoked") == 2
    assert status(key_of(pms("gateway", "add", name, *account))) == 200


def test_the_audit_log_of_the_organisation_says_who_did_what(
    pms: Command, organisation: Organisation
) -> None:
    account = ("--account", organisation.id, "--author", "ana")
    key = key_of(pms("gateway", "add", "mast", *account, "--note", "new site"))
    pms("gateway", "rotate", "mast", *account)
    pms("gateway", "revoke", "mast", *account, "--note", "stolen")

    query = select(AuditLog).where(AuditLog.affected_account_id == organisation.id)
    records = list(db.session.scalars(query.order_by(AuditLog.id)))[-3:]
    key_id = key.split("_")[1]
    assert records[0].event == f"Made gateway mast with key {key_id}: new site"
    assert records[2].event == "Revoked the keys of gateway mast: stolen"
    assert {record.active_user_name for record in records} == {"cli:ana"}
    assert not any(key in record.event for record in records)


def test_a_new_key_lives_as_long_as_the_old_one_did(
    pms: Command, fails: Callable[..., str], organisation: Organisation
) -> None:
    account = ("--account", organisation.id)
    soon = datetime.now(UTC) + timedelta(days=30)
    pms("gateway", "add", "mast", *account, "--expires", soon.isoformat())
    pms("gateway", "rotate", "mast", *account)
    keys = json.loads(pms("gateway", "list", *account, "--json").stdout)
    old, new = (datetime.fromisoformat(key["expires_at"]) for key in keys)
    assert abs(old - (datetime.now(UTC) + timedelta(hours=24))) < timedelta(minutes=5)
    assert abs(new - soon) < timedelta(minutes=5)
    past = "2020-01-01T00:00:00Z"
    assert "is past" in fails("gateway", "add", "late", *account, "--expires", past)


def test_a_name_is_an_organisations_own(
    pms: Command,
    fails: Callable[..., str],
    organisation: Organisation,
    other_organisation: Organisation,
) -> None:
    name = f"mast {organisation.id}"
    for owner in (organisation, other_organisation):
        pms("gateway", "add", name, "--account", owner.id)
    twice = fails("gateway", "add", name.upper(), "--account", organisation.id)
    assert f"Organisation {organisation.id} has a gateway '{name.upper()}'" in twice
    assert "say which with --account" in fails("gateway", "revoke", name)
    pms("gateway", "revoke", name, "--account", organisation.id)
    pms("gateway", "rotate", name)
    listed = pms("gateway", "list", "--account", organisation.id).output
    assert listed.count("pmsk_") == 1


def test_only_registered_devices_of_one_organisation_can_be_named(
    pms: Command,
    fails: Callable[..., str],
    organisation: Organisation,
    other_organisation: Organisation,
    pms_id: str,
) -> None:
    Site(other_organisation.id).pms(f"PMS-OF-{other_organisation.id}")
    other = f"PMS-OF-{other_organisation.id}"
    assert "'PMS-nobody' is registered" in fails("gateway", "add", "x", "--pms", "PMS-nobody")
    both = fails("gateway", "add", "x", "--pms", pms_id, "--pms", other)
    assert "several organisations" in both
    foreign = fails("gateway", "add", "x", "--pms", other, "--account", organisation.id)
    assert f"is registered in organisation {organisation.id}" in foreign
    assert "is not a duration" in fails("gateway", "rotate", "x", "--overlap", "soon")
    assert "There is no gateway 'nobody'" in fails("gateway", "revoke", "nobody")
    assert "empty" in fails("gateway", "add", " ", "--account", organisation.id)


def test_a_gateway_may_report_for_other_devices_with_the_key_it_has(
    pms: Command, pms_id: str, organisation: Organisation, status: Callable[[str], int]
) -> None:
    Site(organisation.id).pms(f"{pms_id}-2")
    name = f"Mast {organisation.id}"
    key = key_of(pms("gateway", "add", name, "--pms", f"{pms_id}-2"))
    assert status(key) == 403

    said = pms("gateway", "change", name, "--pms", pms_id, "--note", "moved").output
    assert said == f"Gateway {name} may report for pms:{pms_id} from now on.\n"
    assert status(key) == 200

    pms("gateway", "change", name, "--pms", f"{pms_id}-2")
    assert status(key) == 403
    said = pms("gateway", "change", name, "--all-devices").output
    assert said == f"Gateway {name} may report for all devices from now on.\n"
    assert status(key) == 200
    events = db.session.scalars(
        select(AuditLog.event).where(AuditLog.affected_account_id == organisation.id)
    )
    assert f"Changed gateway {name}: it may report for pms:{pms_id}: moved" in list(events)


def test_a_gateway_keeps_what_is_not_changed(
    pms: Command, pms_id: str, organisation: Organisation, status: Callable[[str], int]
) -> None:
    name = f"Mast {organisation.id}"
    key = key_of(pms("gateway", "add", name, "--pms", pms_id, "--samples-per-minute", "9"))

    said = pms("gateway", "change", name, "--requests-per-minute", "1").output
    expected = f"pms:{pms_id}, 1 request a minute, 9 samples a minute"
    assert said == f"Gateway {name} may report for {expected} from now on.\n"
    assert expected in pms("gateway", "list", "--account", organisation.id).output
    assert [status(key), status(key)] == [200, 429]

    pms("gateway", "change", name, "--requests-per-minute", "0")
    assert status(key) == 200


def test_a_gateway_is_not_changed_to_what_its_organisation_has_not(
    pms: Command,
    fails: Callable[..., str],
    pms_id: str,
    organisation: Organisation,
    other_organisation: Organisation,
) -> None:
    theirs = f"PMS-OF-{other_organisation.id}-T"
    Site(other_organisation.id).pms(theirs)
    name = f"Mast {organisation.id}"
    pms("gateway", "add", name, "--pms", pms_id)

    assert theirs in fails("gateway", "change", name, "--pms", theirs)
    assert "not both" in fails("gateway", "change", name, "--pms", pms_id, "--all-devices")
    assert f"pms:{pms_id}\n" in pms("gateway", "list", "--account", organisation.id).output


def test_a_gateway_that_was_revoked_is_not_told_of_for_one_of_its_name(
    pms: Command, pms_id: str, organisation: Organisation
) -> None:
    Site(organisation.id).pms(f"{pms_id}-2")
    name = f"Mast {organisation.id}"
    pms("gateway", "add", name, "--pms", f"{pms_id}-2")
    pms("gateway", "revoke", name)
    pms("gateway", "add", name, "--pms", f"{pms_id}-2")

    said = pms("gateway", "change", name, "--pms", pms_id).output
    assert said == f"Gateway {name} may report for pms:{pms_id} from now on.\n"
