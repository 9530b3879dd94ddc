"""One write for all readings of a request.

FlexMeasures' own ``save_to_db`` loops over sensors and compares each belief with what
is stored: over 30 seconds for the 2,016 beliefs of one 48-pack sample, which arrives
every 5 seconds. So the rows go straight into a table of beliefs here, as FlexMeasures
would have written them.

Each thing that is written to is locked by its row of latest readings. So its newest reading
does not change until the commit, and a newer one needs no query of the beliefs: its rows are
copied. Only late readings are compared with stored ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, groupby

from flexmeasures_pms.catalogue.recording import Policies, bands
from flexmeasures_pms.errors import StorageBusy
from flexmeasures_pms.storage.readings.ahead import keep_ahead
from flexmeasures_pms.storage.readings.beliefs import copy_rows
from flexmeasures_pms.storage.readings.blocks import DUPLICATE, BeliefRows, Block, Written
from flexmeasures_pms.storage.readings.late import record_late
from flexmeasures_pms.storage.readings.latest import add_readings, keep_latest
from flexmeasures_pms.storage.readings.newest import Bits, Newest, record_next
from flexmeasures_pms.storage.readings.rebuild import take_turns
from flexmeasures_pms.storage.readings.streams import StreamKey, StreamQuery, load
from flexmeasures_pms.storage.readings.unwritten import SampleKey, bits_of, keep_repeats

_ATTEMPTS = 5


@dataclass(slots=True)
class _Plan:
    """The rows that a request would write.

    :param written: the result of each block, in their order.
    :param ahead: which blocks are ahead of the clock, by their position.
    :param repeats: masks of the readings that are not written, by moment.
    """

    written: list[Written]
    ahead: set[int]
    repeats: dict[SampleKey, int] = field(default_factory=dict)


def write(
    account_id: int, blocks: Sequence[Block], host: Policies = (), *, until: datetime
) -> list[Written]:
    """Write the readings of blocks, each block whole or not at all; the caller commits.

    Stored readings are kept; of two blocks with different values for one reading the earlier
    in ``blocks`` is kept. Each thing's latest reading is updated as well.

    :param host: the host's recording policies for all assets.
    :param until: time of the last reading that is not ahead of the clock.
    :returns: the result of each block, in their order.
    :raises StorageBusy: when other requests keep writing the same beliefs.
    """
    if not blocks:
        return []
    subjects = {block.subject_id: block.asset_type for block in blocks}
    for attempt in range(_ATTEMPTS):
        newest = take_turns(account_id, subjects, until)
        for subject, kind in subjects.items():
            newest[subject].bands = bands(kind, host, newest[subject].policies)
        ahead = {i for i, b in enumerate(blocks) if newest[b.subject_id].is_ahead(b, until)}
        plan = _Plan([DUPLICATE] * len(blocks), ahead)
        if copy_rows(_planned(blocks, newest, plan, trusting=attempt == 0)):
            keep_repeats(plan.repeats)
            keep_latest({s: n for s, n in newest.items() if n.changed})
            keep_ahead(blocks[i] for i in ahead if plan.written[i].result == "stored")
            return plan.written
    raise StorageBusy(
        "Other requests kept writing the same readings; nothing of this one was stored. "
        "Send it again."
    )


def _planned(
    blocks: Sequence[Block], newest: Mapping[int, Newest], plan: _Plan, *, trusting: bool
) -> Iterable[BeliefRows]:
    """Decide on all blocks, those of one thing in the order of their times.

    :param plan: takes the results.
    :param trusting: trust the latest readings about which blocks are newer.
    :returns: the rows to be written, in parts. Blocks that need the database come first;
        newer blocks are decided while the earlier parts are written.
    """
    order = sorted(range(len(blocks)), key=lambda i: blocks[i].time)
    bits = {kind: bits_of(kind, names) for kind, names in _on_change(blocks, newest).items()}
    _load_readings(blocks, newest)
    late = [i for i in order if not trusting or i in plan.ahead or _is_late(blocks[i], newest)]
    rows = _plan_late(blocks, late, newest, bits, plan)
    done = set(late)
    return chain(
        [rows], (_plan_next(i, blocks[i], newest, bits, plan) for i in order if i not in done)
    )


def _is_late(block: Block, newest: Mapping[int, Newest]) -> bool:
    """Whether stored readings may be newer than a block, or rely on what was before it."""
    state = newest[block.subject_id]
    return state.has_ahead or not state.precedes(block)


def _plan_next(
    i: int, block: Block, newest: Mapping[int, Newest], bits: Mapping[str, Bits], plan: _Plan
) -> BeliefRows:
    rows: BeliefRows = []
    state = newest[block.subject_id]
    plan.written[i], mask = record_next(block, state, bits[block.asset_type], rows)
    _note(block, mask, plan)
    return rows


def _on_change(blocks: Iterable[Block], newest: Mapping[int, Newest]) -> dict[str, set[str]]:
    """Return the sensors that are recorded on change, by asset type."""
    found: dict[str, set[str]] = {}
    for kind, subject in {(block.asset_type, block.subject_id) for block in blocks}:
        found.setdefault(kind, set()).update(newest[subject].bands)
    return found


def _load_readings(blocks: Sequence[Block], newest: Mapping[int, Newest]) -> None:
    """Read the newest readings of things that report again for the same time."""
    add_readings({b.subject_id: n for b in blocks if (n := newest[b.subject_id]).time == b.time})


def _plan_late(
    blocks: Sequence[Block],
    late: Sequence[int],
    newest: Mapping[int, Newest],
    bits: Mapping[str, Bits],
    plan: _Plan,
) -> BeliefRows:
    rows: BeliefRows = []
    by_type = sorted(late, key=lambda i: blocks[i].asset_type)
    for asset_type, of_type in groupby(by_type, key=lambda i: blocks[i].asset_type):
        indexes = list(of_type)
        wanted = _wanted([blocks[i] for i in indexes], newest)
        streams = load(wanted, bits[asset_type])
        for i in indexes:
            block = blocks[i]
            before = len(rows)
            stream = streams[block.subject_id, block.source_id]
            # A reading of the future relies on none that may yet come before it.
            of_subject, is_ahead = newest[block.subject_id].bands, i in plan.ahead
            plan.written[i], mask = record_late(
                block, of_subject, stream, bits[asset_type], rows, whole=is_ahead
            )
            _note(block, mask, plan)
            if is_ahead:
                continue
            _doubt(newest[block.subject_id], block, rows[before:])
            if plan.written[i].result == "stored":
                _advance(newest[block.subject_id], block)
    return rows


def _wanted(blocks: Sequence[Block], newest: Mapping[int, Newest]) -> list[StreamQuery]:
    streams: dict[StreamKey, list[Block]] = {}
    for block in blocks:
        streams.setdefault((block.subject_id, block.source_id), []).append(block)
    return [
        StreamQuery(
            subject_id=subject,
            source_id=source,
            sensors={n: b.sensors[n] for b in of_stream for n in b.values},
            times={b.time for b in of_stream},
            on_change=newest[subject].bands.keys(),
        )
        for (subject, source), of_stream in streams.items()
    ]


def _note(block: Block, mask: int, plan: _Plan) -> None:
    if mask:
        moment = block.subject_id, block.time, block.source_id
        plan.repeats[moment] = plan.repeats.get(moment, 0) | mask


def _advance(newest: Newest, block: Block) -> None:
    """Keep a reading that was treated as late, and is the newest."""
    if not newest.precedes(block):
        return
    if newest.time != block.time:
        newest.time, newest.device_id, newest.readings = block.time, block.device_id, {}
        newest.recorded = {}
    newest.readings = {**block.values, **newest.readings}
    newest.changed = True


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
