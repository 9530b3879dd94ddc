"""Accept a request: decode it, store its samples, and acknowledge it with a receipt."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256

import msgspec

from flexmeasures_pms import deadline
from flexmeasures_pms.catalogue.asset_types import DatasetName
from flexmeasures_pms.config import Settings
from flexmeasures_pms.ingest.carry_through import carry_through
from flexmeasures_pms.ingest.limits import decoding_limits, quarantine_bounds, require_few_devices
from flexmeasures_pms.ingest.pipeline import Outcome, await_registry, conclude, process
from flexmeasures_pms.ingest.plan import SampleValues
from flexmeasures_pms.ingest.receipt import (
    Receipt,
    cap,
    count,
    hours,
    pack,
    problems_of,
    undescribed,
)
from flexmeasures_pms.ingest.refusal import keep_the_rest
from flexmeasures_pms.ingest.request_warnings import warnings_of
from flexmeasures_pms.storage.intake import journal, receipts
from flexmeasures_pms.storage.intake.journal import Claimed
from flexmeasures_pms.storage.intake.receipts import Logged
from flexmeasures_pms.wire import Decoded, decode

_DIGEST = "sha256:"

# The time that a request waits for a worker is part of its duration; the column's maximum
# is 24 days.
_LONGEST = (1 << 31) - 1

# Less than the lease of a queued request, which another worker takes over after that.
_THAW_SECONDS = 10.0

Admission = Callable[[Decoded], None]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where samples come from.

    :param account_id: the organisation in which their ids are resolved.
    :param sender: whose credentials sent them, for the quarantine.
    :param content_type: with which their texts can be decoded again, without parameters.
    :param received_at: the server's time of receipt.
    :param key_id: which of a gateway's keys was used.
    """

    account_id: int
    sender: str
    content_type: str
    received_at: datetime
    key_id: str | None = None


def accept(
    body: bytes,
    dataset: DatasetName,
    origin: Origin,
    *,
    content_type: str,
    encoding: str,
    settings: Settings,
    admit: Admission,
) -> Receipt:
    """Decode a request, store its samples, quarantine those that can't be stored, and commit.

    Those that do not fit into the quarantine are refused, and the receipt says so.

    :param content_type: the request's, with its parameters.
    :param encoding: the request's content encoding, such as ``gzip``.
    :param admit: raises for samples that the sender may not send.
    :raises WireError: when the body can't be read as a whole.
    :raises StorageBusy: when it can't be stored now. After either nothing was stored.
    """
    decoded = read(body, dataset, content_type, encoding, settings)
    require_few_devices(decoded, settings)
    admit(decoded)
    return store(decoded, dataset, digest_of(body), origin, settings)


def read(
    body: bytes, dataset: DatasetName, content_type: str, encoding: str, settings: Settings
) -> Decoded:
    """Decode a request body within the settings' limits.

    :raises WireError: when the body can't be read as a whole.
    """
    return decode(
        body,
        dataset=dataset,
        content_type=content_type,
        content_encoding=encoding,
        limits=decoding_limits(settings),
    )


def digest_of(body: bytes) -> str:
    """Return the digest of a request as receipts contain it."""
    return f"{_DIGEST}{sha256(body).hexdigest()}"


def store(
    decoded: Decoded,
    dataset: DatasetName,
    digest: str,
    origin: Origin,
    settings: Settings,
    claimed: Claimed | None = None,
    values: Sequence[SampleValues] | None = None,
) -> Receipt:
    """Store decoded samples in one transaction, as :func:`accept` does.

    :param digest: of what was sent, for the receipt.
    :param claimed: the request in the journal, which is deleted in the same transaction.
    :param values: the readings of the samples, if computed ahead.
    :raises NotHeld: when another worker processes it.
    """
    queued = None if claimed is None else _Queued(claimed, time.monotonic() + _THAW_SECONDS)
    return carry_through(
        partial(_store_once, decoded, dataset, digest, origin, settings, queued, values)
    )


@dataclass(frozen=True, slots=True)
class _Queued:
    """A request of the journal that a worker stores.

    :param thaw_until: when days may be thawed for it, by :func:`time.monotonic`.
    """

    claimed: Claimed
    thaw_until: float


def _store_once(
    decoded: Decoded,
    dataset: DatasetName,
    digest: str,
    origin: Origin,
    settings: Settings,
    queued: _Queued | None,
    values: Sequence[SampleValues] | None,
    hold_registry: bool,
) -> Receipt:
    claimed, thaw_until = (queued.claimed, queued.thaw_until) if queued else (None, math.inf)
    if claimed is not None:
        limits = settings.lock_timeout, settings.statement_timeout
        journal.hold(claimed, *map(deadline.at_most, limits))
    if hold_registry:
        await_registry(origin.account_id)
    processed = process(origin.account_id, decoded.samples, origin.received_at, values, thaw_until)
    outcomes = keep_the_rest(
        origin.account_id,
        decoded.samples,
        processed.outcomes,
        sender=origin.sender,
        content_type=origin.content_type,
        bounds=quarantine_bounds(settings),
    )
    receipt = _receipt(decoded, outcomes, digest, origin, settings)
    logged = _logged(receipt, dataset, origin, claimed)
    receipt.id = receipts.add(logged, hours(decoded.samples, outcomes))
    if claimed is not None:
        journal.remove(claimed.id)
    conclude(origin.account_id, processed)
    return receipt


def _logged(
    receipt: Receipt, dataset: DatasetName, origin: Origin, claimed: Claimed | None
) -> Logged:
    duration = round((datetime.now(UTC) - origin.received_at) / timedelta(milliseconds=1))
    return Logged(
        account_id=origin.account_id,
        received_at=origin.received_at,
        sender=origin.sender,
        key_id=origin.key_id,
        dataset=dataset,
        digest=bytes.fromhex(receipt.digest.removeprefix(_DIGEST)),
        counts=msgspec.structs.astuple(receipt.counts),
        duration_ms=min(duration, _LONGEST),
        details=pack(receipt) if claimed else None,
        id=claimed.id if claimed else None,
    )


def _receipt(
    decoded: Decoded,
    outcomes: Sequence[Outcome],
    digest: str,
    origin: Origin,
    settings: Settings,
) -> Receipt:
    late_before = origin.received_at - timedelta(seconds=settings.late_after)
    late = (s.time is not None and s.time < late_before for s in decoded.samples)
    counts, devices = count(decoded.samples, outcomes, late)
    problems, more = cap(problems_of(decoded.samples, outcomes), settings.max_problems)
    return Receipt(
        digest=digest,
        counts=counts,
        devices=devices,
        problems=problems,
        more_problems=more + undescribed(decoded.samples),
        warnings=warnings_of(decoded, outcomes, origin.received_at)[: settings.max_problems],
        ignored=decoded.ignored,
        skipped=decoded.skipped,
    )
