"""Re-attribution: beliefs move when a board's installation is corrected.

Only samples that were sent with a board's id can be attributed to the wrong case: the log tells
which. After a change to a board's installations, its samples that
are at another case than the registry now says move to the right case; those that belong to
no case any more go back to quarantine.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter

from flexmeasures.data import db

from flexmeasures_pms.beliefs.provision import ensure_sensors_of, make_ready
from flexmeasures_pms.beliefs.resolve import without_asset
from flexmeasures_pms.beliefs.sensors import sensor_ids
from flexmeasures_pms.catalogue.limits import CLOCK_SKEW
from flexmeasures_pms.catalogue.recording import Policies, bands
from flexmeasures_pms.config import is_thinned, settings
from flexmeasures_pms.errors import Problem
from flexmeasures_pms.ingest.strays import (
    Stray,
    asset_pairs,
    boards_astray,
    cases_awaited,
    cases_of,
    strays,
    thaw_strays,
)
from flexmeasures_pms.registry.editing.writer import lock_registry
from flexmeasures_pms.registry.kinds import CASE
from flexmeasures_pms.registry.messages.message import CountText, Message, TrackableText, message
from flexmeasures_pms.storage.intake import quarantine
from flexmeasures_pms.storage.intake.quarantining import QuarantinedSample, keep
from flexmeasures_pms.storage.log.places import places_of
from flexmeasures_pms.storage.log.samples import SampleKey
from flexmeasures_pms.storage.log.values import BeliefValue
from flexmeasures_pms.storage.readings.blocks import Block
from flexmeasures_pms.storage.readings.newest import named
from flexmeasures_pms.storage.readings.taking import TakenFrom, take_out
from flexmeasures_pms.storage.readings.turns import rebuild, take_turns
from flexmeasures_pms.storage.readings.write import write
from flexmeasures_pms.wire.encode import pack_request

_BATCH = 1_000

_SENDER = "registry"
"""Of samples that go back to quarantine when their move was put off."""


@dataclass(slots=True)
class Moved:
    """The result of a re-attribution.

    :param beliefs: rows moved, by (old case, new case).
    :param samples: samples moved, likewise.
    :param returned: samples that went back to quarantine.
    :param left: samples that stay, in an asset that is not the organisation's, by case.
    :param put_off: boards with samples that stay until the asset of a case is made.
    """

    beliefs: dict[tuple[str, str], int] = field(default_factory=dict)
    samples: dict[tuple[str, str], int] = field(default_factory=dict)
    returned: int = 0
    left: dict[str, int] = field(default_factory=dict)
    put_off: set[int] = field(default_factory=set)

    def count(self, old: str, new: str, added: int) -> None:
        """Count one sample that moved, and its beliefs."""
        self.beliefs[old, new] = self.beliefs.get((old, new), 0) + added
        self.samples[old, new] = self.samples.get((old, new), 0) + 1

    def lines(self) -> Iterator[Message]:
        """Yield a sentence for each pair of cases, and one for what went to quarantine."""
        for (old, new), count in self.beliefs.items():
            yield message(
                "Moved {beliefs} of {samples} from {old} to {new}.",
                beliefs=CountText(count, "belief"),
                samples=CountText(self.samples[old, new], "sample"),
                old=TrackableText(CASE, old),
                new=TrackableText(CASE, new),
            )
        if self.returned:
            yield message(
                "Put {samples} back into quarantine: no case, or another reading came first.",
                samples=CountText(self.returned, "sample"),
            )
        for case, count in self.left.items():
            yield message(
                "Left {samples} of {case} where they are: its FlexMeasures asset is another "
                "organisation's now. Register it again, so that it gets a new one.",
                samples=CountText(count, "sample"),
                case=TrackableText(CASE, case),
            )


def follow(account_id: int, boards: Collection[int], *, sender: str) -> Moved:
    """Move the beliefs of boards to the right cases; the caller commits.

    Samples that go back to quarantine were acknowledged: they are kept, however full it is.
    What is in an asset that is not the organisation's any more stays there. What belongs to a
    case whose asset is not made yet stays for now: see :func:`follow_put_off`.

    :param sender: author of the change, for these samples.
    """
    moved = Moved()
    cases = cases_of(boards)
    if not cases:
        return moved
    until = datetime.now(UTC) + CLOCK_SKEW
    _make_sensors(account_id, boards)
    # All at once, and before the samples are listed: a request that stores one more has either
    # committed it, or will see the change.
    newest = take_turns(account_id, cases, until)
    thaw_strays(account_id, boards)
    known = {number: state.policies for number, state in newest.items()}
    for batch in _batches(_movable(strays(account_id, boards), moved)):
        _rehome(account_id, batch, moved, sender, until, known)
    rebuild(cases, until)
    return moved


def follow_put_off(account_id: int, boards: Collection[int]) -> Moved:
    """Move what a change of boards left where it was, in a transaction of its own.

    The assets of the cases are made first: to be called after the commit of the change.
    """
    astray = boards_astray(account_id, boards)
    if not astray:
        return Moved()
    if lacking := cases_awaited(account_id, astray):
        make_ready(account_id, lacking)
    # Nobody corrects these boards meanwhile.
    lock_registry(account_id)
    moved = follow(account_id, astray, sender=_SENDER)
    db.session.commit()
    return moved


def _movable(found: Iterable[Stray], moved: Moved) -> list[Stray]:
    """Return the samples that can be moved, and note those that can't."""
    known = list(found)
    occupied = _occupied(known)
    movable = []
    for stray in known:
        if stray.new_awaited or stray.new_id in occupied:
            moved.put_off.add(stray.board_id)
        elif stray.old_owned:
            movable.append(stray)
        elif stray.old_asset is not None:
            moved.left[stray.old] = moved.left.get(stray.old, 0) + 1
    return movable


def _occupied(found: Sequence[Stray]) -> set[int]:
    """Return the cases with samples that wait for an asset elsewhere: nothing moves there yet."""
    cases = {stray.old_id for stray in found if stray.new_awaited}
    while more := {stray.old_id for stray in found if stray.new_id in cases} - cases:
        cases |= more
    return cases


def _batches(found: Sequence[Stray]) -> Iterator[list[Stray]]:
    """Split strays (in order of time) into batches, never between samples of one moment.

    Two boards may have to change places: the readings of each must be removed before
    those of the other are written.
    """
    batch: list[Stray] = []
    for _, of_moment in groupby(found, key=attrgetter("time")):
        if len(batch) >= _BATCH:
            yield batch
            batch = []
        batch.extend(of_moment)
    if batch:
        yield batch


StoredValues = Mapping[str, BeliefValue]


def _rehome(
    account_id: int,
    batch: list[Stray],
    moved: Moved,
    sender: str,
    until: datetime,
    policies: Mapping[int, Policies],
) -> None:
    """Remove all samples from their old cases first, then write them to the right ones."""
    taken = _take(batch, until, policies)
    homeless = [s for s in batch if s in taken and not s.new_owned]
    going = [s for s in batch if s in taken and s.new_owned]
    written = write(
        account_id, _blocks(going, taken), settings().recording,
        until=until, thinned=is_thinned(), thaws=True,
    )  # fmt: skip
    for stray, result in zip(going, written, strict=True):
        if result.result == "conflict":
            homeless.append(stray)
        else:
            moved.count(stray.old, stray.new or "", result.beliefs)
    moved.returned += len(homeless)
    entries = [_entry(stray, taken[stray]) for stray in homeless]
    keep(account_id, entries, sender=sender, bounds=None)


def _take(
    batch: Sequence[Stray], until: datetime, policies: Mapping[int, Policies]
) -> dict[Stray, StoredValues]:
    """Remove the strays' samples and beliefs, and return their values by sensor name."""
    places, host, thinned = places_of(CASE), settings().recording, is_thinned()
    taken: dict[Stray, StoredValues] = {}
    by_case = attrgetter("old_id")
    for case, group in groupby(sorted(batch, key=by_case), key=by_case):
        by_key = {SampleKey(case, s.time, s.pms_id): s for s in group}
        asset = next(iter(by_key.values())).old_asset
        sensors = sensor_ids([asset])[asset] if asset is not None else {}
        on_change = bands(CASE, host, policies.get(case, ()), thinned=thinned)
        for one in take_out(TakenFrom(case, CASE, sensors, on_change, thinned), by_key):
            taken[by_key[one.key]] = named(one.readings, places)
    # The latest readings may be wrong where their samples were removed.
    rebuild({stray.old_id for stray in batch}, until)
    return taken


def _make_sensors(account_id: int, boards: Collection[int]) -> None:
    """Create the sensors that the new cases need: those that the old ones have.

    Sensors are made before things are locked.
    """
    lacking: dict[int, set[str]] = {}
    for old, new in asset_pairs(account_id, boards):
        ids = sensor_ids([old, new])
        lacking.setdefault(new, set()).update(ids[old].keys() - ids[new].keys())
    for asset_id in sorted(lacking):
        ensure_sensors_of(asset_id, CASE, sorted(lacking[asset_id]))


def _blocks(going: Sequence[Stray], taken: Mapping[Stray, StoredValues]) -> list[Block]:
    ids = sensor_ids({stray.new_asset or 0 for stray in going})
    return [
        Block(
            subject_id=stray.new_id or 0,
            device_id=stray.pms_id,
            source_id=stray.source_id,
            asset_type="case",
            time=stray.time,
            values=taken[stray],
            sensors=ids[stray.new_asset or 0],
            board_id=stray.board_id,
        )
        for stray in going
    ]


def _entry(stray: Stray, values: StoredValues) -> QuarantinedSample:
    plain = {name: float(value) for name, value in values.items()}
    text = pack_request(stray.pms, stray.board, stray.time, plain)
    return QuarantinedSample(
        "pms", "application/json", _problem(stray), stray.pms, stray.board, stray.time, text
    )


def _problem(stray: Stray) -> Problem:
    path = "datasets[0].data[0].pack.id"
    if stray.new is None:
        code = "unknown_pack"
        why = f"The board '{stray.board}' is in no case at that time in the registry now."
    elif not stray.new_owned:
        return without_asset(path, CASE, stray.new, awaited=stray.new_awaited)
    else:
        code = "conflict"
        why = f"Another reading of case '{stray.new}' at that time was stored first and is kept."
    return Problem(path, code, f"{why}{quarantine.WAITS}", stray.board)
