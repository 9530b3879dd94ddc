"""Valid bodies with bytes flipped, cut, doubled and glued: what is readable is stored.

Nothing else appears, and nothing appears under another device.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import count

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import fuzz, stored
from support.profiles import examples
from support.site import Site
from support.telemetry import NOON, pack_sample, wire_time

URL = "/pms/api/v1/devices/dataset/pms"
# One changed byte makes none of these ids another one.
PACKS = {"PMS-NORTH": ("N-111", "N-222", "N-333"), "PMS-SOUTH": ("S-444", "S-555", "S-666")}
HOME = {pack: pms for pms, packs in PACKS.items() for pack in packs}
CELLS = [3.6] * 14
VOLTS = [f"cell.volts.{n}" for n in range(1, 15)]
COLUMNS = ["pms_id", "time_local", "pack.id", "pack.amps", *VOLTS]

# Each example has times of its own.
_moments = count()


@dataclass(frozen=True)
class Sent:
    """A sample as it stands in a body."""

    text: bytes
    head: bytes
    pack: str
    time: datetime
    amps: float


@dataclass(frozen=True)
class Body:
    """A body and its samples."""

    text: bytes
    samples: tuple[Sent, ...]


def in_json() -> Body:
    """Return a body of two datasets, of three packs each."""
    text, sent = '{"datasets": [', []
    for before, (pms, packs) in zip(("[", ", "), PACKS.items(), strict=True):
        head = f'{{"pms_id": "{pms}", "data": ['
        text += ("" if before == "[" else before) + head
        for pack in packs:
            time, amps = _new_reading()
            sample = json.dumps(
                pack_sample(pack, time, dock=None, amps=amps, cell={"volts": CELLS})
            )
            text += (", " if pack != packs[0] else "") + sample
            sent.append(Sent(sample.encode(), (before + head).encode(), pack, time, amps))
        text += "]}"
    return Body(f"{text}]}}".encode(), tuple(sent))


def in_csv() -> Body:
    """Return a file of six rows."""
    lines, sent = [",".join(COLUMNS)], []
    for pack, pms in HOME.items():
        time, amps = _new_reading()
        cells = [pms, wire_time(time), pack, str(amps), *map(str, CELLS)]
        lines.append(",".join(cells))
        sent.append(Sent(b"\n" + lines[-1].encode() + b"\n", b"", pack, time, amps))
    return Body("\n".join([*lines, ""]).encode(), tuple(sent))


def _new_reading() -> tuple[datetime, float]:
    number = next(_moments)
    return NOON + timedelta(seconds=number), float(number * 7 % 100 - 50)


Damage = Callable[[bytes], bytes]


def flip(share: float, byte: int, text: bytes) -> bytes:
    """Change one byte."""
    at = int(share * len(text))
    return text[:at] + bytes([byte]) + text[at + 1 :]


def cut(share: float, end: bool, text: bytes) -> bytes:
    """Keep the beginning or the end."""
    at = int(share * len(text))
    return text[:at] if end else text[at:]


def insert(share: float, junk: bytes, text: bytes) -> bytes:
    """Insert bytes."""
    at = int(share * len(text))
    return text[:at] + junk + text[at:]


def double(text: bytes) -> bytes:
    """Send everything twice."""
    return text + text


shares = st.floats(0, 1, exclude_max=True)
damages = st.lists(
    st.builds(lambda a, b: partial(flip, a, b), shares, st.integers(0, 255))
    | st.builds(lambda a, b: partial(cut, a, b), shares, st.booleans())
    | st.builds(
        lambda a, b: partial(insert, a, b),
        shares,
        st.sampled_from([b"\x00", b"\x00" * 30, b"\xef\xbb\xbf", b"\xff", b"NaN", b"\n", b"\x1b"]),
    )
    | st.just(double),
    min_size=1,
    max_size=3,
)


def readable_json(sample: Sent, text: bytes) -> bool:
    """Return whether a sample stands in the text behind the head of its dataset."""
    at = text.find(sample.text)
    begin = text.rfind(sample.head, 0, max(at, 0))
    if begin < 0:
        return False
    # The beginning of another dataset, damaged or not, hides whose the sample is.
    between = text[begin + len(sample.head) : at]
    return b"data" not in between and not any(pms.encode() in between for pms in PACKS)


def readable_csv(sample: Sent, text: bytes) -> bool:
    """Return whether a row stands in the text below a whole header, and no damaged one."""
    header = (",".join(COLUMNS) + "\n").encode()
    at = text.find(sample.text)
    begin = text.rfind(header, 0, max(at + 1, 0))
    if begin < 0 or b"volts" in text[begin + len(header) : at]:
        return False
    # What stands before it in its line must be told from names: a reading, or the same header.
    before = text[text.rfind(b"\n", 0, begin) + 1 : begin].replace(b"\xef\xbb\xbf", b"")
    same = header.startswith(before) or header[:-1].endswith(before)
    return (
        same or re.search(rb"T[0-9]{6}\.[0-9]{3}\+0700,[NS]-[0-9]{3},.*,3\.6,", before) is not None
    )


def is_other_json(text: bytes) -> bool:
    """Return whether a text is JSON without datasets: then nothing says what it is."""
    try:
        found = json.loads(text.decode(errors="replace"))
    except ValueError:
        return False
    return not (isinstance(found, dict) and "datasets" in found)


@pytest.fixture
def site(organisation: Organisation) -> Iterator[Site]:
    site = Site(organisation.id)
    with site.at_once() as new:
        for pms, packs in PACKS.items():
            new.pms(pms)
            new.cases({pack: dock for dock, pack in enumerate(packs, start=1)}, f"{pms}-A")
    yield site


unhurried = partial(
    settings,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


def check(
    organisation: Organisation,
    client: FlaskClient,
    body: Body,
    text: bytes,
    content_type: str,
    readable: Callable[[Sent, bytes], bool],
) -> None:
    reply = client.post(URL, data=text, headers=organisation.headers, content_type=content_type)
    fuzz.note(f"damaged bodies over HTTP, {content_type}", reply.status_code)
    assert reply.status_code in (200, 400, 413, 422), reply.get_data(as_text=True)
    expected = {s for s in body.samples if readable(s, text)}
    if reply.status_code != 200:
        assert not expected or is_other_json(text), reply.get_data(as_text=True)
        return
    receipt = reply.get_json()["receipt"]
    results = ("stored", "duplicate", "quarantined", "no_answer", "refused")
    assert receipt["samples"] == sum(receipt.get(result, 0) for result in results)
    for sample in body.samples:
        found = _stored(organisation.id, sample.pack)
        assert {pms for _, pms in found} <= {HOME[sample.pack]}
        amps = found.get((sample.time, HOME[sample.pack]))
        if sample in expected:
            assert amps == sample.amps, (sample, text)


def _stored(account_id: int, pack: str) -> dict[tuple[datetime, str], float]:
    beliefs = stored.beliefs(account_id, f"case:{pack}")
    return {
        (time, source): value
        for (time, source, name), value in beliefs.items()
        if name == "pack current"
    }


Kind = tuple[Callable[[], Body], str, Callable[[Sent, bytes], bool]]
KINDS: dict[str, Kind] = {
    "JSON": (in_json, "application/json", readable_json),
    "CSV": (in_csv, "text/csv", readable_csv),
}


@pytest.mark.parametrize("kind", KINDS)
@unhurried(max_examples=examples(60))
@given(drawn=damages, other=st.booleans())
def test_damaged_bodies(
    organisation: Organisation,
    site: Site,
    client: FlaskClient,
    kind: str,
    drawn: list[Damage],
    other: bool,
) -> None:
    make, content_type, readable = KINDS[kind]
    body = make()
    text = body.text
    for damage in drawn:
        text = damage(text)
    if other:
        glued = make()
        body, text = Body(b"", body.samples + glued.samples), text + glued.text

    check(organisation, client, body, text, content_type, readable)
