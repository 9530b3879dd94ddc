"""What a body takes is bounded by its bytes and samples, whatever is in it."""

from __future__ import annotations

import gzip
import tracemalloc

import pytest
from support.work import instructions

from flexmeasures_pms.errors import BodyTooLarge, WireError
from flexmeasures_pms.wire import Decoded, Limits, decode
from flexmeasures_pms.wire.draft import MOST_PROBLEMS

MEGABYTE = 1 << 20
LIMITS = Limits(
    bytes=2 * MEGABYTE, datasets=100, samples=1_000, depth=16, sample_bytes=16 << 10, problems=100
)
TIME = '"time_local":"20260301T190000.000+0700"'
CURRENT = '{"datasets":[{"pms_id":"P","data":['


def filled(begin: str, part: str, end: str = "") -> bytes:
    """A body of a megabyte, of one part many times."""
    count = (MEGABYTE - len(begin) - len(end)) // len(part)
    return (begin + part * count + end).encode()


def sample(pack: str) -> str:
    return f'{{{TIME},"pack":{{"id":"0241",{pack}}}}},'


POSITIONS = sample('"cell":{"open":[' + ",".join(["99"] * 4_000) + "]}")
CELLS = sample('"cell":{"volts":[' + ",".join(["900"] * 14) + "]}")
NUMBER = "9" * 15_000
NAMES = b",".join(b'"%d":1' % n for n in range(100_000))
TWICE = ",".join(f'"k{n % 700}":1' for n in range(1_400))
JSON = {
    "empty datasets": filled('{"datasets":[', "{},", "{}]}"),
    "numbers as datasets": filled('{"datasets":[', "0,", "0]}"),
    "numbers as samples": filled(CURRENT, "0,", "0]}]}"),
    "empty samples": filled(CURRENT, "{},", "{}]}]}"),
    "samples in many datasets": filled('{"datasets":[', f'{{"data":[{"0," * 900}0]}},', "{}]}"),
    "attributes of the body": filled('{"a":1,', '"b":1,', '"datasets":[{"data":[]}]}'),
    "other attributes of the body": b"{" + NAMES + b',"datasets":[]}',
    "attributes of a dataset": b'{"datasets":[{"pms_id":"P",' + NAMES + b',"data":[]}]}',
    "datasets twice": filled('{"datasets":[], "datasets":[', '{"a":1},', '{"data":[]}]}'),
    "positions": filled(CURRENT, POSITIONS, "{}]}]}"),
    "cells": filled(CURRENT, CELLS, "{}]}]}"),
    "keys twice": filled(CURRENT, sample(TWICE), "{}]}]}"),
    "long numbers": filled(CURRENT, sample(f'"amps":{NUMBER}'), "{}]}]}"),
    "long id": filled(CURRENT, sample(f'"id":"{NUMBER}"'), "{}]}]}"),
    "long dock": filled(CURRENT, sample(f'"dock":{NUMBER}'), "{}]}]}"),
    "texts": filled(CURRENT + '{"pack":[', '"",', '""]}]}]}'),
    "arrays": filled("", "["),
    "nested in a sample": filled(CURRENT + '{"pack":', "[", "]"),
    "cut samples": filled(CURRENT, '{"pack":['),
    "cut datasets": filled("", '{"datasets":[{"data":['),
    "escapes": filled(CURRENT + '{"time_local":"', '\\"'),
    "bytes that are no text": CURRENT.encode() + b"\xff" * (MEGABYTE // 2),
    "texts without end": filled(CURRENT, '{"time":"'),
    "status": filled(CURRENT.replace('"P"', f'"P","status":"{NUMBER}"'), "{},", "{}]}]}"),
}
HEADER = "time_local,pack.id,pack.amps,cell.volts.1\n"
CSV = {
    "blank lines": filled(HEADER, "\n"),
    "short lines": filled(HEADER, "12\n"),
    "padding": filled(HEADER, "1\0\0"),
    "headers": filled(HEADER, "time_local,pack.id," + "x," * 7_000 + "\n"),
    "two headers in turn": filled(HEADER, "time_local,pack.id,a\ntime_local,pack.id,b\n"),
    "names": filled("", "time_local,"),
    "commas": filled(HEADER, "," * 15_000 + "\n"),
    "impossible": filled(HEADER, "20260301T190000.000+0700,0241,99999,99999\n"),
    "no lines": filled("", "x"),
}
BODIES = [(name, "application/json", body) for name, body in JSON.items()]
BODIES += [(name, "text/csv", body) for name, body in CSV.items()]
IDS = [name for name, _, _ in BODIES]


def decoded(body: bytes, content_type: str = "application/json") -> Decoded | None:
    try:
        return decode(body, dataset="pms", content_type=content_type, limits=LIMITS)
    except WireError:
        return None


@pytest.mark.parametrize(("name", "content_type", "body"), BODIES, ids=IDS)
def test_memory_is_bounded_by_the_bytes(name: str, content_type: str, body: bytes) -> None:
    decoded(b"{}")
    tracemalloc.start()
    try:
        found = decoded(body, content_type)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    samples = len(found.samples) if found else 0
    assert peak < 16 * len(body) + 4_000 * samples, name


@pytest.mark.parametrize(("name", "content_type", "body"), BODIES, ids=IDS)
def test_work_is_bounded_by_the_bytes(name: str, content_type: str, body: bytes) -> None:
    part = body[: len(body) // 10]
    work = instructions(lambda: decoded(part, content_type))
    assert work < 150 * len(part) + 100_000, name


def test_a_list_longer_than_its_size_is_one_problem() -> None:
    body = (CURRENT + POSITIONS.rstrip(",") + "]}]}").encode()
    found = decoded(body)
    assert found is not None
    [one] = found.samples
    [problem] = one.faulty
    assert problem.path == "datasets[0].data[0].pack.cell.open"
    assert problem.message.startswith("cell.open has 4000 values, expected at most 14.")


def test_problems_are_described_up_to_a_limit_and_counted_beyond() -> None:
    few = Limits(2 * MEGABYTE, 100, 1_000, 16, 16 << 10, problems=20)
    body = (CURRENT + (CELLS * 10).rstrip(",") + "]}]}").encode()
    found = decode(body, dataset="pms", limits=few)
    assert sum(len(s.faulty) for s in found.samples) == 20
    assert sum(len(s.faulty) + s.more_faulty for s in found.samples) == 10 * 14

    keys = ",".join(f'"k{n % 300}":1' for n in range(600))
    twice = decoded((CURRENT + sample(keys).rstrip(",") + "]}]}").encode())
    assert twice is not None
    [one] = twice.samples
    assert len(one.faulty) == MOST_PROBLEMS
    assert one.more_faulty == 300 - MOST_PROBLEMS


def test_each_sample_that_is_invalid_says_why() -> None:
    few = Limits(2 * MEGABYTE, 100, 1_000, 16, 16 << 10, problems=1)
    found = decode((CURRENT + "{},{},{}]}]}").encode(), dataset="pms", limits=few)
    assert [len(s.invalid) for s in found.samples] == [1, 1, 1]
    assert [s.more_invalid for s in found.samples] == [1, 1, 1]


def test_a_small_body_that_inflates_is_refused_before_it_is_read() -> None:
    bomb = gzip.compress(b"0" * (100 * MEGABYTE))
    tracemalloc.start()
    try:
        with pytest.raises(BodyTooLarge):
            decode(bomb, dataset="pms", content_encoding="gzip", limits=LIMITS)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * LIMITS.bytes


HEADERS = ("time_local,pack.id", "time_local,pack.id,pack.dock", "pack.id,time_local")


def test_headers_that_change_again_and_again_are_refused() -> None:
    def csv(count: int) -> str:
        return "\n".join(HEADERS[n % 3] for n in range(count)) + "\n"

    assert decoded(csv(1_000).encode(), "text/csv") is not None
    with pytest.raises(BodyTooLarge, match="more than 1000 headers"):
        decode(csv(1_001).encode(), dataset="pms", content_type="text/csv", limits=LIMITS)


def test_a_header_that_is_repeated_costs_little() -> None:
    lines = 9_000
    body = f"{HEADERS[1]}\n".encode() * lines
    found = decoded(body, "text/csv")
    assert found is not None
    assert found.skipped == lines - 1
    assert instructions(lambda: decoded(body, "text/csv")) < 150 * lines
