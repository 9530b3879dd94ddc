"""Headers that every reply of the API has: of each route, whatever became of the request."""

from __future__ import annotations

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from support.site import Site
from werkzeug.test import TestResponse

from flexmeasures_pms.api.routes import ROUTES

REPLIES = {
    ("GET", "/pms/api/v1/fleet", "token"): 200,
    ("HEAD", "/pms/api/v1/fleet", "token"): 200,
    ("GET", "/pms/api/v1/fleet", ""): 401,
    ("GET", "/pms/api/v1/receipts?limit=0", "token"): 400,
    ("GET", "/pms/api/v1/fleet?account=1234567", "token"): 403,
    ("GET", "/pms/api/v1/no/such/route", ""): 404,
    ("DELETE", "/pms/api/v1/fleet", "token"): 404,
    ("GET", "/devices/dataset/pms", "token"): 405,
    ("POST", "/devices/dataset/pms", "token"): 415,
    ("POST", "/devices/dataset/pms?account=", ""): 401,
}


def has_them(reply: TestResponse) -> bool:
    sniffing, caching = (
        reply.headers.getlist(name) for name in ("X-Content-Type-Options", "Cache-Control")
    )
    return (sniffing, caching) == (["nosniff"], ["no-store"])


@pytest.mark.parametrize(("method", "url", "credential"), REPLIES)
def test_no_reply_is_cached_or_sniffed(
    client: FlaskClient, organisation: Organisation, method: str, url: str, credential: str
) -> None:
    headers = organisation.headers if credential else {}
    reply = client.open(url, method=method, headers=headers)
    assert reply.status_code == REPLIES[method, url, credential]
    assert has_them(reply)


def test_each_route_has_them(client: FlaskClient, organisation: Organisation) -> None:
    for route in ROUTES:
        path = route.path.replace("{dataset}", "pms").replace("{", "").replace("}", "")
        assert has_them(client.open(path, method=route.method, headers=organisation.headers)), path


def test_who_kept_a_reply_may_ask_whether_it_is_still_so(
    client: FlaskClient, organisation: Organisation
) -> None:
    Site(organisation.id).pms()
    for path in ("fleet", "pms/PMS-1/rack", "pms/PMS-1/latest", "devices/PMS-1/latest"):
        first = client.get(f"/pms/api/v1/{path}", headers=organisation.headers)
        known = organisation.headers | {"If-None-Match": first.headers["ETag"]}
        again = client.get(f"/pms/api/v1/{path}", headers=known)
        assert (first.status_code, again.status_code, again.get_data()) == (200, 304, b"")
        assert has_them(first)
        assert has_them(again)
        assert again.headers["ETag"] == first.headers["ETag"]


def test_an_unexpected_error_has_them(
    client: FlaskClient, organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flexmeasures_pms.api import fleet

    monkeypatch.setattr(fleet, "fleet", lambda *_: 1 / 0)
    reply = client.get("/pms/api/v1/fleet", headers=organisation.headers)
    assert reply.status_code == 500
    assert has_them(reply)
