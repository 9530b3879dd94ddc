"""JSON bodies that are damaged: what can be read is read, and nothing else appears."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.messages import LIMITS, codes, converter_sample, pms_sample, read, request

from flexmeasures_pms.errors import BodyTooLarge, UnreadableBody
from flexmeasures_pms.wire import Decoded, damaged_text
from flexmeasures_pms.wire.mend import mended

STATUS = {"code": "0001", "temp": 48.3}
THREE = request(*(pms_sample(id=f"024{n}") for n in (1, 2, 3)), pms_id="P", status=STATUS)
BODY = json.dumps(THREE).encode()
TWO_DEVICES = json.dumps(
    {
        "datasets": [
            {"pms_id": "A", "data": [pms_sample(id=f"A{n}") for n in (1, 2, 3)]},
            {"pms_id": "B", "data": [pms_sample(id=f"B{n}") for n in (1, 2, 3)]},
        ]
    }
).encode()


def is_json(body: bytes) -> bool:
    """Return whether a body is valid JSON."""
    try:
        json.loads(body)
    except ValueError:
        return False
    return True


def packs(decoded: Decoded) -> list[tuple[str | None, str | None]]:
    """Return device and pack of each sample that can be used."""
    return [(s.device_id, s.pack_id) for s in decoded.samples if not s.invalid]


def all_of(decoded: Decoded) -> list[str | None]:
    """Return the pack ids of all samples, None where one can't be read."""
    return [None if s.invalid else s.pack_id for s in decoded.samples]


WORDS = [b"NaN", b"Infinity", b"-Infinity", b"nan", b"undefined", b"None", b"01", b"+1", b".5",
         b"1.", b"1.#QNAN", b"\x00", b"\xff", b"0x1"]  # fmt: skip


@pytest.mark.parametrize("word", WORDS)
def test_a_word_that_is_no_json_is_one_missing_reading(word: bytes) -> None:
    decoded = read(BODY.replace(b"-1.601", word, 1))

    assert all_of(decoded) == ["0241", "0242", "0243"]
    assert "pack.amps" not in decoded.samples[0].fields
    assert [len(s.faulty) for s in decoded.samples] in ([1, 0, 0], [0, 0, 0])
    assert [s.fields["status.code"] for s in decoded.samples] == [1, 1, 1]


@pytest.mark.parametrize("ident", [b'"02\x0142"', b'"02\xff42"', b'"02\n42"', b'"\\ud800"', b"NaN"])
def test_an_unreadable_id_spoils_its_sample_only(ident: bytes) -> None:
    decoded = read(BODY.replace(b'"0242"', ident))

    assert all_of(decoded) == ["0241", None, "0243"]
    assert decoded.samples[1].invalid[0].path == "datasets[0].data[1].pack.id"


@pytest.mark.parametrize("junk", [b"\x00", b"\x00" * 500, b"\n\x00 ", b"x", b"\xef\xbb\xbf"])
def test_padding_and_junk_are_skipped_and_counted(junk: bytes) -> None:
    within = BODY.replace(b"}, {", b"}," + junk + b" {", 1)
    for body in (BODY + junk, within, junk + BODY):
        decoded = read(body)
        assert [p for p in all_of(decoded) if p] == ["0241", "0242", "0243"]
    assert read(BODY + junk).skipped == 1


def test_commas_too_many_are_no_fault() -> None:
    decoded = read(BODY.replace(b"}", b",}"))

    assert all_of(decoded) == ["0241", "0242", "0243"]
    assert not any(s.faulty for s in decoded.samples)


@pytest.mark.parametrize(
    "change",
    [
        (b'"id": "0242"', b'"id": "0242'),
        (b"[35.0", b"35.0"),
        (b'{"time_local"', b'"time_local"'),
        (b'"fet"', b'"fet'),
    ],
)
def test_a_damaged_sample_leaves_the_others(change: tuple[bytes, bytes]) -> None:
    start = BODY.index(b'{"time_local"', BODY.index(b"0241"))
    end = BODY.index(b'{"time_local"', start + 1)
    decoded = read(BODY[:start] + BODY[start:end].replace(*change) + BODY[end:])

    assert all_of(decoded) == ["0241", None, "0243"]
    assert codes(decoded.samples[1]) == ["unreadable_sample"]
    assert decoded.samples[1].path == "datasets[0].data[1]"
    assert "0242" in decoded.samples[1].text()


def test_a_cut_body_is_read_up_to_the_cut() -> None:
    decoded = read(BODY[: BODY.index(b"0243") + 40])

    assert packs(decoded) == [("P", "0241"), ("P", "0242")]
    assert codes(decoded.samples[2]) == ["unreadable_sample"]


def test_bodies_glued_together_are_all_read() -> None:
    decoded = read(BODY + BODY + TWO_DEVICES)

    assert [d for d, _ in packs(decoded)] == ["P"] * 6 + ["A"] * 3 + ["B"] * 3
    assert [s.path for s in decoded.samples[3:5]] == [
        "body 2: datasets[0].data[0]",
        "body 2: datasets[0].data[1]",
    ]
    assert decoded.samples[-1].path == "body 3: datasets[1].data[2]"


def test_a_body_cut_off_by_another_one() -> None:
    for end in range(BODY.index(b"0242"), len(BODY), 7):
        decoded = read(BODY[:end] + TWO_DEVICES)
        assert packs(decoded)[:1] == [("P", "0241")]
        assert [one for one in packs(decoded) if one[0] != "P"] == [
            (d, f"{d}{n}") for d in "AB" for n in (1, 2, 3)
        ]


def test_a_sample_is_not_taken_for_that_of_another_device() -> None:
    boundary = TWO_DEVICES.index(b"A3") + 10, TWO_DEVICES.index(b"B1") + 10
    for end in range(boundary[0], TWO_DEVICES.index(b'"pms_id": "B"'), 5):
        for start in range(TWO_DEVICES.index(b'"data"', end), boundary[1], 5):
            body = TWO_DEVICES[:end] + TWO_DEVICES[start:]
            # A gap that leaves valid JSON can't be seen.
            for sample in () if is_json(body) else read(body).samples:
                wrong = sample.device_id != (sample.pack_id or "")[:1]
                assert sample.invalid or sample.doubtful or not wrong


def test_what_follows_on_damage_is_doubtful() -> None:
    decoded = read(TWO_DEVICES.replace(b'"id": "A2"', b'"id: "A2"'))

    assert packs(decoded) == [("A", "A1"), ("A", "A3"), *(("B", f"B{n}") for n in (1, 2, 3))]
    assert [s.doubtful for s in decoded.samples] == [False, False, True, False, False, False]
    assert decoded.samples[2].text().startswith('{"time_local"')


def test_the_samples_of_a_converter_behind_damage_are_not_taken() -> None:
    samples = [converter_sample() for _ in range(3)]
    body = json.dumps(request(*samples, mppt_id="M")).encode()
    start = body.index(b'{"time_local"', 60)
    decoded = read(body[:start] + b"x" + body[start + 1 :], "mppt")

    assert [bool(s.invalid) for s in decoded.samples] == [False, True, True]
    assert "id of its dataset" in decoded.samples[2].invalid[0].message


@pytest.mark.parametrize("head", [b'"pms_id": "P', b'"pms_id: "P"', b'pms_id": "P"'])
def test_samples_without_a_readable_head_are_not_taken(head: bytes) -> None:
    with pytest.raises(UnreadableBody):
        read(BODY.replace(b'"pms_id": "P"', head))


def test_a_sample_that_was_closed_too_early_is_not_taken() -> None:
    early = converter_sample() | {"time_local": "20200210T150005.000+0700"}
    body = json.dumps(request(early, converter_sample(), converter_sample(), mppt_id="M")).encode()
    at = body.index(b', "battery"', body.index(b"150006"))
    decoded = read(body[:at] + b"}" + body[at + 1 :], "mppt")

    assert [bool(s.invalid) for s in decoded.samples] == [False, True, True]


def test_samples_behind_an_array_that_was_closed_too_early_are_found() -> None:
    decoded = read(BODY.replace(b"}, {", b"}] {", 1))

    assert all_of(decoded) == ["0241", "0242", "0243"]
    assert [s.doubtful for s in decoded.samples] == [False, True, True]


def test_a_damaged_dataset_leaves_the_others() -> None:
    good = {"pms_id": "P", "data": [pms_sample()]}
    decoded = read({"datasets": [good, 7, {"pms_id": "Q"}, good]})

    assert packs(decoded) == [("P", "0241")] * 2
    assert [s.path for s in decoded.samples] == [
        "datasets[0].data[0]", "datasets[1]", "datasets[2].data", "datasets[3].data[0]",
    ]  # fmt: skip


def test_status_after_the_samples_is_read_too() -> None:
    late = json.dumps({"datasets": [{"pms_id": "P", "data": THREE["datasets"][0]["data"],
                                     "status": STATUS}]})  # fmt: skip
    decoded = read(late.replace("-1.601", "NaN", 1))

    assert [s.fields["status.code"] for s in decoded.samples] == [1, 1, 1]


def test_a_sample_that_nests_too_deep_leaves_the_others() -> None:
    deep: Any = 1
    for _ in range(30):
        deep = [deep]
    decoded = read(request(pms_sample(), pms_sample(note=deep), pms_sample(), pms_id="P"))

    assert [bool(s.invalid) for s in decoded.samples] == [False, True, False]


@pytest.mark.parametrize("piece", [b'{"pack"', b'{"pack":[', b'{"time":"', b'"data":[{"time":1'])
def test_a_body_of_damage_alone_is_refused_soon(
    piece: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(damaged_text, "MOST_DAMAGED", 100)
    body = b'{"datasets":[{"pms_id":"P","data":[' + piece * (LIMITS.bytes // len(piece) - 10)

    with pytest.raises((BodyTooLarge, UnreadableBody)):
        read(body)


@pytest.mark.parametrize("dataset", ["pms", "mppt"])
def test_a_lost_head_does_not_give_samples_to_the_next_device(dataset: Any) -> None:
    sample = pms_sample if dataset == "pms" else converter_sample
    one, two = json.dumps(sample()), json.dumps(sample())
    name = f"{dataset}_id"
    body = f'{{"datasets":[{{"{name}":"A","data":[{one}],"{name}":"B","data":[{two}]}}]}}x'
    decoded = read(body, dataset)

    assert {s.device_id for s in decoded.samples if not s.invalid} <= {"A"}
    assert len(decoded.samples) == 2


def test_escaped_characters_stay_what_they_are() -> None:
    body = BODY.replace(b'"P"', b'"Z\\u00fcrich\\n"').replace(b"0001", b"0001\\u202c")
    clean, damaged = read(body), read(body.replace(b"-1.601", b"NaN", 1))

    assert {s.device_id for s in damaged.samples} == {s.device_id for s in clean.samples}
    assert [s.fields["status.code"] for s in damaged.samples] == [1, 1, 1]


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    ),
    st.booleans(),
)
def test_what_is_json_is_not_mended(value: Any, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, allow_nan=False)
    try:
        body = text.encode()
    except UnicodeEncodeError:  # half of a character, which JSON can't hold
        return

    assert json.loads(mended(body)) == value or "\\ud" in text


def test_samples_of_a_dataset_with_two_ids_wait_one_by_one() -> None:
    one = json.dumps(pms_sample())
    twice = f'{{"pms_id":"A","pms_id":"B","data":[{one},{one}]}}'
    decoded = read(f'{{"datasets":[{twice},{{"pms_id":"C","data":[{one}]}}]}}')

    assert [(s.device_id, bool(s.invalid)) for s in decoded.samples] == [
        (None, True), (None, True), ("C", False),
    ]  # fmt: skip


def test_after_too_many_damaged_places_the_rest_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(damaged_text, "MOST_DAMAGED", 2)
    samples = [json.dumps(pms_sample(id=f"P{n}")) for n in range(9)]
    for n in (2, 4, 6):
        samples[n] = samples[n].replace('"id"', '"id')
    decoded = read('{"datasets":[{"pms_id":"A","data":[' + ",".join(samples) + "]}]}")

    assert all_of(decoded) == ["P0", "P1", None, "P3", None, "P5", None]
    assert "P8" in decoded.samples[-1].text()


@pytest.mark.parametrize(
    "body",
    [
        b'{"datasets":[{"pms_id":"P","data":[{"time_local":"x","a":' + b'\\"' * 4000 + b"}]}]}",
        b'{"datasets":[' + b'{"data":[]},' * 20_000 + b"x",
        b'{"datasets":[' + b"{}," * 100_000 + b"{}]}",
        b'{"datasets":[{"pms_id":"P","data":[' + b"{}," * 100_000 + b"x",
    ],
)
def test_hostile_bodies_are_answered_at_once(body: bytes) -> None:
    with pytest.raises((BodyTooLarge, UnreadableBody)):
        read(body)
