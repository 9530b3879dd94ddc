"""What can't be stored goes to quarantine; what does not fit there is refused.

A refused sample is not kept anywhere. The reply says so, and counts it as ``refused``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from flexmeasures_pms.errors import Problem
from flexmeasures_pms.ingest.pipeline import Outcome
from flexmeasures_pms.storage.intake.quarantine import WAITS
from flexmeasures_pms.storage.intake.quarantine_room import Bounds, BoundUse
from flexmeasures_pms.storage.intake.quarantining import QuarantinedSample, keep
from flexmeasures_pms.wire.samples import Sample

QUARANTINE_FULL = "quarantine_full"


def keep_the_rest(
    account_id: int,
    samples: Sequence[Sample],
    outcomes: Sequence[Outcome],
    *,
    sender: str,
    content_type: str,
    bounds: Bounds,
) -> list[Outcome]:
    """Put what could not be stored into quarantine, as far as it fits; the caller commits.

    :param sender: whose credentials sent the samples.
    :param content_type: with which their texts can be decoded again.
    :returns: the outcomes, with those that are refused.
    """
    waiting = [(i, problem) for i, one in enumerate(outcomes) if (problem := _to_keep(one))]
    entries = [_entry(samples[i], problem, content_type) for i, problem in waiting]
    full = keep(account_id, entries, sender=sender, bounds=bounds)
    found = list(outcomes)
    for position, use in full.items():
        i, problem = waiting[position]
        found[i] = refused(outcomes[i], _no_room(problem, use))
    return found


def refused(outcome: Outcome, why: Problem) -> Outcome:
    """Return the outcome of a sample that is not kept.

    If only its EHub's status contradicts, the sample itself stays what it is.
    """
    if outcome.problem is None and outcome.status_problem is not None:
        return replace(outcome, status_problem=why)
    return replace(outcome, result="refused", refused=why)


def _to_keep(outcome: Outcome) -> Problem | None:
    """Return why a sample is for the quarantine; None for one that was refused before."""
    return None if outcome.refused else outcome.problem or outcome.status_problem


def _entry(sample: Sample, problem: Problem, content_type: str) -> QuarantinedSample:
    return QuarantinedSample(
        dataset=sample.dataset,
        content_type=content_type,
        problem=problem,
        device_id=sample.device_id,
        pack_id=sample.pack_id,
        event_time=sample.time,
        text=sample.own_text(),
        head=sample.head,
    )


def _no_room(problem: Problem, use: BoundUse) -> Problem:
    what = "status" if problem.code == "status_conflict" else "sample"
    why = problem.message.removesuffix(WAITS)
    return Problem(
        problem.path,
        QUARANTINE_FULL,
        f"{why} This {what} was NOT kept: {_full(use)}. Register what is missing or discard "
        "samples that wait, then send it again.",
        problem.value,
    )


def _full(use: BoundUse) -> str:
    amounts = f"{use.used:,} of {use.most:,} {use.unit}"
    if use.whole:
        return f"the quarantine of the organisation is full ({amounts})"
    whose = f"of {use.device}" if use.device else "of samples without a device id"
    return f"the share {whose} in the quarantine is full ({amounts})"
