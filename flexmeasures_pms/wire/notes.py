"""Warnings about the samples of a request together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal

from flexmeasures_pms.errors import Problem
from flexmeasures_pms.wire.samples import Sample


def notes(samples: Sequence[Sample]) -> tuple[Problem, ...]:
    """Return warnings about the samples of one request taken together."""
    return (*_twins(samples), *_mixed_signs(samples))


def _twins(samples: Sequence[Sample]) -> Iterator[Problem]:
    """Yield devices whose ids differ by leading zeros, which spreadsheets remove."""
    first: dict[str, tuple[str, str]] = {}
    for device, path in _first_paths(samples).items():
        twin, _ = first.setdefault(device.lstrip("0"), (device, path))
        if twin != device:
            message = (
                f"{device!r} and {twin!r} are two devices. If they are one, "
                "something dropped the leading zeros."
            )
            yield Problem(path, "zero_padded_twin", message, device)


def _first_paths(samples: Sequence[Sample]) -> dict[str, str]:
    paths: dict[str, str] = {}
    for sample in samples:
        if sample.device_id is not None:
            paths.setdefault(sample.device_id, sample.path)
    return paths


def _mixed_signs(samples: Sequence[Sample]) -> Iterator[Problem]:
    """Yield devices whose load currents have both signs: consumption has one."""
    signs: dict[str | None, set[bool]] = defaultdict(set)
    for sample in samples:
        loads: tuple[Decimal | None, ...] = sample.fields.get("load.amps", ())
        before = len(signs[sample.device_id])
        signs[sample.device_id].update(amps > 0 for amps in loads if amps)
        if before < 2 == len(signs[sample.device_id]):
            message = (
                "The load currents of this device have both signs. Their magnitude is "
                "taken as consumption."
            )
            yield Problem(f"{sample.path}.load.amps", "mixed_signs", message)
