"""The receipt of a request: the results of its samples."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from flexmeasures_pms.errors import Problem
from flexmeasures_pms.ingest.packs_in_hour import start_of_hour
from flexmeasures_pms.ingest.pipeline import Outcome
from flexmeasures_pms.wire.samples import Sample


# By keyword only, so that they come after the fields of what has counts and a receipt's id.
class ReceiptCounts(msgspec.Struct, kw_only=True):
    """The sums of a request, or of several.

    ``samples = stored + duplicate + quarantined + no_answer + refused``, always.

    :param samples: in the request.
    :param stored: new, and kept as beliefs.
    :param duplicate: stored before.
    :param quarantined: could not be stored, and wait in quarantine.
    :param no_answer: of packs that did not answer their EHub.
    :param refused: could neither be stored nor kept in quarantine: they have to be sent again.
    :param faulty: fields (not samples) with an impossible reading, left out.
    :param late: samples older on receipt than the setting ``PMS_LATE_AFTER``.
    :param beliefs: rows added.
    """

    samples: int = 0
    stored: int = 0
    duplicate: int = 0
    quarantined: int = 0
    no_answer: int = 0
    refused: int = 0
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
    :param refused: how many were neither stored nor kept in quarantine.
    """

    id: str | None
    samples: int = 0
    stored: int = 0
    beliefs: int = 0
    refused: int = 0


class DeviceHour(NamedTuple):
    """The samples of one device in one hour that a request stored, or refused.

    :param device: the registry's number of the device.
    :param hour: its beginning in UTC.
    :param samples: stored.
    :param packs: a bit for each pack of which one was stored; bit 0 for another device.
    :param refused: neither stored nor kept in quarantine.
    """

    device: int
    hour: datetime
    samples: int = 0
    packs: int = 0
    refused: int = 0


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
        return message(self.counts.stored, self.counts.samples, self.counts.refused)

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


def message(stored: int, samples: int, refused: int) -> str:
    """Return the result of a request in one line for people."""
    said = f"Stored {stored} of {samples} samples"
    if not refused:
        return f"{said}."
    return f"{said}; {refused} {'was' if refused == 1 else 'were'} refused."


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
        counts.faulty += len(sample.faulty) + sample.more_faulty
        counts.beliefs += outcome.beliefs
        device.samples += 1
        device.stored += outcome.result == "stored"
        device.beliefs += outcome.beliefs
        device.refused += outcome.result == "refused"
    return counts, list(devices.values())


def hours(samples: Sequence[Sample], outcomes: Sequence[Outcome]) -> list[DeviceHour]:
    """Count the stored and refused samples of each reporting device and hour."""
    found: dict[tuple[int, datetime], DeviceHour] = {}
    for sample, outcome in zip(samples, outcomes, strict=True):
        if outcome.device is None or sample.time is None:
            continue
        key = outcome.device, start_of_hour(sample.time)
        if outcome.result == "stored":
            one = found.get(key) or DeviceHour(*key)
            packs = one.packs | 1 << outcome.pack
            found[key] = one._replace(samples=one.samples + 1, packs=packs)
        elif outcome.result == "refused":
            one = found.get(key) or DeviceHour(*key)
            found[key] = one._replace(refused=one.refused + 1)
    return sorted(found.values())


def problems_of(samples: Sequence[Sample], outcomes: Sequence[Outcome]) -> Iterable[Problem]:
    """Yield every problem of a request, in the order of its samples."""
    for sample, outcome in zip(samples, outcomes, strict=True):
        if outcome.refused is not None:
            # It says why the sample was not stored, too.
            yield outcome.refused
            yield from (problem for problem in sample.invalid if problem is not outcome.problem)
        else:
            if outcome.problem is not None and outcome.problem not in sample.invalid:
                yield outcome.problem
            yield from sample.invalid
        yield from sample.faulty
        if outcome.status_problem is not None:
            yield outcome.status_problem


def undescribed(samples: Iterable[Sample]) -> int:
    """Return how many problems of samples were only counted."""
    return sum(s.more_faulty + s.more_invalid for s in samples)


def cap(problems: Iterable[Problem], most: int) -> tuple[list[Problem], int]:
    """Return the first few problems, and how many more there are."""
    remaining = iter(problems)
    return list(islice(remaining, most)), sum(1 for _ in remaining)
