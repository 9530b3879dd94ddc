"""Which replies are sent as gzip."""

from __future__ import annotations

import gzip

import pytest
from flask import Flask, Response

from flexmeasures_pms.serving.compress import SMALLEST, compressed

LONG = "0123456789" * SMALLEST
app = Flask(__name__)


def sent(reply: Response, accepts: str = "gzip", method: str = "GET") -> Response:
    headers = {"Accept-Encoding": accepts}
    with app.test_request_context("/", method=method, headers=headers):
        return compressed(reply)


def test_a_long_text_is_sent_as_gzip() -> None:
    reply = sent(Response(LONG, mimetype="application/json"))
    assert reply.content_encoding == "gzip"
    assert gzip.decompress(reply.get_data()).decode() == LONG
    assert reply.content_length == len(reply.get_data()) < len(LONG)


@pytest.mark.parametrize("accepts", ["", "br", "gzip;q=0"])
def test_who_does_not_take_gzip_gets_the_text(accepts: str) -> None:
    reply = sent(Response(LONG, mimetype="application/json"), accepts)
    assert not reply.content_encoding
    assert reply.get_data(as_text=True) == LONG
    assert "Accept-Encoding" in reply.vary, "a cache would give it to those who take gzip"


@pytest.mark.parametrize(
    ("reply", "method"),
    [
        (Response("short", mimetype="text/html"), "GET"),
        (Response(LONG, mimetype="image/png"), "GET"),
        (Response(LONG, status=404, mimetype="text/html"), "GET"),
        (Response(LONG, mimetype="application/json"), "POST"),
    ],
    ids=["short", "picture", "error", "POST"],
)
def test_what_is_not_worth_it_is_left_as_it_is(reply: Response, method: str) -> None:
    before = reply.get_data()
    assert sent(reply, method=method).get_data() == before
    assert reply.content_encoding is None


def test_what_is_compressed_already_is_not_compressed_twice() -> None:
    reply = Response(gzip.compress(LONG.encode()), mimetype="text/css")
    reply.content_encoding = "gzip"
    assert gzip.decompress(sent(reply).get_data()).decode() == LONG


def test_an_etag_becomes_weak_for_the_bytes_are_others() -> None:
    reply = Response(LONG, mimetype="text/css")
    reply.set_etag("v1")
    assert sent(reply).get_etag() == ("v1", True)
