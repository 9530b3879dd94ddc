"""Whatever is sent: an answer that is bounded and clear, and never a 500."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import fuzz, stored
from support.profiles import examples
from support.site import Site
from support.telemetry import pack_sample, request
from werkzeug.test import TestResponse

URL = "/pms/api/v1/devices/dataset/pms"
Post = Callable[..., TestResponse]


@pytest.fixture
def site(organisation: Organisation) -> Site:
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms()
        new.case("0241", "PMS-1-A", 1)
    return site


@pytest.fixture
def post(client: FlaskClient, organisation: Organisation) -> Post:
    def send(body: str | bytes, content_type: str = "application/json", encoding: str = "") -> Any:
        headers = {**organisation.headers, "Content-Encoding": encoding}
        return client.post(URL, data=body, headers=headers, content_type=content_type)

    return send


def bomb(size: int) -> bytes:
    return gzip.compress(b" " * size, 9)


def about(pack_id: str) -> str:
    return json.dumps({"datasets": [{"pms_id": pack_id, "data": [pack_sample(pack_id)]}]})


def reading(number: str) -> str:
    """A request whose current is written in some way."""
    return request({"pms_id": "PMS-1"}, pack_sample("0241", amps="?")).replace('"?"', number)


REFUSED = {
    "zip bomb": (bomb(200 << 20), "application/json", "gzip", 413),
    "zip bomb as CSV": (bomb(200 << 20), "text/csv", "gzip", 413),
    "bomb in a bomb": (gzip.compress(bomb(50 << 20)), "application/json", "gzip", 400),
    "deflate": (zlib.compress(b"{}"), "application/json", "deflate", 415),
    "not gzip": (b"{}", "application/json", "gzip", 400),
    "half of a gzip": (gzip.compress(about("0241").encode())[:-9], "application/json", "gzip", 400),
    "deep arrays": (b"[" * 100_000, "application/json", "", 413),
    "deep objects": (b'{"datasets":' * 50_000, "application/json", "", 413),
    "deep data": (
        b'{"datasets":[{"data":[' + b"[" * 5000 + b"]" * 5000 + b"]}]}",
        "application/json", "", 413,
    ),
    "UTF-16": (about("0241").encode("utf-16"), "application/json", "", 400),
    "not UTF-8": (b'\x80{"datasets":[\xff\xfe]}', "application/json", "", 400),
    "nothing": (b"", "application/json", "", 400),
    "nothing as CSV": (b"", "text/csv", "", 422),
    "NUL": (b"\x00" * 1000, "application/json", "", 400),
    "keys twice": (b'{"datasets":[],"datasets":[]}', "application/json", "", 422),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_refused(site: Site, post: Post, name: str) -> None:
    body, content_type, encoding, code = REFUSED[name]
    reply = post(body, content_type, encoding)

    assert reply.status_code == code, reply.get_data(as_text=True)
    assert 0 < len(reply.get_data()) < 3000
    assert reply.get_json()["message"]
    assert stored.waiting(site.account_id) == []


@pytest.mark.parametrize(
    "number",
    [
        "NaN",
        "Infinity",
        "-Infinity",
        '"NaN"',
        "1e400",
        "1" + "0" * 400,
        "-1e-400",
        "0." + "0" * 2000 + "1",
        '"' + "9" * 5000 + '"',
        "1e999999999999",
    ],
)
def test_a_number_beyond_all_numbers_is_one_sample_s_fault(
    site: Site, post: Post, number: str
) -> None:
    reply = post(reading(number))

    assert reply.status_code in (200, 400), reply.get_data(as_text=True)
    if reply.status_code == 200:
        receipt = reply.get_json()["receipt"]
        assert receipt["stored"] + receipt["quarantined"] == 1, receipt
        assert all(len(p["message"]) < 400 for p in reply.get_json()["problems"])
    values = stored.beliefs(site.account_id, "case:0241").values()
    assert all(abs(value) < 1e5 for value in values)


@pytest.mark.parametrize(
    "pack_id",
    ["\x00", "a\x00b", "\x1b[2J", "\u202e1420", "\ud800", "0" * 10_000, "'; DROP TABLE x; --",
     "\n", "%s", "{}", "\ufeff0241", "\U0001f50b"],
)  # fmt: skip
def test_an_id_may_be_any_text(site: Site, post: Post, pack_id: str) -> None:
    reply = post(about(pack_id))

    assert reply.status_code in (200, 400, 413), reply.get_data(as_text=True)
    if reply.status_code == 200:
        # A sample is only kept if its text is not too large.
        kept = len(pack_id) < 1000
        receipt = reply.get_json()["receipt"]
        assert (receipt["samples"], receipt["quarantined"]) == (1, int(kept))
        assert receipt["refused"] == int(not kept)
        assert len(stored.waiting(site.account_id)) == int(kept)
    assert len(reply.get_data()) < 5000


anything = st.binary(max_size=200) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["datasets", "data", "pms_id", "pack", "id", "time_local", "cell"]),
            inner,
        )
    ),
    max_leaves=12,
).map(lambda value: json.dumps(value).encode())


@settings(
    max_examples=examples(100),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    body=anything,
    content_type=st.sampled_from(["application/json", "text/csv", "text/plain", "", "a/b; c=\x7f"]),
    encoding=st.sampled_from(["", "gzip", "br", "identity"]),
)
def test_any_bytes_get_an_answer(
    site: Site, post: Post, body: bytes, content_type: str, encoding: str
) -> None:
    reply = post(body, content_type, encoding)

    fuzz.note("any bytes over HTTP", reply.status_code)
    assert reply.status_code in (200, 400, 413, 415, 422), reply.get_data(as_text=True)
    assert reply.get_json()["message"]
