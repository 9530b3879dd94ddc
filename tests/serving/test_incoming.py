"""Bodies that do not arrive whole, from a socket: the server's word is not enough."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from http.client import HTTPResponse
from io import BytesIO
from typing import IO

import pytest
from conftest import Organisation
from flask import Flask
from support import stored
from support.browser import served
from support.site import Site
from support.telemetry import CELLS, pack_sample, request
from werkzeug.exceptions import BadRequest

from flexmeasures_pms.serving.incoming import WholeBody

DATASET = "/pms/api/v1/devices/dataset/pms"
COLUMNS = ",".join(f"cell.volts.{n}" for n in range(1, 15))
ROW = "PMS-1,20250101T190000.000+0700,0241,1,-1.5," + ",".join(CELLS)
CSV = f"pms_id,time_local,pack.id,pack.dock,pack.amps,{COLUMNS}\n{ROW}\n".encode()
JSON = request({"pms_id": "PMS-1"}, pack_sample("0241")).encode()
LAST = b"0\r\n\r\n"
Send = Callable[..., tuple[int, str]]


def chunk(data: bytes, size: str | None = None) -> bytes:
    return (size or f"{len(data):x}").encode() + b"\r\n" + data + b"\r\n"


MALFORMED = {
    "no last chunk": chunk(CSV),
    "cut off in a chunk": chunk(CSV)[:-40],
    "cut off in a size": chunk(CSV) + b"1",
    "no number": chunk(CSV) + chunk(CSV, "xyz") + LAST,
    "negative": chunk(CSV) + chunk(CSV, "-5") + LAST,
    "too small": chunk(CSV, f"{len(CSV) - 9:x}") + LAST,
    "too large": chunk(CSV, f"{len(CSV) + 9:x}") + LAST,
    "no size": chunk(CSV) + b"\r\n" + LAST,
}


@pytest.fixture(scope="module")
def port(app: Flask) -> Iterator[int]:
    with served(app) as address:
        yield int(address.rpartition(":")[2])


@pytest.fixture
def site(organisation: Organisation) -> Site:
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms()
        new.case("0241", "PMS-1-A", 1)
    return site


@pytest.fixture
def send(port: int, organisation: Organisation) -> Send:
    """Send a head and some bytes, close our side, and return the status and the text."""
    credentials = {
        "Authorization": organisation.token,
        "Cookie": "=".join(organisation.cookie),
    }

    def exchange(path: str, content: bytes, **headers: str) -> tuple[int, str]:
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        lines = [f"POST {path} HTTP/1.1", "Host: localhost"]
        lines += [f"{name}: {text}" for name, text in (credentials | named).items()]
        with socket.create_connection(("localhost", port), 20) as connection:
            connection.sendall("\r\n".join([*lines, "", ""]).encode() + content)
            connection.shutdown(socket.SHUT_WR)
            reply = HTTPResponse(connection)
            reply.begin()
            return reply.status, reply.read().decode()

    return exchange


@pytest.mark.parametrize("name", MALFORMED)
def test_nothing_is_stored_of_malformed_chunks(site: Site, send: Send, name: str) -> None:
    code, text = send(
        DATASET, MALFORMED[name], Content_Type="text/csv", Transfer_Encoding="chunked"
    )
    assert (code, "UNREADABLE_BODY" in text) == (400, True), text
    assert stored.belief_count(site.account_id) == 0


def test_whole_chunks_are_a_body(site: Site, send: Send) -> None:
    half = len(CSV) // 2
    chunks = chunk(CSV[:half]) + chunk(CSV[half:]) + LAST
    code, text = send(DATASET, chunks, Content_Type="text/csv", Transfer_Encoding="chunked")
    assert code == 200, text
    assert len(stored.times(site.account_id, "case:0241")) == 1


@pytest.mark.parametrize("name", MALFORMED)
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_form_in_malformed_chunks_is_refused(send: Send, name: str, kind: str) -> None:
    content_type = f"{kind}; boundary=x"
    code, _text = send(
        "/pms/quarantine", MALFORMED[name], Content_Type=content_type, Transfer_Encoding="chunked"
    )
    assert code == 400


@pytest.mark.parametrize("path", [DATASET, "/pms/quarantine", "/pms/registry/import"])
def test_a_body_shorter_than_announced_is_refused(site: Site, send: Send, path: str) -> None:
    form = b"which=all&action=discard&note=a+long+reason"
    content = CSV if path == DATASET else form
    kind = "text/csv" if path == DATASET else "application/x-www-form-urlencoded"
    code, text = send(path, content, Content_Type=kind, Content_Length=str(len(content) + 9))
    assert code == 400
    assert "cut off" in text
    assert stored.belief_count(site.account_id) == 0


class Torn:
    """A server's stream that fails in a way of its own, as Gunicorn's do."""

    def read(self, size: int = -1) -> bytes:
        raise LookupError(f"InvalidChunkSize, of {size}")


def whole(stream: object, announced: int | None = None) -> WholeBody:
    found: IO[bytes] = stream  # type: ignore[assignment]
    return WholeBody(found, announced)


def test_any_error_of_the_server_is_a_bad_request() -> None:
    with pytest.raises(BadRequest):
        whole(Torn()).read()


@pytest.mark.parametrize("size", [-1, 1, 3, 10])
def test_a_whole_body_is_read_in_any_pieces(size: int) -> None:
    body = whole(BytesIO(b"0123456789"), 10)
    assert b"".join(iter(lambda: body.read(size), b"")) == b"0123456789"
    assert body.read(0) == b""
    assert whole(BytesIO(b"a\nb\n"), 4).readlines() == [b"a\n", b"b\n"]


@pytest.mark.parametrize("size", [-1, 1, 3, 10])
def test_a_body_in_pieces_that_ends_early_is_a_bad_request(size: int) -> None:
    body = whole(BytesIO(b"0123456789"), 11)
    with pytest.raises(BadRequest, match="10 of 11 bytes came"):
        list(iter(lambda: body.read(size), b""))
