"""The receipt of a request: the results of its samples."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from zlib import crc32

import msgspec

from flexmeasures_pms.errors import Problem
from flexmeasures_pms.ingest.pipeline import Outcome
from flexmeasures_pms.wire.samples import Sample


# By keyword only, so that they come after the fields of what has counts and a receipt's id.
class ReceiptCounts(msgspec.Struct, kw_only=True):
    """The sums of a request, or of several.

    ``samples = stored + duplicate + quarantined + no_answer``, always.

    :param samples: in the request.
    :param stored: new, and kept as beliefs.
    :param duplicate: stored before.
    :param quarantined: could not be stored, and wait in quarantine.
    :param no_answer: of packs that did not answer their EHub.
    :param faulty: fields (not samples) with an impossible reading, left out.
    :param late: samples older on receipt than the setting ``PMS_LATE_AFTER``.
    :param beliefs: rows added.
    """

    samples: int = 0
    stored: int = 0
    duplicate: int = 0
    quarantined: int = 0
    no_answer: int = 0
    faulty: int = 0
    late: int = 0
    beliefs: int = 0

    def add(self, other: ReceiptCounts) -> None:
        """Add another request's counts to these."""
        for name in ReceiptCounts.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class DeviceCounts(msgspec.Struct):
    """What one reporting device contributed.

    :param id: as it names itself; None where none was sent.
    :param samples: that it sent.
    :param stored: how many of these are new, and kept.
    :param beliefs: rows added.
    """

    id: str | None
    samples: int = 0
    stored: int = 0
    beliefs: int = 0


class DeviceHour(NamedTuple):
    """The samples of one device in one hour that a request stored.

    :param device: the registry's number of the device.
    :param hour: its beginning in UTC.
    :param packs: a bit for each dock that reported; bit 0 for a device without docks.
    """

    device: int
    hour: datetime
    samples: int
    packs: int


class Receipt(msgspec.Struct, omit_defaults=True):
    """The whole reply to a request.

    :param id: its id in the receipt log.
    :param problems: what was wrong, in the order of the samples, up to a limit.
    :param more_problems: how many problems are beyond the limit.
    :param warnings: doubtful input that was accepted.
    :param ignored: unknown attributes that were ignored.
    :param skipped: CSV rows that were ignored: repeated headers, blank and junk.
    """

    digest: str
    counts: ReceiptCounts
    devices: list[DeviceCounts]
    problems: list[Problem] = []
    more_problems: int = 0
    warnings: list[Problem] = []
    ignored: int = 0
    skipped: int = 0
    id: int = 0

    @property
    def message(self) -> str:
        """One line for people."""
        return message(self.counts.stored, self.counts.samples)

    def details(self) -> dict[str, object]:
        """Return the parts of the reply besides the counts."""
        found: dict[str, object] = {"devices": self.devices, "problems": self.problems}
        extra = {
            "more_problems": self.more_problems,
            "warnings": self.warnings,
            "ignored": self.ignored,
            "skipped": self.skipped,
        }
        return found | {name: value for name, value in extra.items() if value}


def message(stored: int, samples: int) -> str:
    """Return the result of a request in one line for people."""
    return f"Stored {stored} of {samples} samples."


def pack(receipt: Receipt) -> bytes:
    """Return the details of a receipt as they are stored."""
    return zlib.compress(msgspec.json.encode(receipt.details()))


def unpack(details: bytes) -> dict[str, Any]:
    """Return the stored details of a receipt."""
    found: dict[str, Any] = msgspec.json.decode(zlib.decompress(details))
    return found


def count(
    samples: Sequence[Sample], outcomes: Sequence[Outcome], late: Iterable[bool]
) -> tuple[ReceiptCounts, list[DeviceCounts]]:
    """Count results, in total and by reporting device."""
    counts = ReceiptCounts(samples=len(samples), late=sum(late))
    devices: dict[str | None, DeviceCounts] = {}
    for sample, outcome in zip(samples, outcomes, strict=True):
        device = devices.setdefault(sample.device_id, DeviceCounts(sample.device_id))
        setattr(counts, outcome.result, getattr(counts, outcome.result) + 1)
        counts.faulty += len(sample.faulty)
        counts.beliefs += outcome.beliefs
        device.samples += 1
        device.stored += outcome.result == "stored"
        device.beliefs += outcome.beliefs
    return counts, list(devices.values())


def hours(samples: Sequence[Sample], outcomes: Sequence[Outcome]) -> list[DeviceHour]:
    """Count the stored samples of each reporting device and hour."""
    found: dict[tuple[int, datetime], tuple[int, int]] = {}
    for sample, outcome in zip(samples, outcomes, strict=True):
        if outcome.result == "stored" and outcome.device is not None and sample.time is not None:
            key = outcome.device, sample.time.replace(minute=0, second=0, microsecond=0)
            number, packs = found.get(key, (0, 0))
            found[key] = number + 1, packs | 1 << _bit(sample)
    return [DeviceHour(*key, *value) for key, value in sorted(found.items())]


def _bit(sample: Sample) -> int:
    """Return the dock of a pack, or one of the 14 numbers beyond them if it has none."""
    if sample.pack_id is None:
        return 0
    dock: int = sample.fields.get("pack.dock") or 49 + crc32(sample.pack_id.encode()) % 14
    return dock


def problems_of(samples: Sequence[Sample], outcomes: Sequence[Outcome]) -> Iterable[Problem]:
    """Yield every problem of a request, in the order of its samples."""
    for sample, outcome in zip(samples, outcomes, strict=True):
        if outcome.problem is not None and outcome.problem not in sample.invalid:
            yield outcome.problem
        yield from sample.invalid
        yield from sample.faulty
        if outcome.status_problem is not None:
            yield outcome.status_problem


def cap(problems: Iterable[Problem], most: int) -> tuple[list[Problem], int]:
    """Return the first few problems, and how many more there are."""
    listed = list(problems)
    return listed[:most], max(0, len(listed) - most)
