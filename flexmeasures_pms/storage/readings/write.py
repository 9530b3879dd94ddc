"""One write for all readings of a request: to the log of samples, and as beliefs.

FlexMeasures' own ``save_to_db`` loops over sensors and compares each belief with what
is stored: over 30 seconds for the 2,016 beliefs of one 48-pack sample, which arrives
every 5 seconds. So the rows go straight into a table of beliefs here, as FlexMeasures
would have written them.

Each thing that is written to is locked by its row of latest readings. So its newest reading
does not change until the commit, and a newer one needs no query: its rows are copied. Only late
readings are compared with what the log has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from flexmeasures_pms.catalogue.recording import Policies, bands
from flexmeasures_pms.storage.log import samples
from flexmeasures_pms.storage.log.places import places_of
from flexmeasures_pms.storage.log.quarters import FIVE_MINUTES, QUARTER
from flexmeasures_pms.storage.log.samples import LoggedSample
from flexmeasures_pms.storage.readings.beliefs import copy_rows
from flexmeasures_pms.storage.readings.blocks import DUPLICATE, BeliefRows, Block, Written
from flexmeasures_pms.storage.readings.late import load, record_late, stream_of
from flexmeasures_pms.storage.readings.latest import keep_latest
from flexmeasures_pms.storage.readings.newest import Newest, NewSamples, record_next
from flexmeasures_pms.storage.readings.turns import take_turns


@dataclass(slots=True)
class _Plan:
    """What a request would write.

    :param written: the result of each block, in their order.
    :param log: samples that are new, and newer than all others of their things.
    :param late_new: late samples that are not in the log.
    :param late_changed: late samples that are, and differ.
    :param thaws: whether folded days that late samples add to are thawed.
    """

    written: list[Written]
    log: NewSamples
    late_new: list[LoggedSample]
    late_changed: list[LoggedSample]
    thaws: bool


def write(
    account_id: int,
    blocks: Sequence[Block],
    host: Policies = (),
    *,
    until: datetime,
    thinned: bool = False,
    thaws: bool = False,
) -> list[Written]:
    """Write the readings of blocks, each block whole or not at all; the caller commits.

    Stored readings are kept; of two blocks with different values for one reading the earlier
    in ``blocks`` is kept. Each thing's latest reading is updated as well.

    :param host: the host's recording policies for all assets.
    :param until: time of the last reading that is not ahead of the clock.
    :param thinned: write as beliefs only the first of each five minutes of a sensor and source.
    :param thaws: thaw folded days that late blocks add to, in the same transaction.
    :returns: the result of each block, in their order.
    :raises ToThaw: if there are such days otherwise.
    """
    if not blocks:
        return []
    subjects = {block.subject_id: block.asset_type for block in blocks}
    places = {kind: places_of(kind) for kind in set(subjects.values())}
    newest = take_turns(account_id, subjects, until)
    for subject, kind in subjects.items():
        newest[subject].bands = bands(kind, host, newest[subject].policies, thinned=thinned)
        newest[subject].thinned = thinned
    plan = _Plan([DUPLICATE] * len(blocks), NewSamples(places), [], [], thaws)
    copy_rows(_planned(blocks, newest, plan, until))
    samples.add([*plan.log.added.values(), *plan.late_new])
    samples.replace(plan.late_changed)
    keep_latest({s: n for s, n in newest.items() if n.changed and n.time is not None})
    return plan.written


def _planned(
    blocks: Sequence[Block], newest: Mapping[int, Newest], plan: _Plan, until: datetime
) -> Iterator[BeliefRows]:
    """Decide on all blocks, those of one thing in the order of their times.

    :param plan: takes the results.
    :returns: the rows to be written, in parts. Blocks that need the database come first;
        newer blocks are decided while the earlier parts are written.
    """
    order = sorted(range(len(blocks)), key=lambda i: blocks[i].time)
    late = [i for i in order if _is_late(blocks[i], newest, until)]
    rows = _plan_late(blocks, late, newest, plan, until)
    done = set(late)
    return _parts(rows, (i for i in order if i not in done), blocks, newest, plan)


def _parts(
    first: BeliefRows,
    indexes: Iterable[int],
    blocks: Sequence[Block],
    newest: Mapping[int, Newest],
    plan: _Plan,
) -> Iterator[BeliefRows]:
    yield first
    for i in indexes:
        rows: BeliefRows = []
        plan.written[i] = record_next(blocks[i], newest[blocks[i].subject_id], plan.log, rows)
        yield rows


def _is_late(block: Block, newest: Mapping[int, Newest], until: datetime) -> bool:
    """Whether the log may have samples that are newer than a block, or its own."""
    state = newest[block.subject_id]
    return state.is_late(block) or state.is_ahead(block, until) or state.is_unsure(block)


def _plan_late(
    blocks: Sequence[Block],
    late: Sequence[int],
    newest: Mapping[int, Newest],
    plan: _Plan,
    until: datetime,
) -> BeliefRows:
    rows: BeliefRows = []
    places = plan.log.places
    of_all = {number: state.bands for number, state in newest.items()}
    thinned = any(state.thinned for state in newest.values())
    step = FIVE_MINUTES if thinned else QUARTER
    streams = load([blocks[i] for i in late], places, of_all, step, thaws=plan.thaws)
    there = {sample.key for stream in streams.values() for sample in stream.samples}
    for i in late:
        block, before = blocks[i], len(rows)
        state, stream = newest[block.subject_id], streams[stream_of(block)]
        # A reading of the future relies on none that may yet come before it.
        ahead = state.is_ahead(block, until)
        of_type = places[block.asset_type]
        whole = ahead and not thinned
        plan.written[i] = record_late(block, state.bands, stream, of_type, rows, whole=whole)
        if plan.written[i].result == "stored":
            if ahead:
                state.changed, state.has_ahead = True, True
            else:
                if not thinned:
                    _doubt(state, block, rows[before:])
                if (sample := stream.find(block.time)) is not None:
                    state.follow(block, sample, of_type)
                if thinned:
                    state.note(block)
    changed = [sample for stream in streams.values() for sample in stream.changed.values()]
    plan.late_new = [sample for sample in changed if sample.key not in there]
    plan.late_changed = [sample for sample in changed if sample.key in there]
    return rows


def _doubt(newest: Newest, block: Block, rows: BeliefRows) -> None:
    """Write the last written value again, if a late row came after it."""
    if block.device_id != newest.device_id:
        return
    names = {sensor: name for name, sensor in block.sensors.items()}
    for time, sensor, _, _ in rows:
        last = newest.recorded.get(names[sensor])
        if last is not None and time > last[1]:
            del newest.recorded[names[sensor]]
            newest.changed = True
