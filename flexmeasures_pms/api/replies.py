"""The JSON replies, one type each; types that pages also need are where they are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import UNSET, Struct, UnsetType

from flexmeasures_pms.errors import Problem
from flexmeasures_pms.ingest.completeness import Completeness
from flexmeasures_pms.ingest.journal import KeptRequest
from flexmeasures_pms.ingest.receipt import DeviceCounts, ReceiptCounts
from flexmeasures_pms.ingest.receipt_record import JournaledRequest, LoggedReceipt
from flexmeasures_pms.overview.fleet import Device


class Error(Struct):
    """Why a request was refused.

    :param status: a stable code for programs.
    :param message: what is wrong and what to do, for people.
    :param problems: each with its place in the body.
    :param more_problems: how many are not listed.
    """

    status: str
    message: str
    problems: Sequence[Problem] | UnsetType = UNSET
    more_problems: int | UnsetType = UNSET


class PostedReceipt(ReceiptCounts):
    """The counts of a request.

    :param id: id of the receipt.
    :param digest: SHA-256 of the body as sent.
    """

    id: int
    digest: str


class DatasetProcessed(Struct, tag_field="status", tag="PROCESSED"):
    """The result of a request, after commit.

    :param message: one line for people.
    :param devices: the reporting devices, with the ids that they sent.
    :param problems: what was wrong, in the order of the samples.
    :param more_problems: how many are not listed.
    :param warnings: notes about accepted input.
    :param ignored: how many attributes or columns were ignored.
    :param skipped: how many CSV rows hold no sample.
    """

    message: str
    receipt: PostedReceipt
    devices: list[DeviceCounts]
    problems: list[Problem]
    more_problems: int | UnsetType = UNSET
    warnings: list[Problem] | UnsetType = UNSET
    ignored: int | UnsetType = UNSET
    skipped: int | UnsetType = UNSET


class DatasetAccepted(Struct, tag_field="status", tag="ACCEPTED"):
    """A request that is saved, and whose samples a worker will store.

    :param message: one line for people.
    """

    message: str
    receipt: KeptRequest


class ProcessedReceipt(LoggedReceipt, kw_only=True, tag_field="status", tag="PROCESSED"):
    """A request whose samples were stored. The details are included if a worker stored them.

    :param message: one line for people.
    :param devices: the reporting devices, with the ids that they sent.
    :param problems: what was wrong, in the order of the samples.
    :param more_problems: how many are not listed.
    :param warnings: notes about accepted input.
    :param ignored: how many attributes or columns were ignored.
    :param skipped: how many CSV rows hold no sample.
    """

    message: str
    devices: list[DeviceCounts] | UnsetType = UNSET
    problems: list[Problem] | UnsetType = UNSET
    more_problems: int | UnsetType = UNSET
    warnings: list[Problem] | UnsetType = UNSET
    ignored: int | UnsetType = UNSET
    skipped: int | UnsetType = UNSET


class WaitingReceipt(JournaledRequest, kw_only=True):
    """A request whose samples are not stored yet.

    :param message: one line for people.
    """

    message: str


class JournalCounts(Struct):
    """Requests that are saved and not stored yet.

    :param waiting: for a worker, including those being processed.
    :param failed: after too many attempts.
    """

    waiting: int
    failed: int


class ReceiptList(Struct):
    """Accepted requests, newest first.

    :param next: the ``before`` of the next page; null on the last.
    """

    receipts: list[LoggedReceipt]
    next: int | None
    journal: JournalCounts


class CompletenessList(Struct):
    """The stored samples of each hour, by device and time."""

    hours: list[Completeness]


class Latest(Struct, kw_only=True):
    """The newest reading of one thing.

    :param kind: of thing.
    :param id: as registered.
    :param asset: id of its FlexMeasures asset; null until it is made.
    :param time: of the reading; null if there is none yet.
    :param source: id of the device that reported it.
    :param readings: value by sensor name.
    """

    kind: str
    id: str
    asset: int | None
    time: datetime | None
    source: str | None
    readings: Mapping[str, float]


class LatestPack(Latest):
    """The newest reading of a pack of a PMS.

    :param dock: counted across the PMS; null if unknown.
    """

    dock: int | None


class LatestOfPms(Latest, kw_only=True):
    """The newest readings of a PMS, its cabinets and its packs.

    :param cabinets: in order of their position.
    :param packs: in order of their docks.
    """

    cabinets: list[Latest]
    packs: list[LatestPack]


class Fleet(Struct):
    """devices, the worst first."""

    devices: list[Device]
