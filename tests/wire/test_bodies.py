"""Which bodies are refused as a whole, and what is said then."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from dataclasses import replace
from typing import Any

import pytest
from support.messages import LIMITS, codes, pms_sample, read, request

from flexmeasures_pms.errors import BodyTooLarge, MisshapenBody, UnreadableBody, UnsupportedBody
from flexmeasures_pms.wire import decode

BODY = json.dumps(request(pms_sample(), pms_id="P")).encode()


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ([], "body"),
        ("5", "body"),
        ({}, "datasets"),
        ({"Datasets": []}, "datasets"),
        ({"datasets": {}}, "datasets"),
        ({"datasets": None}, "datasets"),
        ({"datasets": []}, "datasets"),
        ({"datasets": [5]}, "datasets[0]"),
        ({"datasets": [None, {}]}, "datasets[0]"),
        ({"datasets": [{}]}, "datasets[0].data"),
        ({"datasets": [{"data": {}}]}, "datasets[0].data"),
        ({"datasets": [{"data": None}]}, "datasets[0].data"),
        ('{"datasets":[{"data":[]}],"datasets":[{"data":[]}]}', "body"),
        ('{"datasets":[{"data":[],"pms_id":"1","pms_id":"2"}]}', "datasets[0]"),
        ('{"datasets":[{"data":[],"data":[]}]}', "datasets[0]"),
    ],
)
def test_bodies_without_the_shape_of_datasets(body: Any, path: str) -> None:
    with pytest.raises(MisshapenBody, match="The current shape is") as refusal:
        read(body)

    assert refusal.value.problems[0].path == path
    assert str(refusal.value).startswith(path)


def test_the_first_few_faults_are_reported() -> None:
    with pytest.raises(MisshapenBody) as refusal:
        read({"datasets": [1, {}, {"data": 2}, *[None] * 90][:20]})

    paths = [p.path for p in refusal.value.problems]
    assert paths == ["datasets[0]", "datasets[1].data", "datasets[2].data"] + [
        f"datasets[{n}]" for n in (3, 4)
    ]


def test_a_dataset_may_be_empty() -> None:
    assert read({"datasets": [{"pms_id": "P", "data": []}]}).samples == ()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"no",
        BODY[: BODY.index(b"volts")],
        BODY.replace(b'"data"', b'"dat'),
        BODY.decode().encode("utf-16"),
        BODY.decode().encode("utf-16-le"),
    ],
)
def test_bodies_that_are_not_json(body: bytes) -> None:
    with pytest.raises(UnreadableBody, match=r"^The body is not "):
        read(body)


def test_a_byte_order_mark_is_no_fault() -> None:
    assert len(read(b"\xef\xbb\xbf" + BODY).samples) == 1


@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON; charset=UTF-8", "application/json;"]
)
@pytest.mark.parametrize("encoding", ["", "identity"])
def test_readable_types(content_type: str, encoding: str) -> None:
    decoded = decode(
        BODY, dataset="pms", content_type=content_type, content_encoding=encoding, limits=LIMITS
    )
    assert len(decoded.samples) == 1


@pytest.mark.parametrize(
    ("dataset", "content_type", "encoding"),
    [
        ("pms", "", ""),
        ("pms", "text/plain", ""),
        ("pms", "application/x-www-form-urlencoded", ""),
        ("pms", "application/json; charset=latin-1", ""),
        ("mppt", "text/csv", ""),
        ("pms", "application/json", "br"),
        ("pms", "application/json", "gzip, gzip"),
    ],
)
def test_unreadable_types(dataset: Any, content_type: str, encoding: str) -> None:
    with pytest.raises(UnsupportedBody, match=r"is not supported.*Send "):
        decode(
            BODY,
            dataset=dataset,
            content_type=content_type,
            content_encoding=encoding,
            limits=LIMITS,
        )


def unzip(body: bytes, **limits: int) -> int:
    decoded = decode(body, dataset="pms", content_encoding="gzip", limits=replace(LIMITS, **limits))
    return len(decoded.samples)


def test_gzip() -> None:
    assert unzip(gzip.compress(BODY)) == 1
    assert unzip(gzip.compress(BODY[:50]) + gzip.compress(BODY[50:])) == 1


def test_gzip_is_not_unpacked_beyond_the_limit() -> None:
    bomb = gzip.compress(b" " * 50_000_000)

    assert len(bomb) < LIMITS.bytes
    tracemalloc.start()
    with pytest.raises(BodyTooLarge, match="after decompression"):
        unzip(bomb)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 5 * LIMITS.bytes


def test_gzip_of_just_the_limit() -> None:
    assert unzip(gzip.compress(BODY), bytes=len(BODY)) == 1
    with pytest.raises(BodyTooLarge):
        unzip(gzip.compress(BODY), bytes=len(BODY) - 1)


# The same bytes in each process: parameters are part of a test's name.
ZIPPED = gzip.compress(BODY, mtime=0)


@pytest.mark.parametrize(
    "body",
    [
        BODY,
        b"",
        ZIPPED[:-9],
        ZIPPED[:9] + b"\0" * 20,
        ZIPPED + b"junk",
        ZIPPED[:-8] + b"\0" * 8,
    ],
)
def test_broken_gzip(body: bytes) -> None:
    with pytest.raises(UnreadableBody):
        unzip(body)


def test_limits_hold_what_they_allow_and_no_more() -> None:
    body = {"datasets": [{"data": [pms_sample(), pms_sample()]}, {"data": [pms_sample()]}]}
    text = json.dumps(body)
    sample = len(json.dumps(pms_sample()))
    exact = replace(LIMITS, bytes=len(text), datasets=2, samples=3, depth=8, sample_bytes=sample)

    assert len(read(text, limits=exact).samples) == 3
    for name in ("bytes", "datasets", "samples", "depth"):
        with pytest.raises(BodyTooLarge, match=str(getattr(exact, name) - 1)):
            read(text, limits=replace(exact, **{name: getattr(exact, name) - 1}))
    too_large = read(text, limits=replace(exact, sample_bytes=sample - 1)).samples
    assert [codes(s) for s in too_large] == [["sample_too_large"]] * 3


def test_a_sample_that_is_too_large_leaves_the_others() -> None:
    large = pms_sample(note="x" * LIMITS.sample_bytes)
    first, second, third = read(request(pms_sample(), large, pms_sample(), pms_id="P")).samples

    assert (codes(first), codes(third)) == ([], [])
    assert second.refused is not None
    assert second.refused.path == "datasets[0].data[1]"
    assert f"at most {LIMITS.sample_bytes} are read. It was not kept" in second.refused.message


def test_the_head_of_a_dataset_counts_for_each_sample() -> None:
    (sample,) = read(request(pms_sample(), pms_id="P" * 9_900)).samples

    assert codes(sample) == ["sample_too_large"]
    assert sample.refused is not None


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":'])
def test_deep_nesting_is_refused_before_it_hurts(opening: bytes) -> None:
    with pytest.raises(BodyTooLarge, match="nests deeper than 16"):
        read(opening * 100_000)
    with pytest.raises(BodyTooLarge, match="nests deeper than 100 "):
        read(opening * 100_000, limits=replace(LIMITS, depth=10**6))


def test_brackets_within_text_do_not_nest() -> None:
    tricky = pms_sample(id='"' + "[{" * 15 + '\\"')

    (sample,) = read(request(tricky, pms_id="P:{")).samples
    assert sample.pack_id == '"' + "[{" * 15 + '\\"'
