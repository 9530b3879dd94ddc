"""Readings that are not newer than all others: compared with what the log has around them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from flexmeasures_pms.catalogue.recording import Bands
from flexmeasures_pms.storage.log import samples
from flexmeasures_pms.storage.log.places import Places
from flexmeasures_pms.storage.log.quarters import (
    LAST_PLACE,
    ORIGIN,
    QUARTER,
    SampleStream,
    mark,
    quarter_of,
    suffices,
)
from flexmeasures_pms.storage.log.samples import LoggedSample, Window
from flexmeasures_pms.storage.log.values import NONE, BeliefValue, same
from flexmeasures_pms.storage.readings.blocks import (
    BeliefRows,
    Block,
    Written,
    new_readings,
)
from flexmeasures_pms.storage.readings.folded import known_in_folded

_FEW = 200

StreamKey = tuple[int, int]
"""(subject, device)."""


def stream_of(block: Block) -> StreamKey:
    """Return the stream that a block belongs to."""
    return block.subject_id, block.device_id


def load(
    late: Collection[Block],
    places: Mapping[str, Places],
    bands: Mapping[int, Bands],
    step: timedelta = QUARTER,
    *,
    thaws: bool = False,
) -> dict[StreamKey, SampleStream]:
    """Return what the log has around late blocks.

    :param places: by asset type.
    :param bands: deadbands by subject.
    :param step: what takes the place of a quarter of an hour.
    :param thaws: thaw folded days that blocks add to.
    :raises ToThaw: if there are such days otherwise.
    """
    known = known_in_folded(late, places, thaws=thaws)
    by_stream: dict[StreamKey, list[Block]] = {}
    for block in late:
        if block.key not in known:
            by_stream.setdefault(stream_of(block), []).append(block)
    alone = {key: found[0] for key, found in by_stream.items() if len(found) == 1}
    near = samples.around([block.key for block in alone.values()], step, ORIGIN)
    streams = _streams(alone, near, step)
    many = [key for key, found in by_stream.items() if len(found) > 1]
    many += [key for key, b in alone.items() if not _suffices(streams[key], b, places, bands)]
    windows = [w for key in many for w in _windows(key, {b.time for b in by_stream[key]}, step)]
    streams |= _streams(many, samples.between(windows), step)
    for key, stream in streams.items():
        _fill_up(stream, len(places[by_stream[key][0].asset_type]))
    for sample in known.values():
        stream_key = sample.key.subject_id, sample.key.device_id
        streams.setdefault(stream_key, SampleStream(step=step)).put(sample)
    return streams


def _suffices(
    stream: SampleStream, block: Block, places: Mapping[str, Places], bands: Mapping[int, Bands]
) -> bool:
    of_type, of_subject = places[block.asset_type], bands[block.subject_id]
    _fill_up(stream, len(of_type))
    on_change = {of_type[name]: band for name, band in of_subject.items() if name in block.values}
    return suffices(stream, block.time, map(of_type.__getitem__, block.values), on_change)


def _streams(
    keys: Iterable[StreamKey], found: Iterable[LoggedSample], step: timedelta
) -> dict[StreamKey, SampleStream]:
    streams = {key: SampleStream(step=step) for key in keys}
    for sample in found:
        streams[sample.key.subject_id, sample.key.device_id].samples.append(sample)
    return streams


def _fill_up(stream: SampleStream, length: int) -> None:
    """Give samples places that came later than they."""
    for sample in stream.samples:
        sample.readings += [NONE] * (length - len(sample.readings))


def _windows(key: StreamKey, times: Iterable[datetime], step: timedelta) -> Iterable[Window]:
    """Yield the quarters of some times, those that follow each other as one."""
    begin = end = None
    for quarter in sorted({quarter_of(time, step) for time in times}):
        if end != quarter:
            if begin is not None and end is not None:
                yield Window(*key, begin, end)
            begin = quarter
        end = quarter + step
    if begin is not None and end is not None:
        yield Window(*key, begin, end)


def record_late(
    block: Block,
    bands: Bands,
    stream: SampleStream,
    places: Places,
    rows: BeliefRows,
    *,
    whole: bool = False,
) -> Written:
    """Add a block to a stream, and to the rows what is to be written of it and of what follows.

    :param bands: deadband by sensor name, of what is recorded on change.
    :param whole: write each of its readings, also those that repeat.
    """
    sample = stream.find(block.time)
    if sample is None:
        empty = [NONE] * len(places)
        sample = LoggedSample(block.key, block.source_id, block.board_id, 0, list(empty))
        stream.put(sample)
        new: Mapping[str, BeliefValue] = block.values
    else:
        found = new_readings(block, sample, places)
        if isinstance(found, Written):
            return found
        new = found
        sample.board_id = block.board_id if sample.board_id is None else sample.board_id
    stream.changed[sample.key] = sample
    before = len(rows)
    # Most often nothing repeats: to look for what follows took half the time of a late request.
    # Of many samples, as of a file, it is not worth a look at all of them for each.
    repeats = len(stream.samples) > _FEW or any(other.repeats for other in stream.samples)
    for name, value in new.items():
        band = None if whole else bands.get(name)
        if band is None and not repeats:
            sample.readings[places[name]] = value
            rows.append((block.time, block.sensors[name], block.source_id, value))
        else:
            _record(block, sample, (name, places[name]), value, band, stream, rows)
    return Written("stored", len(rows) - before)


def _record(
    block: Block,
    sample: LoggedSample,
    sensor: tuple[str, int],
    value: BeliefValue,
    band: Decimal | None,
    stream: SampleStream,
    rows: BeliefRows,
) -> None:
    name, place = sensor
    sample.readings[place] = value
    if band is not None and place <= LAST_PLACE:
        last = stream.written_before(block.time, place)
        if last is not None and same(value, last, band):
            sample.repeats |= mark(place, value, last)
            return
    number, source = block.sensors[name], block.source_id
    rows.append((block.time, number, source, value))
    following = stream.write_following(block.time, place, value, band or Decimal(0))
    rows += [(time, number, source, reading) for time, reading in following]


def leave(
    subject: StreamKey,
    times: Iterable[datetime],
    bands: Bands,
    places: Places,
    step: timedelta = QUARTER,
) -> tuple[SampleStream, list[tuple[datetime, str, BeliefValue]]]:
    """Return what is left of a stream after samples of some times were taken from it.

    :param step: what takes the place of a quarter of an hour.
    :returns: the stream, and the readings that have to be written now, since what they repeated
        is gone: (time, sensor name, value).
    """
    wanted = sorted(times)
    names: Sequence[str] = tuple(places)
    found = samples.between([*_windows(subject, wanted, step)])
    stream = _streams([subject], found, step)[subject]
    left = {quarter_of(sample.key.time, step) for sample in found}
    moments = [time for time in wanted if quarter_of(time, step) in left]
    _fill_up(stream, len(places))
    rows = []
    for name in names:
        place, band = places[name], bands.get(name, Decimal(0))
        for time in moments:
            last = stream.written_before(time, place)
            following = stream.write_following(time, place, last, band)
            rows += [(moment, name, value) for moment, value in following]
    return stream, rows
