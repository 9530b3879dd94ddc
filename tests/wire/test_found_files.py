"""Requests and logs as found in the field, where they lie beside the repository."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.messages import again

from flexmeasures_pms.wire import Limits, decode

FOUND = Path(__file__).parents[3] / "shared" / "data"
LIMITS = Limits(bytes=1 << 20, datasets=20, samples=3000, depth=16, sample_bytes=10_000)

pytestmark = pytest.mark.skipif(
    not FOUND.is_dir(), reason="the field data is not distributed with the repository"
)


def test_every_request_is_read() -> None:
    for file in sorted(FOUND.glob("requests/*.json")):
        dataset = next(name for name in ("mppt", "inverter", "pms") if name in file.name)
        decoded = decode(file.read_bytes(), dataset=dataset, limits=LIMITS)

        assert decoded.samples, file.name
        assert decoded.ignored == 0, file.name
        for sample in decoded.samples:
            assert not sample.invalid, file.name
            assert not sample.faulty, file.name
            assert again(sample).fields == sample.fields, file.name


@pytest.mark.parametrize("name", ["epack-269-50h.csv", "epack-269-50h-ampm-lost.csv"])
def test_every_row_of_a_log_is_read(name: str) -> None:
    decoded = decode(
        (FOUND / name).read_bytes(), dataset="pms", content_type="text/csv", limits=LIMITS
    )

    assert len(decoded.samples) == 2851
    assert sum(s.no_answer for s in decoded.samples) == 11
    assert not any(s.invalid or s.faulty for s in decoded.samples)
