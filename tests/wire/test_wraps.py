"""16-bit numbers that were read with the wrong sign are not taken for readings."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from support.messages import TIME, one, read, request

from flexmeasures_pms.catalogue.quantities import BY_ASSET_TYPE

D = Decimal

# Registers in tenths and in hundredths that are read with the wrong sign: the limits, and some
# way below, where the small negative numbers are.
UNSIGNED = ("6553.5", "6552.9", "6400", "655.35", "655.2", "640")
SIGNED = ("3276.8", "3276.7", "3276", "327.68", "327.67", "327.6")
WRAPS = [D(text) for text in (*UNSIGNED, *SIGNED)] + [-D(text) for text in SIGNED]

KINDS = (("pms", "case"), ("pms", "pms"), ("mppt", "mppt"), ("inverter", "inverter"))
MEASURED = {
    (dataset, quantity.source): quantity
    for dataset, kind in (
        ("pms", "case"),
        ("pms", "pms"),
        ("mppt", "mppt"),
        ("inverter", "inverter"),
    )
    for quantity in BY_ASSET_TYPE[kind]
    if isinstance(quantity.source, str) and quantity.unit in ("V", "A", "°C")
}


@pytest.mark.parametrize(("dataset", "path"), MEASURED, ids="-".join)
def test_a_wrap_of_16_bits_outside_the_range_is_left_out(dataset: Any, path: str) -> None:
    quantity = MEASURED[dataset, path]
    low, high = map(D, map(str, quantity.bounds))
    part, _, name = path.partition(".")
    size = {"pack.temp": 3}.get(path, quantity.count)
    for wrap in WRAPS:
        value: Any = [1.0] * (size - 1) + [float(wrap)] if size else float(wrap)
        parts: dict[str, Any] = {"pack": {"id": "269"}} if dataset == "pms" else {}
        if path.startswith(("cell", "fet")):
            parts["pack"][part] = {name: value}
        else:
            parts[part] = parts.get(part, {}) | {name: value}
        sample = one({"time_local": TIME, **parts}, dataset=dataset)
        assert not sample.invalid
        assert bool(sample.faulty) == (not low <= wrap <= high), wrap


def test_only_where_the_hardware_reaches_them_wraps_are_possible() -> None:
    possible = {
        path: [wrap for wrap in WRAPS if D(str(q.bounds[0])) <= wrap <= D(str(q.bounds[1]))]
        for (_, path), q in MEASURED.items()
    }
    below_600 = [D("327.68"), D("327.67"), D("327.6")]
    assert {path: found for path, found in possible.items() if found} == {
        "pv.volts": [D("655.35"), D("655.2"), D("640"), *below_600],
        "load.volts": below_600,
        "grid.volts": below_600,
    }


def test_wraps_of_a_solar_controller_are_left_out_one_by_one() -> None:
    def sample(pv: tuple[float, float], battery: tuple[float, float]) -> dict[str, Any]:
        pv_values = {"volts": [pv[0]], "amps": [pv[1]]}
        return {
            "time_local": TIME,
            "pv": pv_values,
            "battery": {"volts": battery[0], "amps": battery[1]},
        }

    sound = (48.0, 6.0), (55.1, -1.6)
    wrapped = [
        sample(sound[0], (55.1, 3276.6)),
        sample((48.0, 655.35), sound[1]),
        sample((6553.5, 6.0), sound[1]),
        sample(sound[0], (655.35, -1.6)),
        sample(sound[0], (55.1, -3276.8)),
    ]
    found = read(request(*wrapped, mppt_id="BUGM-1"), "mppt").samples
    assert [[p.path.partition("].")[2].partition("].")[2] for p in s.faulty] for s in found] == [
        ["battery.amps"], ["pv.amps[0]"], ["pv.volts[0]"], ["battery.volts"], ["battery.amps"],
    ]  # fmt: skip
