"""Bodies of any size to any of our URLs: bounded before anything reads them."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import Organisation
from flask import Flask
from flask.testing import FlaskClient
from support.changed import changed_settings
from support.session import log_in
from werkzeug.test import TestResponse

from flexmeasures_pms import config
from flexmeasures_pms.ui.routes import MOST_BYTES

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
FORM, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"
KINDS = ("application/json", FORM, MULTIPART, "text/csv")
MANY = 200 << 20
# Werkzeug reads forms in pieces of this size.
PIECE = 64 << 10


class Endless(io.RawIOBase):
    """A body that never ends, and counts what is read of it."""

    came = 0

    def __init__(self, unit: bytes = b"a&") -> None:
        self._unit = unit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = min(len(buffer), 1 << 20)
        buffer[:piece] = (self._unit * (piece // len(self._unit) + 1))[:piece]
        self.came += piece
        return piece


def paths(app: Flask) -> Iterator[str]:
    """An URL of each of our routes, and some that none has."""
    for rule in app.url_map.iter_rules():
        if rule.endpoint.partition(".")[0] in ("pms_ui", "pms_api"):
            yield re.sub(r"<[^>]*>", "1", rule.rule)
    yield from ("/pms/no/such", "/pms/api/v1/no/such", "/devices/dataset/none/such")


def send(
    client: FlaskClient, method: str, path: str, body: Endless, kind: str, size: int | None
) -> TestResponse:
    """Send a body, in chunks if it has no size."""
    length = {"CONTENT_LENGTH": str(size)} if size else {"wsgi.input_terminated": True}
    environ = {"wsgi.input": body, "CONTENT_TYPE": kind, **length}
    return client.open(path, method=method, environ_overrides=environ)


@pytest.fixture(params=["a stranger", "a member"])
def visitor(
    request: pytest.FixtureRequest, client: FlaskClient, organisation: Organisation
) -> FlaskClient:
    if request.param == "a member":
        log_in(client, organisation)
    return client


@pytest.mark.parametrize("kind", KINDS)
def test_a_body_that_announces_too_much_is_refused_unread(
    app: Flask, visitor: FlaskClient, kind: str
) -> None:
    found = [*paths(app)]
    assert len(found) > 30
    for path in found:
        for method in METHODS:
            body = Endless()
            reply = send(visitor, method, path, body, kind, MANY)
            assert (reply.status_code, body.came) == (413, 0), (method, path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_body_of_no_announced_size_is_read_up_to_the_limit(
    app: Flask, visitor: FlaskClient, kind: str
) -> None:
    with app.app_context():
        most = max(MOST_BYTES, config.settings().max_body_bytes)
    for path in paths(app):
        for method in METHODS:
            body = Endless()
            reply = send(visitor, method, path, body, kind, None)
            assert body.came <= most + PIECE, (method, path)
            assert reply.status_code < 500, (method, path)


def test_pages_parse_no_json(client: FlaskClient, organisation: Organisation) -> None:
    log_in(client, organisation)
    for size in (1000, None):
        body = Endless(b"[")
        reply = send(client, "POST", "/pms/quarantine", body, "application/json", size)
        assert (reply.status_code, body.came) == (400, 0)


MANY_PARTS = b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n" * 2000 + b"--x--\r\n"
LARGE_PART = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"a" * 1_000_000


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (FORM, b"a&" * 2000),
        (FORM, b"a=" + b"1" * (MOST_BYTES + 1)),
        (MULTIPART, MANY_PARTS),
        (MULTIPART, LARGE_PART + b"\r\n--x--\r\n"),
    ],
)
@pytest.mark.parametrize("chunked", [False, True])
def test_a_form_of_too_many_or_too_large_fields_is_refused_with_what_is_allowed(
    client: FlaskClient, organisation: Organisation, kind: str, body: bytes, chunked: bool
) -> None:
    log_in(client, organisation)
    length = {"wsgi.input_terminated": True} if chunked else {"CONTENT_LENGTH": str(len(body))}
    environ = {"wsgi.input": io.BytesIO(body), "CONTENT_TYPE": kind, **length}
    reply = client.post("/pms/quarantine", environ_overrides=environ)
    assert reply.status_code == 413
    assert "it may have 1000 fields and 2 MiB" in reply.get_data(as_text=True)


@pytest.mark.parametrize("size", [MANY, None])
def test_the_api_says_how_much_a_body_may_have(
    client: FlaskClient, organisation: Organisation, size: int | None
) -> None:
    environ = {"HTTP_AUTHORIZATION": organisation.token, "wsgi.input": Endless()}
    length = {"CONTENT_LENGTH": str(size)} if size else {"wsgi.input_terminated": True}
    path = "/pms/api/v1/devices/dataset/pms"
    reply = client.post(path, environ_overrides={**environ, **length})
    assert (reply.status_code, reply.get_json()["status"]) == (413, "BODY_TOO_LARGE")
    assert "larger than 4194304 bytes" in reply.get_json()["message"]


@pytest.mark.parametrize("more", [0, 1])
def test_a_chunked_body_is_taken_whole_or_not_at_all(
    app: Flask, client: FlaskClient, organisation: Organisation, more: int
) -> None:
    line = b"pms_id,time_local,pack.id\n"
    with changed_settings(app, max_body_bytes=len(line) * 9):
        body = io.BytesIO(line * 9 + b"x" * more)
        environ = {"HTTP_AUTHORIZATION": organisation.token, "wsgi.input": body}
        reply = client.post(
            "/pms/api/v1/devices/dataset/pms",
            content_type="text/csv",
            environ_overrides={**environ, "wsgi.input_terminated": True},
        )
    assert reply.status_code == (413 if more else 200), reply.get_data(as_text=True)


def test_requests_to_flexmeasures_are_its_own_business(client: FlaskClient) -> None:
    reply = client.post("/login", json={"email": "nobody@example.com", "password": "wrong"})
    assert reply.status_code == 400
    assert reply.is_json
