"""Who may post, and for whom."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from flexmeasures.data import db
from flexmeasures.data.models.user import Account, User
from support import stored
from support.site import Site
from support.telemetry import NOON, pack_sample, request

URL = "/pms/api/v1/devices/dataset/pms"
BODY = request({"pms_id": "PMS-1"}, pack_sample("0241"))
MakeOrganisation = Callable[..., Organisation]


def build(organisation: Organisation) -> Site:
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms()
        new.case("0241", "PMS-1-A", 1)
    return site


@pytest.mark.parametrize("content_type", ["application/json", "text/csv"])
@pytest.mark.parametrize("headers", [{}, {"Authorization": "nonsense"}, {"Authorization": ""}])
def test_without_a_valid_token_nothing_is_read(
    client: FlaskClient, headers: dict[str, str], content_type: str
) -> None:
    reply = client.post(URL, data=BODY, headers=headers, content_type=content_type)

    assert reply.status_code == 401
    assert reply.get_json()["status"] == "UNAUTHORIZED"


@pytest.mark.parametrize("headers", [{}, {"Authorization": "nonsense"}])
def test_a_token_in_the_body_or_the_address_is_no_credential(
    client: FlaskClient, organisation: Organisation, headers: dict[str, str]
) -> None:
    token = organisation.token
    inside = BODY[:-1] + f', "auth_token": "{token}"}}'
    for url, body in ((URL, inside), (f"{URL}?auth_token={token}", BODY)):
        reply = client.post(url, data=body, content_type="application/json", headers=headers)
        assert reply.status_code == 401
    form = client.post(URL, data={"auth_token": token}, headers=headers)
    assert form.status_code == 401
    for path in ("fleet", "receipts"):
        reply = client.get(f"/pms/api/v1/{path}?auth_token={token}", headers=headers)
        assert reply.status_code == 401


def test_the_token_of_the_header_counts_whatever_the_address_says(
    client: FlaskClient, organisation: Organisation, other_organisation: Organisation
) -> None:
    Site(organisation.id).pms()
    url = f"/pms/api/v1/pms/PMS-1/latest?auth_token={other_organisation.token}"
    assert client.get(url, headers=organisation.headers).status_code == 200


def test_a_browser_session_is_a_credential_for_reading_only(
    client: FlaskClient, organisation: Organisation, other_organisation: Organisation
) -> None:
    build(organisation)
    latest = "/pms/api/v1/pms/PMS-1/latest"
    assert client.get(latest).status_code == 401
    with client.session_transaction() as session:
        session["_user_id"] = db.session.get_one(User, organisation.user_id).fs_uniquifier
        session["_fresh"] = True

    assert client.post(URL, data=BODY, content_type="application/json").status_code == 401
    assert stored.belief_count(organisation.id) == 0
    assert client.get(latest).status_code == 200
    assert client.get(f"{latest}?account={other_organisation.id}").status_code == 403


def test_the_same_ids_in_two_organisations_are_two_things(
    client: FlaskClient, organisation: Organisation, other_organisation: Organisation
) -> None:
    build(organisation)
    build(other_organisation)

    reply = client.post(
        URL, data=BODY, headers=organisation.headers, content_type="application/json"
    )

    assert reply.get_json()["receipt"]["stored"] == 1
    assert stored.times(organisation.id, "case:0241") == {NOON}
    assert stored.belief_count(other_organisation.id) == 0


def test_ids_of_another_organisation_look_exactly_like_unknown_ones(
    client: FlaskClient, organisation: Organisation, other_organisation: Organisation
) -> None:
    site = build(organisation)
    site.register("acquisition-board", "66CFF353")
    site.install(("acquisition-board", "66CFF353"), ("case", "0241"))
    Site(other_organisation.id).pms()

    def post(pms: str, pack: str) -> dict[str, object]:
        reply = client.post(
            URL,
            data=request({"pms_id": pms}, pack_sample(pack)),
            headers=other_organisation.headers,
            content_type="application/json",
        )
        assert reply.status_code == 200
        (problem,) = reply.get_json()["problems"]
        return {**problem, "value": "", "message": problem["message"].replace(pack, "PACK")}

    assert post("PMS-1", "0241") == post("PMS-1", "nothing")
    assert post("PMS-1", "66CFF353") == post("PMS-1", "nothing")
    assert stored.belief_count(organisation.id) == 0
    assert stored.waiting(organisation.id) == []


def test_a_member_cannot_name_another_organisation(
    client: FlaskClient, organisation: Organisation, other_organisation: Organisation
) -> None:
    build(organisation)
    replies = [
        client.post(
            f"{URL}?account={account}",
            data=BODY,
            headers=other_organisation.headers,
            content_type="application/json",
        )
        for account in (organisation.id, 999_999_999, "x", "-1", "٣", "1" * 40)
    ]

    assert {reply.status_code for reply in replies} == {403}
    assert len({reply.get_data() for reply in replies}) == 1
    assert stored.belief_count(organisation.id) == 0


def test_naming_the_own_organisation_changes_nothing(
    client: FlaskClient, organisation: Organisation
) -> None:
    build(organisation)
    reply = client.post(
        f"{URL}?account={organisation.id}",
        data=BODY,
        headers=organisation.headers,
        content_type="application/json",
    )
    assert reply.get_json()["receipt"]["stored"] == 1


@pytest.mark.parametrize("role", ["admin", "consultant"])
def test_an_admin_and_a_consultant_name_the_organisation(
    client: FlaskClient, organisation: Organisation, make_organisation: MakeOrganisation, role: str
) -> None:
    build(organisation)
    agent = make_organisation(roles=[role])
    db.session.get_one(Account, organisation.id).consultancy_account_id = agent.id
    db.session.commit()

    reply = client.post(
        f"{URL}?account={organisation.id}",
        data=BODY,
        headers=agent.headers,
        content_type="application/json",
    )

    assert reply.get_json()["receipt"]["stored"] == 1
    assert stored.times(organisation.id, "case:0241") == {NOON}
    assert stored.sources(organisation.id, "case:0241") == {"PMS-1"}


def test_a_consultant_of_others_may_not(
    client: FlaskClient, organisation: Organisation, make_organisation: MakeOrganisation
) -> None:
    build(organisation)
    agent = make_organisation(roles=["consultant"])

    reply = client.post(
        f"{URL}?account={organisation.id}",
        data=BODY,
        headers=agent.headers,
        content_type="application/json",
    )

    assert reply.status_code == 403
    assert stored.belief_count(organisation.id) == 0


def test_errors_below_the_prefix_are_json(client: FlaskClient) -> None:
    for method, path, code in (
        ("get", URL, 405),
        ("post", "/pms/api/v1/nothing/here", 404),
        ("delete", "/pms/api/v1/openapi.json", 404),
    ):
        reply = getattr(client, method)(path)
        assert (reply.status_code, reply.is_json) == (code, True)
        assert reply.get_json()["message"]


def test_the_openapi_document_names_every_route(client: FlaskClient) -> None:
    reply = client.get("/pms/api/v1/openapi.json")

    document = reply.get_json()
    rules = {
        rule.rule.replace("<", "{").replace(">", "}")
        for rule in client.application.url_map.iter_rules()
        if rule.endpoint.startswith("pms_api.") and "path:" not in rule.rule
    }
    assert set(document["paths"]) == rules
    assert document["info"]["version"]
