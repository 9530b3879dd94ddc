"""The result of decoding: samples, from any message shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flexmeasures_pms.catalogue.asset_types import DatasetName
from flexmeasures_pms.errors import Problem


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a request may be.

    :param bytes: of the body, both as sent and after decompression.
    :param datasets: entries of ``datasets``.
    :param samples: of all datasets together, or rows of a CSV file.
    :param depth: nesting of objects and arrays; the documented shapes need 8.
    :param sample_bytes: of one sample together with its device id and status.
    :param problems: that are described; more are only counted, whatever a request holds.
    """

    bytes: int
    datasets: int
    samples: int
    depth: int
    sample_bytes: int
    problems: int = 100


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample of one pack or device.

    :param path: where it is: ``datasets[1].data[2]``, or ``line 17`` of a CSV file.
    :param dataset: ``pms``, ``mppt`` or ``inverter``.
    :param device_id: the device id as sent; None if none was sent.
    :param device_is_cabinet: ``device_id`` names the cabinet, as in July 2019.
    :param time: in UTC, whole milliseconds; None only in an invalid sample.
    :param pack_id: the case or acquisition board id as sent; ``pms`` only.
    :param fields: by catalogue path: Decimal, int, or a tuple with None for a gap.
        A field that was not sent, or was faulty as a whole, is absent.
    :param invalid: why the sample can't be used; empty when it can.
    :param faulty: readings that were left out as impossible.
    :param no_answer: the pack did not answer its EHub; only the status is kept.
    :param status_in_sample: the status came with the sample, not with its dataset.
    :param doubtful: the id of its device may be that of another: it was read behind a damaged
        place. Such a sample says nothing about where a pack is.
    :param refused: why it is too large to be kept; None if it is not.
    :param head: with what its text begins, shared by all samples of its dataset or file.
    :param more_faulty: readings that were left out beside ``faulty``.
    :param more_invalid: what else is wrong beside ``invalid``.
    """

    path: str
    dataset: DatasetName
    device_id: str | None
    device_is_cabinet: bool
    time: datetime | None
    pack_id: str | None
    fields: Mapping[str, Any]
    invalid: tuple[Problem, ...]
    faulty: tuple[Problem, ...]
    no_answer: bool
    status_in_sample: bool
    write: Callable[[], str] = field(repr=False, compare=False)
    doubtful: bool = False
    refused: Problem | None = None
    head: str = ""
    more_faulty: int = 0
    more_invalid: int = 0

    def text(self) -> str:
        """Return this one sample as a request body, spelled as sent.

        Decoding the text with the same content type gives the same sample again, unless it
        can't be read.
        """
        return self.write()

    def own_text(self) -> str:
        """Return its text without what it shares: that follows on ``head``."""
        return self.write()[len(self.head) :]


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoded request.

    :param samples: every sample in the order sent, the invalid ones included.
    :param warnings: notes about what was read.
    :param ignored: number of attributes or columns that are not read.
    :param skipped: parts that hold no sample: repeated headers, blank rows, padding, junk.
    :param size: of the body after decompression [bytes].
    """

    samples: tuple[Sample, ...]
    warnings: tuple[Problem, ...]
    ignored: int
    skipped: int
    size: int = 0
