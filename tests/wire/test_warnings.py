"""What is read, but deserves a look."""

from __future__ import annotations

from typing import Any

import pytest
from support.messages import converter_sample, pms_sample, read, request


def warned(body: Any, dataset: Any = "pms") -> list[tuple[str, str]]:
    return [(p.path, p.code) for p in read(body, dataset).warnings]


def test_an_ordinary_request_has_none() -> None:
    assert warned(request(pms_sample(), pms_sample(), pms_id="P")) == []


def test_a_third_fet_temperature_is_dropped() -> None:
    body = request(pms_sample(fet={"temp": [34.1, 32.2, 99]}), pms_id="P")

    assert warned(body) == [("datasets[0].data[0].pack.fet.temp", "surplus_value")]
    assert len(read(body).samples[0].fields["fet.temp"]) == 2


@pytest.mark.parametrize(("volts", "differ"), [(51.25, False), (51.2, False), (55.1, True)])
def test_reported_volts_that_differ_from_the_cells(volts: float, differ: bool) -> None:
    body = request(pms_sample(volts=volts), pms_id="P")

    expected = [("datasets[0].data[0].pack.volts", "pack_volts_differ")]
    assert warned(body) == (expected if differ else [])
    assert float(read(body).samples[0].fields["pack.volts"]) == volts


def test_reported_volts_without_all_cells_are_not_compared() -> None:
    cells: list[Any] = [None, *[3.9] * 13]

    assert warned(request(pms_sample(volts=55, cell={"volts": cells}), pms_id="P")) == []
    assert warned(request(pms_sample(volts=55, cell=...), pms_id="P")) == []


def test_ids_that_differ_by_leading_zeros() -> None:
    body = {
        "datasets": [
            {"pms_id": device, "data": [pms_sample()]} for device in ("25", "025", "025", "7")
        ]
    }

    assert warned(body) == [("datasets[1].data[0]", "zero_padded_twin")]


def test_load_currents_of_both_signs() -> None:
    samples = [converter_sample(load={"amps": [amps, 0]}) for amps in (1.2, 0, -1.2, 1.2)]
    body = request(*samples, mppt_id="M")

    assert warned(body, "mppt") == [("datasets[0].data[2].load.amps", "mixed_signs")]


def test_times_to_the_minute() -> None:
    body = request(pms_sample() | {"time_local": "20200210T1500+0700"}, pms_id="P")

    assert warned(body) == [("datasets[0].data[0].time_local", "minute_precision")]
