"""429: a gateway or user that sends too much has to wait, and nobody else."""

from __future__ import annotations

import gzip
import io
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from conftest import Organisation
from flask import Flask
from flask.testing import FlaskClient
from support import stored
from support.changed import changed_settings
from support.gateways import AUTHOR, make_key
from support.site import Site
from support.telemetry import at, pack_sample, request
from werkzeug.test import TestResponse

from flexmeasures_pms import config
from flexmeasures_pms.gateways import manage

PREFIX = "/pms/api/v1"
PATHS = (f"{PREFIX}/devices/dataset/pms", "/devices/dataset/pms")
Headers = dict[str, str]


@pytest.fixture
def site(organisation: Organisation) -> Site:
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms()
        new.case("0241", "PMS-1-A", 1)
    return site


@pytest.fixture
def post(client: FlaskClient) -> Callable[..., TestResponse]:
    def send(headers: Headers, *minutes: int, path: str = PATHS[0]) -> TestResponse:
        body = request({"pms_id": "PMS-1"}, *(pack_sample("0241", at(m)) for m in minutes))
        return client.post(path, data=body, headers=headers, content_type="application/json")

    return send


def test_both_routes_count_together(site: Site, post: Any) -> None:
    key = make_key(site.account_id, rates=(3, None))
    codes = [post(key, n, path=PATHS[n % 2]).status_code for n in range(5)]
    assert codes == [200, 200, 200, 429, 429]
    assert len(stored.times(site.account_id, "case:0241")) == 3


def test_a_refusal_says_when_to_come_again_and_stores_nothing(site: Site, post: Any) -> None:
    key = make_key(site.account_id, rates=(None, 5))
    assert post(key, 0, 1, 2).status_code == 200

    reply = post(key, 3, 4, 5)

    assert (reply.status_code, reply.is_json) == (429, True)
    assert reply.get_json()["status"] == "TOO_MANY_REQUESTS"
    assert "more than 5 samples in a minute" in reply.get_json()["message"]
    assert 1 <= int(reply.headers["Retry-After"]) <= 60
    assert stored.times(site.account_id, "case:0241") == {at(m) for m in (0, 1, 2)}
    assert post(key, 3, 4).status_code == 200


def test_one_gateway_takes_nothing_from_another(site: Site, post: Any) -> None:
    wild = make_key(site.account_id, name="wild", rates=(1, None))
    calm = make_key(site.account_id, name="calm", rates=(1, None))
    assert [post(wild, 0).status_code for _ in range(4)] == [200, 429, 429, 429]
    assert post(calm, 1).status_code == 200


def test_a_gateway_of_a_revoked_ones_name_has_its_own_minute(site: Site, post: Any) -> None:
    former = make_key(site.account_id, rates=(1, None))
    assert [post(former, 0).status_code for _ in range(2)] == [200, 429]
    manage.revoke(manage.find("North mast", site.account_id), AUTHOR)
    new = make_key(site.account_id, rates=(1, None))
    assert post(new, 1).status_code == 200


def test_the_keys_of_a_gateway_count_together(site: Site, post: Any) -> None:
    old = make_key(site.account_id, rates=(2, None))
    which = manage.find("North mast", site.account_id)
    new = manage.rotate(which, overlap=timedelta(days=1), expires_at=None, author=AUTHOR)
    headers = (old, {"x-api-key": new.text}, old)
    assert [post(key, 0).status_code for key in headers] == [200, 200, 429]


def test_users_are_limited_too_and_reading_counts(
    site: Site, post: Any, client: FlaskClient, organisation: Organisation,
    other_organisation: Organisation, app: Flask, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    with app.app_context():
        few = replace(
            config.settings(), gateway_requests_per_minute=2, gateway_samples_per_minute=3
        )
    monkeypatch.setitem(app.extensions, "flexmeasures_pms", few)

    assert post(organisation.headers, 0, 1).status_code == 200
    assert post(organisation.headers, 2, 3).status_code == 429
    assert client.get(f"{PREFIX}/receipts", headers=organisation.headers).status_code == 429
    assert client.get(f"{PREFIX}/receipts", headers=other_organisation.headers).status_code == 200
    assert post(make_key(site.account_id, rates=(1, 9)), 2, 3, 4, 5).status_code == 200


def test_wrong_credentials_are_refused_not_counted(site: Site, post: Any) -> None:
    key = make_key(site.account_id, rates=(1, None))
    wrong = {"x-api-key": re.sub("_[0-9a-f]{64}", "_" + "0" * 64, key["x-api-key"])}
    assert [post(wrong, 0).status_code for _ in range(3)] == [401] * 3
    assert post(key, 0).status_code == 200


@pytest.mark.parametrize("packed", [False, True])
def test_bytes_are_counted_as_they_are_decoded(
    site: Site, client: FlaskClient, app: Flask, packed: bool
) -> None:
    body = request({"pms_id": "PMS-1"}, pack_sample("0241")).encode()
    data = gzip.compress(body) if packed else body
    key = {**make_key(site.account_id), **({"Content-Encoding": "gzip"} if packed else {})}
    with changed_settings(app, gateway_bytes_per_minute=2 * len(body) + 10):
        replies = [
            client.post(PATHS[0], data=data, headers=key, content_type="application/json")
            for _ in range(3)
        ]
    assert [reply.status_code for reply in replies] == [200, 200, 429]
    assert "bytes in a minute" in replies[2].get_json()["message"]


def test_bodies_that_cannot_be_read_are_counted_too(
    site: Site, client: FlaskClient, app: Flask
) -> None:
    """A kilobyte that decodes to a million, and is no JSON: it costs what it decodes to."""
    headers = {**make_key(site.account_id), "Content-Encoding": "gzip"}
    data = gzip.compress(b" " * 1_000_000)
    with changed_settings(app, gateway_bytes_per_minute=1_500_000):
        codes = [
            client.post(PATHS[0], data=data, headers=headers, content_type="application/json")
            for _ in range(3)
        ]
    assert [reply.status_code for reply in codes] == [400, 429, 429]


def test_a_body_beyond_the_rate_is_not_read(site: Site, client: FlaskClient, app: Flask) -> None:
    key = make_key(site.account_id)
    with changed_settings(app, gateway_bytes_per_minute=1_000):
        first = client.post(PATHS[0], data=b"x" * 900, headers=key, content_type="text/csv")
        body = io.BytesIO(b"x" * 900)
        second = client.post(
            PATHS[0], headers=key, content_type="text/csv", content_length=900, input_stream=body
        )
    assert (first.status_code, second.status_code, body.tell()) == (422, 429, 0)


def test_who_may_send_more_samples_may_send_more_bytes(
    site: Site, client: FlaskClient, app: Flask
) -> None:
    body = request({"pms_id": "PMS-1"}, pack_sample("0241"))
    small = {"gateway_bytes_per_minute": len(body), "gateway_samples_per_minute": 100}
    keys = (
        make_key(site.account_id, name="a"),
        make_key(site.account_id, name="b", rates=(None, 300)),
    )
    with changed_settings(app, **small):
        codes = [
            client.post(PATHS[0], data=body, headers=key, content_type="application/json")
            for key in keys
            for _ in range(3)
        ]
    assert [reply.status_code for reply in codes] == [200, 429, 429, 200, 200, 200]
