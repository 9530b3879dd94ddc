"""Re-attribution: beliefs move when a board's installation is corrected.

Only samples that were sent with a board's id can be attributed to the wrong case: they are
recorded (``pms_board_report``). After a change to a board's installations, its samples that
are at another case than the registry now says move to the right case; those that belong to
no case any more go back to quarantine.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter

from flexmeasures.data import db
from flexmeasures.data.models.data_sources import DataSource
from sqlalchemy import and_, func, select

from flexmeasures_pms.beliefs.provision import ensure_sensors_of
from flexmeasures_pms.beliefs.sensors import sensor_ids
from flexmeasures_pms.catalogue.limits import CLOCK_SKEW
from flexmeasures_pms.config import settings
from flexmeasures_pms.errors import Problem
from flexmeasures_pms.registry.kinds import CASE
from flexmeasures_pms.registry.messages.message import CountText, Message, TrackableText, message
from flexmeasures_pms.registry.tables import installation, trackable
from flexmeasures_pms.storage.intake import quarantine
from flexmeasures_pms.storage.intake.reports import BoardReport, drop_reports, keep_reports
from flexmeasures_pms.storage.readings import beliefs
from flexmeasures_pms.storage.readings.ahead import drop_ahead
from flexmeasures_pms.storage.readings.blocks import BeliefValue, Block
from flexmeasures_pms.storage.readings.late import withdraw
from flexmeasures_pms.storage.readings.rebuild import rebuild, take_turns
from flexmeasures_pms.storage.readings.streams import StreamQuery, load
from flexmeasures_pms.storage.readings.unwritten import bits_of, drop_repeats
from flexmeasures_pms.storage.readings.write import write
from flexmeasures_pms.storage.sources import reports_as_source
from flexmeasures_pms.storage.tables import board_report
from flexmeasures_pms.wire.encode import pack_request

_BATCH = 1_000


@dataclass(slots=True)
class Moved:
    """The result of a re-attribution.

    :param beliefs: rows moved, by (old case, new case).
    :param samples: samples moved, likewise.
    :param returned: samples that went back to quarantine.
    """

    beliefs: dict[tuple[str, str], int] = field(default_factory=dict)
    samples: dict[tuple[str, str], int] = field(default_factory=dict)
    returned: int = 0

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


@dataclass(frozen=True, slots=True)
class _Stray:
    """A stored sample that is at another case than the registry says."""

    board_id: int
    board: str
    time: datetime
    source_id: int
    pms: str
    pms_id: int | None
    old_id: int
    old: str
    old_asset: int | None
    new_id: int | None
    new: str | None
    new_asset: int | None


def follow(account_id: int, boards: Collection[int], *, sender: str) -> Moved:
    """Move the beliefs of boards to the right cases; the caller commits.

    Samples that go back to quarantine were acknowledged: they are kept, however full it is.

    :param sender: author of the change, for these samples.
    """
    moved = Moved()
    until = datetime.now(UTC) + CLOCK_SKEW
    strays = list(_strays(account_id, boards))
    for batch in _batches(strays):
        _rehome(account_id, batch, moved, sender, until)
    rebuild(_cases(strays), until)
    return moved


def _cases(strays: Sequence[_Stray]) -> set[int]:
    return {case for s in strays for case in (s.old_id, s.new_id) if case is not None}


def _batches(strays: Sequence[_Stray]) -> Iterator[list[_Stray]]:
    """Split strays (in order of time) into batches, never between samples of one moment.

    Two boards may have to change places: the readings of each must be removed before
    those of the other are written.
    """
    batch: list[_Stray] = []
    for _, of_moment in groupby(strays, key=attrgetter("time")):
        if len(batch) >= _BATCH:
            yield batch
            batch = []
        batch.extend(of_moment)
    if batch:
        yield batch


def _strays(account_id: int, boards: Collection[int]) -> Iterator[_Stray]:
    old, new, board, pms = (trackable.alias() for _ in range(4))
    report, place = board_report.c, installation.c
    holds = and_(
        place.part_id == report.board_id,
        place.slot == "acquisition-board",
        func.upper_inf(place.known),
        place.valid.contains(report.event_start),
    )
    query = (
        select(
            report.board_id, board.c.ident, report.event_start, report.source_id,
            func.coalesce(pms.c.ident, DataSource.name), pms.c.id,
            old.c.id, old.c.ident, old.c.asset_id, new.c.id, new.c.ident, new.c.asset_id,
        )
        .select_from(board_report)
        .join(board, board.c.id == report.board_id)
        .join(DataSource, DataSource.id == report.source_id)
        .outerjoin(pms, reports_as_source(pms))
        .join(old, old.c.id == report.case_id)
        .outerjoin(installation, holds)
        .outerjoin(new, new.c.id == place.assembly_id)
        .where(board.c.account_id == account_id, report.board_id.in_(boards))
        .where(place.assembly_id.is_distinct_from(report.case_id))
        .distinct(report.event_start, report.board_id, report.source_id)
        .order_by(report.event_start, report.board_id, report.source_id, pms.c.id)
    )  # fmt: skip
    return (_Stray(*row) for row in db.session.execute(query))


StoredValues = Mapping[str, BeliefValue]


def _rehome(
    account_id: int, strays: list[_Stray], moved: Moved, sender: str, until: datetime
) -> None:
    """Remove all samples from their old cases first, then write them to the right ones."""
    take_turns(account_id, _cases(strays), until)
    taken = _take(strays, until)
    homeless = [s for s in strays if s.new_asset is None]
    going = [s for s in strays if s.new_asset is not None]
    _make_sensors(going, taken)
    written = write(account_id, _blocks(going, taken), settings().recording, until=until)
    for stray, result in zip(going, written, strict=True):
        if result.result == "conflict":
            homeless.append(stray)
        else:
            moved.count(stray.old, stray.new or "", result.beliefs)
    gone = set(homeless)
    keep_reports(
        BoardReport(s.board_id, s.time, s.source_id, s.new_id or 0) for s in going if s not in gone
    )
    moved.returned += len(homeless)
    entries = [_entry(stray, taken[stray]) for stray in homeless]
    quarantine.keep(account_id, entries, sender=sender, bounds=None)


def _take(strays: Sequence[_Stray], until: datetime) -> dict[_Stray, StoredValues]:
    """Remove the strays' readings and reports, and return their values by sensor name."""
    taken: dict[_Stray, StoredValues] = {}
    by_origin = attrgetter("old_id", "source_id")
    for (case, source), group in groupby(sorted(strays, key=by_origin), key=by_origin):
        at = {stray.time: stray for stray in group}
        first = next(iter(at.values()))
        asset = first.old_asset
        sensors = sensor_ids([asset])[asset] if asset is not None else {}
        drop_ahead(case, first.pms_id or 0, at.keys())
        for time, values in _withdraw(case, source, sensors, at.keys()).items():
            taken[at[time]] = values
    drop_reports((stray.board_id, stray.time, stray.source_id) for stray in strays)
    # The latest readings may be wrong where their beliefs were removed.
    rebuild({stray.old_id for stray in strays}, until)
    return taken


def _withdraw(
    case: int, source: int, sensors: Mapping[str, int], times: Collection[datetime]
) -> dict[datetime, dict[str, BeliefValue]]:
    """Remove a case's readings of some moments; readings that relied on them stay."""
    bits = bits_of("case", sensors.keys())
    streams = load([StreamQuery(case, source, sensors, times, sensors.keys())], bits)
    taken, relied = withdraw(streams[case, source], sensors, times, bits)
    beliefs.take(times, source, sensors.values())
    drop_repeats(case, source, times)
    beliefs.copy_rows([[(time, sensors[name], source, value) for time, name, value in relied]])
    return taken


def _make_sensors(strays: Sequence[_Stray], taken: Mapping[_Stray, StoredValues]) -> None:
    """Create the sensors that the new cases need for these readings."""
    by_case = attrgetter("new_asset")
    for asset_id, group in groupby(sorted(strays, key=by_case), key=by_case):
        ensure_sensors_of(asset_id, "case", {name for stray in group for name in taken[stray]})


def _blocks(strays: Sequence[_Stray], taken: Mapping[_Stray, StoredValues]) -> list[Block]:
    ids = sensor_ids({stray.new_asset or 0 for stray in strays})
    return [
        Block(
            subject_id=stray.new_id or 0,
            device_id=stray.pms_id or 0,
            source_id=stray.source_id,
            asset_type="case",
            time=stray.time,
            values=taken[stray],
            sensors=ids[stray.new_asset or 0],
        )
        for stray in strays
    ]


def _entry(stray: _Stray, values: StoredValues) -> quarantine.QuarantinedSample:
    plain = {name: float(value) for name, value in values.items()}
    text = pack_request(stray.pms, stray.board, stray.time, plain)
    return quarantine.QuarantinedSample(
        "pms", "application/json", _problem(stray), stray.pms, stray.board, stray.time, text
    )


def _problem(stray: _Stray) -> Problem:
    if stray.new is None:
        code = "unknown_pack"
        why = f"The board '{stray.board}' is in no case at that time in the registry now."
    else:
        code = "conflict"
        why = f"Another reading of case '{stray.new}' at that time was stored first and is kept."
    return Problem("datasets[0].data[0].pack.id", code, f"{why}{quarantine.WAITS}", stray.board)
