"""Where the status may stand, and which place wins."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from support.messages import converter_sample, one, pms_sample, read, request


def test_sample_beats_pack_beats_dataset() -> None:
    dataset = {"code": "0001", "temp": 40}
    everywhere = one(pms_sample(status="0002") | {"status": "0003"}, pms_id="P", status=dataset)
    in_pack = one(pms_sample(status="0002"), pms_id="P", status=dataset)
    in_dataset = one(pms_sample(), pms_id="P", status=dataset)

    assert [s.fields["status.code"] for s in (everywhere, in_pack, in_dataset)] == [3, 2, 1]
    assert [s.status_in_sample for s in (everywhere, in_pack, in_dataset)] == [True, True, False]
    assert everywhere.fields["status.temp"] == 40


def test_no_status_is_unknown() -> None:
    sample = one(converter_sample(), dataset="mppt")

    assert "status.code" not in sample.fields
    assert not sample.status_in_sample


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("0801", 0x0801),
        ("0801\u202c", 0x0801),
        ("1a79", 0x1A79),
        ("1A79", 0x1A79),
        ("1", 1),
        (1, 1),
        ("0x01", 1),
        ("0X1A79", 0x1A79),
    ],
)
def test_codes_are_hex_digits(sent: Any, code: int) -> None:
    assert one(converter_sample(status=sent), dataset="mppt").fields["status.code"] == code


UNKNOWN = ["", "08G1", "00801", "0x", "n/a", True, 1.5, [], "-1", 12345, None]


@pytest.mark.parametrize("sent", UNKNOWN)
def test_any_other_status_is_unknown_and_the_sample_is_read(sent: Any) -> None:
    decoded = read(request(converter_sample(status={"code": sent}), mppt_id="M"), "mppt")
    (sample,) = decoded.samples

    assert not sample.invalid
    assert not sample.faulty
    assert "status.code" not in sample.fields
    assert [(w.path, w.code) for w in decoded.warnings] == [
        ("datasets[0].data[0].status.code", "unknown_status")
    ]


@pytest.mark.parametrize("sent", UNKNOWN)
def test_an_unknown_status_of_a_dataset_is_said_once(sent: Any) -> None:
    decoded = read(request(pms_sample(), pms_sample(), pms_id="P", status=sent))

    assert not any(s.invalid or s.faulty for s in decoded.samples)
    assert [(w.path, w.code) for w in decoded.warnings] == [
        ("datasets[0].status", "unknown_status")
    ]
    assert decoded.warnings[0].message.endswith("The status is unknown.")


def test_an_unknown_status_that_each_sample_has_is_said_once() -> None:
    samples = [pms_sample(status="n/a")] * 3

    assert len(read(request(*samples, pms_id="P")).warnings) == 1


def test_a_faulty_temperature_of_the_dataset_is_counted_once() -> None:
    status = {"code": "0001", "temp": 500}
    silent = pms_sample(cell={"volts": [0] * 14})
    samples = read(request(silent, pms_sample(), pms_sample(), pms_id="P", status=status)).samples

    assert [len(s.faulty) for s in samples] == [0, 1, 0]
    assert samples[1].faulty[0].path == "datasets[0].status.temp"
    assert "status.temp" not in samples[2].fields


def test_status_of_a_silent_pack_is_kept() -> None:
    sample = one(
        pms_sample(cell={"volts": [0] * 14}, temp=[500, 1, 1]),
        pms_id="P",
        status={"code": "0001", "temp": 40},
    )

    assert sample.no_answer
    assert sample.fields == {"status.code": 1, "status.temp": Decimal(40)}
    assert not sample.faulty
