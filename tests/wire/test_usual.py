"""The shortcut for usual samples gives what the tolerant way gives."""

from __future__ import annotations

import json
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.profiles import examples

from flexmeasures_pms.errors import WireError
from flexmeasures_pms.wire import Decoded, json_body
from flexmeasures_pms.wire.json_body import decode_json
from flexmeasures_pms.wire.samples import Limits
from flexmeasures_pms.wire.usual import read_usual

LIMITS = Limits(bytes=1 << 20, datasets=10, samples=100, depth=16, sample_bytes=16 << 10)


def usual_sample() -> dict[str, Any]:
    """A sample without a fault."""
    return {
        "time_local": "20260301T190000.250+0700",
        "pack": {
            "id": "66BFF353734574E43235318",
            "dock": 3,
            "amps": -1.625,
            "temp": [31.5, 32, 30.25],
            "cell": {"open": [3, 1], "volts": [3.654, 3.655, 4, *[3.661] * 11]},
            "fet": {"open": [], "temp": [29.5, 30]},
        },
    }


def body_of(*samples: str, head: str = '"pms_id":"PMS-1"') -> bytes:
    return ('{"datasets":[{' + head + ',"data":[' + ",".join(samples) + "]}]}").encode()


def both_ways(body: bytes) -> tuple[Decoded | str, Decoded | str]:
    """Decode with the shortcut and without it."""
    found: list[Decoded | str] = []
    for shortcut in (read_usual, lambda *_: None):
        with mock.patch.object(json_body, "read_usual", shortcut):
            try:
                found.append(decode_json(body, "pms", LIMITS))
            except WireError as error:
                found.append(str(error))
    return found[0], found[1]


def texts(found: Decoded | str) -> list[str]:
    return [] if isinstance(found, str) else [sample.text() for sample in found.samples]


def test_a_usual_sample_takes_the_shortcut() -> None:
    body = body_of(json.dumps(usual_sample()), head='"pms_id":"P","status":{"code":"0001"}')
    with mock.patch.object(json_body, "_decode", wraps=json_body._decode) as tolerant:
        found = decode_json(body, "pms", LIMITS)
    assert tolerant.call_count == 2  # the id and the status of the dataset
    assert found == both_ways(body)[1]
    assert found.samples[0].fields["status.code"] == 1


# What may stand in the place of any value of a sample, as JSON text.
STRANGE = [
    "null", "true", "-1", "0", "7", "14", "15", "99", "49", "3.0", "3.5", '"3.5"', '"1_0"', '"NaN"',
    "1e400", "1e-400", "1E2", "1.5e1", "0." + "3" * 50, "4" * 45, "-40", "150.1", "5.0001", "[]",
    "{}", "[1,2,3]", "[1,1]", '"x"', '""', '"0"', '" 0"', '"a\\u0000b"', '"é"', '"a\u200bb"',
    '"20260301T1900+0700"', '"20260301T190000"', "6553.1", "[0]", '"Dock 3"', "[3.6]",
]  # fmt: skip
PLACES = [
    ("time_local",), ("pack",), ("pack", "id"), ("pack", "dock"), ("pack", "amps"),
    ("pack", "temp"), ("pack", "temp", 1), ("pack", "cell"), ("pack", "cell", "open"),
    ("pack", "cell", "open", 0), ("pack", "cell", "volts"), ("pack", "cell", "volts", 0),
    ("pack", "cell", "volts", 13), ("pack", "fet", "temp", 0), ("pack", "fet", "open"),
    ("pack", "volts"), ("pack", "soc"), ("pack", "slot"), ("status",), ("more",),
]  # fmt: skip


@st.composite
def sample_texts(draw: st.DrawFn) -> str:
    """Draw a usual sample with some of it replaced, added, left out, or named twice."""
    sample: dict[str, Any] = usual_sample()
    marks: dict[str, str] = {}
    for place, value in draw(
        st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from(STRANGE)), max_size=3)
    ):
        mark = f"@{len(marks)}@"
        within: Any = sample
        last: Any = place[-1]
        for step in place[:-1]:
            known = within.get(step) if isinstance(within, dict) else None
            within = {} if known is None else known
        if isinstance(within, dict) or (isinstance(within, list) and last < len(within)):
            within[last] = mark
            marks[f'"{mark}"'] = value
    text = json.dumps(sample)
    for mark, value in marks.items():
        text = text.replace(mark, value)
    again = draw(st.sampled_from(["", '"dock"', '"time_local"', '"open"', '"pack"']))
    return text.replace(again, f"{again}: 1, {again}", 1) if again else text


@settings(max_examples=examples(600))
@given(
    samples=st.lists(sample_texts(), min_size=1, max_size=3),
    head=st.sampled_from(
        ['"pms_id":"P"', '"pms":{}', '"pms_id":"P","status":{"code":"0001","temp":48.3}',
         '"pms_id":7,"status":"x"', '"pms_id":"a\\u0001"']
    ),
)  # fmt: skip
def test_both_ways_give_the_same(samples: list[str], head: str) -> None:
    short, tolerant = both_ways(body_of(*samples, head=head))
    assert short == tolerant
    assert texts(short) == texts(tolerant)


@pytest.mark.parametrize("text", ["1e400", "1e-400", "0." + "3" * 50, '"3.5"'])
def test_a_fault_is_left_to_the_tolerant_way(text: str) -> None:
    sample = json.dumps(usual_sample()).replace("-1.625", text)
    with mock.patch.object(json_body, "_decode", wraps=json_body._decode) as tolerant:
        decode_json(body_of(sample), "pms", LIMITS)
    assert tolerant.call_count == 2
