"""Replay: process samples in quarantine again."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Any

import msgspec
from flexmeasures.data import db
from sqlalchemy.engine import Row

from flexmeasures_pms.beliefs.ehub import STATUS_FIELDS
from flexmeasures_pms.catalogue.asset_types import DATASETS
from flexmeasures_pms.config import settings
from flexmeasures_pms.errors import Problem, StorageBusy, WireError
from flexmeasures_pms.ingest.carry_through import carry_through
from flexmeasures_pms.ingest.limits import decoding_limits
from flexmeasures_pms.ingest.pipeline import Outcome, await_registry, conclude, process
from flexmeasures_pms.ingest.plan import located
from flexmeasures_pms.ingest.receipt import count, hours
from flexmeasures_pms.ingest.retraction import RETRACTED
from flexmeasures_pms.plural import counted
from flexmeasures_pms.registry.messages.message import CountText, Message, message
from flexmeasures_pms.storage.intake import quarantine, receipts
from flexmeasures_pms.storage.intake.heads import remove_unused
from flexmeasures_pms.wire.decode import decode
from flexmeasures_pms.wire.samples import Limits, Sample

_BATCH = 500


@dataclass(frozen=True, slots=True)
class Replayed:
    """The result of a replay.

    :param released: samples that left the quarantine.
    :param waiting: samples that were tried and still wait, or stay discarded.
    :param beliefs: rows that were added.
    :param left: samples that were not tried, because the time was over.
    """

    released: int = 0
    waiting: int = 0
    beliefs: int = 0
    left: int = 0

    def __add__(self, other: Replayed) -> Replayed:
        """Add two replays up."""
        return Replayed(
            self.released + other.released,
            self.waiting + other.waiting,
            self.beliefs + other.beliefs,
            self.left + other.left,
        )

    def lines(self) -> tuple[Message, ...]:
        """Return what was done as sentences; none if nothing was done."""
        if not self.released:
            return ()
        done = message(
            "Replayed {samples} from quarantine: {beliefs} stored.",
            samples=CountText(self.released, "sample"),
            beliefs=CountText(self.beliefs, "belief"),
        )
        rest = message("Still waiting: {samples}.", samples=CountText(self.waiting, "sample"))
        return (done, rest) if self.waiting else (done,)


def replay(
    account_id: int, ids: Sequence[int], end: float = math.inf, *, discarded: bool = False
) -> Replayed:
    """Process waiting samples again, in transactions of its own, some samples in each.

    A sample that is now stored, or already was, leaves the quarantine in the same
    transaction; one that still can't be stored stays, with its current reason.

    :param end: after it only the first of them are processed, by :func:`time.monotonic`.
    :param discarded: of samples that were discarded: one that can't be stored stays discarded.
    :raises StorageBusy: when some can't be processed now; it says how many were before them.
    """
    total = Replayed()
    for start in range(0, len(ids), _BATCH):
        if start and time.monotonic() > end:
            return total + Replayed(left=len(ids) - start)
        some = partial(_replay_batch, account_id, ids[start : start + _BATCH], discarded)
        try:
            replayed, unused = carry_through(some)
        except StorageBusy as error:
            raise StorageBusy(_stopped(total, len(ids) - start)) from error
        total += replayed
        remove_unused(unused)
        db.session.commit()
    return total


def _stopped(before: Replayed, rest: int) -> str:
    done = counted(before.released, "sample")
    return (
        f"Replayed {done} from quarantine. {counted(rest, 'sample')} could not be tried, because "
        "the database or the registry is busy: they are as they were. Replay them later."
    )


def _replay_batch(
    account_id: int, ids: Sequence[int], discarded: bool, hold_registry: bool
) -> tuple[Replayed, set[int]]:
    """Process some samples again; return what came of it, and the heads of those released."""
    limits = decoding_limits(settings())
    rows = quarantine.reserved(account_id, ids, discarded=discarded)
    if hold_registry:
        await_registry(account_id)
    decoded = [(row, _decode(row, limits)) for row in rows]
    now = datetime.now(UTC)
    readable = _as_reported(
        account_id, [(row, one) for row, one in decoded if isinstance(one, Sample)], now
    )
    processed = process(account_id, [sample for _, sample in readable], now)
    released, stored, restated = [], [], {}
    for (row, sample), outcome in zip(readable, processed.outcomes, strict=True):
        problem = outcome.problem or outcome.status_problem
        if outcome.refused is not None or (_is_status(sample) and not outcome.has_status):
            continue  # what was kept stays kept, with its reason, even if it is too large now
        if problem is None:
            released.append(row.id)
            stored.append((sample, outcome))
        elif not discarded and (problem.code, problem.message) != (row.reason, row.message):
            restated[row.id] = problem
    unused = quarantine.end_replay(account_id, released, restated)
    _log(account_id, stored, now)
    conclude(account_id, processed)
    replayed = Replayed(len(released), len(rows) - len(released), _beliefs(processed.outcomes))
    return replayed, unused


def _as_reported(
    account_id: int, readable: Sequence[tuple[Row[Any], Sample]], now: datetime
) -> list[tuple[Row[Any], Sample]]:
    """Leave out what was retracted, and would now be stored as reported by another device."""
    retracted = [(row, sample) for row, sample in readable if row.reason == RETRACTED]
    found = located(account_id, [sample for _, sample in retracted], now) if retracted else []
    others = {
        row.id
        for row, device in ((retracted[one.sample][0], one.device.ident) for one in found)
        if row.device_id != device
    }
    return [(row, sample) for row, sample in readable if row.id not in others]


def _is_status(sample: Sample) -> bool:
    """Whether a sample has nothing but the status of an EHub."""
    return sample.no_answer and any(field in sample.fields for field in STATUS_FIELDS)


def _log(account_id: int, released: Sequence[tuple[Sample, Outcome]], now: datetime) -> None:
    """Write a receipt for each dataset, so that replayed samples count as received."""
    for dataset in DATASETS:
        samples = [sample for sample, _ in released if sample.dataset == dataset]
        outcomes = [outcome for sample, outcome in released if sample.dataset == dataset]
        if samples:
            texts = "".join(sample.text() for sample in samples)
            counts, _ = count(samples, outcomes, [])
            logged = receipts.Logged(
                account_id=account_id,
                received_at=now,
                sender="replay",
                key_id=None,
                dataset=dataset,
                digest=sha256(texts.encode("utf-8", "surrogatepass")).digest(),
                duration_ms=round((datetime.now(UTC) - now) / timedelta(milliseconds=1)),
                details=None,
                counts=msgspec.structs.astuple(counts),
            )
            receipts.add(logged, hours(samples, outcomes))


def _beliefs(outcomes: Sequence[Outcome]) -> int:
    return sum(outcome.beliefs for outcome in outcomes)


def _decode(row: Row[Any], limits: Limits) -> Sample | Problem:
    try:
        decoded = decode(
            row.text.encode(), dataset=row.dataset, content_type=row.content_type, limits=limits
        )
    except WireError as error:
        return Problem(row.path, "invalid_value", str(error))
    if len(decoded.samples) != 1:
        return Problem(row.path, "invalid_value", "The text does not hold one sample.")
    # Each waits separately: no two of them may look like samples of one dataset.
    return replace(decoded.samples[0], path=f"quarantine[{row.id}]")
