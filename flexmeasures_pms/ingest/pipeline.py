"""The pipeline: from decoded samples to stored beliefs.

This module does not depend on HTTP or files.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Literal

from flexmeasures.data import db
from psycopg2.errors import LockNotAvailable
from sqlalchemy.exc import OperationalError

from flexmeasures_pms.beliefs.resolve import Target, reporter
from flexmeasures_pms.catalogue.limits import CLOCK_SKEW
from flexmeasures_pms.config import is_thinned, settings
from flexmeasures_pms.deadline import check
from flexmeasures_pms.errors import Problem, RegistryBusy
from flexmeasures_pms.ingest.carry_through import NotReady, Overtaken
from flexmeasures_pms.ingest.flapping import PackReport
from flexmeasures_pms.ingest.hot_swap import (
    follow_moves,
    is_newer,
    record_moves,
)
from flexmeasures_pms.ingest.packs_in_hour import number_in_hour
from flexmeasures_pms.ingest.plan import AssetReadings, Plan, SampleValues, measured, planned
from flexmeasures_pms.registry.directory import Directory
from flexmeasures_pms.registry.editing.writer import lock_registry
from flexmeasures_pms.storage.flapping import keep as keep_flapping
from flexmeasures_pms.storage.intake.quarantine import WAITS
from flexmeasures_pms.storage.readings.blocks import Block, Written
from flexmeasures_pms.storage.readings.folded import ToThaw, thaw_ahead
from flexmeasures_pms.storage.readings.turns import take_turns
from flexmeasures_pms.storage.readings.write import write
from flexmeasures_pms.wire.samples import Sample

SampleResult = Literal["stored", "duplicate", "quarantined", "no_answer", "refused"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result for one sample.

    :param beliefs: rows it added, including its EHub's status.
    :param problem: why it can't be stored, and goes to quarantine.
    :param status_problem: why its EHub's status does, if that differs.
    :param device: the registry's number of the reporting device, if known.
    :param has_status: whether its EHub's status is stored.
    :param refused: why a sample that can't be stored does not go to quarantine either.
    :param pack: a number from 1 to 62 that tells the packs of a device and hour apart; 0 for
        another device.
    :param warning: what is doubtful about it all the same.
    """

    result: SampleResult
    beliefs: int = 0
    problem: Problem | None = None
    status_problem: Problem | None = None
    device: int | None = None
    has_status: bool = False
    refused: Problem | None = None
    pack: int = 0
    warning: Problem | None = None


@dataclass(slots=True)
class Processed:
    """What became of samples, before the transaction ends.

    :param outcomes: one for each sample, in their order.
    :param registered: the registry that they were resolved in.
    :param moves: reports of packs that have moved.
    """

    outcomes: list[Outcome]
    registered: Directory
    moves: Sequence[PackReport]


def process(
    account_id: int,
    samples: Sequence[Sample],
    now: datetime,
    values: Sequence[SampleValues] | None = None,
    thaw_until: float = math.inf,
) -> Processed:
    """Store an organisation's samples, and return the result of each.

    What can't be stored is put into quarantine by the caller, who then calls :func:`conclude`.

    :param now: when they were received; samples may be up to a day later.
    :param values: the result of :func:`measured`, if computed ahead.
    :param thaw_until: when thawing of days that samples are late for ends, by
        :func:`time.monotonic`.
    :raises NotReady: when something is to be made first.
    """
    check()
    values = measured(samples) if values is None else values
    # They may be stored long after they were received, beside what came since.
    until = max(now, datetime.now(UTC)) + CLOCK_SKEW
    plan = planned(account_id, samples, now, values, until)
    if plan.moved.reports:
        # Who changes the registry locks it before the things that are written to.
        await_registry(account_id)
        if not plan.registered.unchanged(None):
            plan = planned(account_id, samples, now, values, until)
        _leave_out_late_moves(account_id, plan, until)
    check()
    try:
        written = write(
            account_id, _blocks(plan), settings().recording, until=until, thinned=is_thinned()
        )
    except ToThaw as found:
        raise NotReady(partial(thaw_ahead, found.thing_days, thaw_until)) from found
    check()
    unstored = _unstored(samples, plan.targets, plan.registered, now)
    outcomes = _outcomes(samples, unstored, plan.readings, written, plan.registered)
    keep_flapping(plan.moved.states)
    for flap in plan.moved.flaps:
        at = flap.report.sample
        outcomes[at] = replace(outcomes[at], warning=flap.warning(samples[at].path))
    moves = [r for r in plan.moved.reports if outcomes[r.sample].result == "stored"]
    return Processed(outcomes, plan.registered, moves)


def _leave_out_late_moves(account_id: int, plan: Plan, until: datetime) -> None:
    """Lock all that is written to; leave out moves of packs that have reported since."""
    newest = take_turns(account_id, {p.subject.id for p in plan.readings}, until)
    times = {number: known.time for number, known in newest.items()}
    plan.moved.reports[:] = [r for r in plan.moved.reports if is_newer(r, times.get(r.case.id))]


def await_registry(account_id: int) -> None:
    """Wait until nobody changes the registry, and let nobody until the transaction ends.

    :raises RegistryBusy: when that takes too long.
    """
    try:
        lock_registry(account_id)
    except OperationalError as error:
        if not isinstance(error.orig, LockNotAvailable):
            raise
        raise RegistryBusy(
            "The registry is being changed, which takes long; nothing of the request was stored. "
            "Send it again later."
        ) from error


def conclude(account_id: int, processed: Processed) -> None:
    """Record moves, see that the registry is still as it was read, and commit.

    :raises Overtaken: when it is not: roll back, and do it again.
    """
    moved = record_moves(account_id, processed.moves)
    if not processed.registered.unchanged("change" if moved else "read"):
        raise Overtaken
    check()
    db.session.commit()
    follow_moves(account_id, moved)


def _blocks(plan: Plan) -> list[Block]:
    return [
        Block(
            subject_id=p.subject.id,
            device_id=p.device.id,
            source_id=plan.sources[p.device.id],
            asset_type=p.subject.kind,
            time=p.time,
            values=p.values,
            sensors=plan.sensors[p.subject.asset_id or 0],
            board_id=None if p.board is None else p.board.id,
        )
        for p in plan.readings
    ]


def _unstored(
    samples: Sequence[Sample],
    targets: Sequence[Target | Problem],
    registered: Directory,
    now: datetime,
) -> list[Outcome]:
    """Return the outcomes as long as nothing is stored."""
    outcomes = []
    for sample, target in zip(samples, targets, strict=True):
        if isinstance(target, Problem) and (sample.invalid or not sample.no_answer):
            device = reporter(sample, registered, now)
            number = None if device is None else device.id
            # What is too large is refused here, and does not go to quarantine.
            result: SampleResult = "refused" if sample.refused else "quarantined"
            outcomes.append(Outcome(result, problem=target, device=number, refused=sample.refused))
        else:
            # A sample without any reading is a pack that does not answer.
            outcomes.append(Outcome("no_answer"))
    return outcomes


def _outcomes(
    samples: Sequence[Sample],
    outcomes: list[Outcome],
    asset_readings: Sequence[AssetReadings],
    written: Sequence[Written],
    registered: Directory,
) -> list[Outcome]:
    for one, wrote in zip(asset_readings, written, strict=True):
        before = outcomes[one.sample]
        path = samples[one.sample].path
        if one.ehub:
            problem = _conflict(f"{path.split('.data[')[0]}.status", one, "status_conflict")
            outcomes[one.sample] = replace(
                before,
                beliefs=before.beliefs + wrote.beliefs,
                status_problem=problem if wrote.result == "conflict" else None,
                has_status=wrote.result != "conflict",
            )
        elif wrote.result == "conflict":
            problem = _conflict(path, one, "conflict")
            outcomes[one.sample] = Outcome("quarantined", problem=problem, device=one.device.id)
        else:
            pack = number_in_hour(samples[one.sample], one.subject, one.device, registered)
            outcomes[one.sample] = Outcome(
                wrote.result, wrote.beliefs, device=one.device.id, pack=pack
            )
    return outcomes


def _conflict(path: str, one: AssetReadings, code: str) -> Problem:
    return Problem(
        path,
        code,
        f"Another reading of {one.subject.kind} '{one.subject.ident}' by "
        f"'{one.device.ident}' at {one.time.isoformat(timespec='milliseconds')} was "
        f"stored first and is kept.{WAITS}",
        one.subject.ident,
    )
