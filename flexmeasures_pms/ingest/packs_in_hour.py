"""Tell the packs of a PMS apart within an hour by a few bits, whichever docks they report.

A pack is known by the dock in which the hour found it, as registered: one that moves to
another dock stays one pack. What comes into the dock of a pack that was taken away counts
with it, as both together give the samples of one.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from zlib import crc32

from flexmeasures_pms.catalogue.quantities import HIGHEST_DOCK
from flexmeasures_pms.registry.directory import Directory, Entry
from flexmeasures_pms.wire.samples import Sample

_WITHOUT_DOCK = 62 - HIGHEST_DOCK
_MOMENT = timedelta(microseconds=1)


def start_of_hour(time: datetime) -> datetime:
    """Return the beginning of the hour of a time."""
    return time.replace(minute=0, second=0, microsecond=0)


def number_in_hour(sample: Sample, subject: Entry, device: Entry, registered: Directory) -> int:
    """Return a pack's number among those of its PMS and hour, 1 to 62; 0 for another device.

    Its first dock in the hour, or one of the 14 numbers beyond the docks if it had none.
    """
    if sample.pack_id is None or sample.time is None:
        return 0
    dock = _first_dock(subject, device, sample.time, registered) or sample.fields.get("pack.dock")
    if dock is None or dock > HIGHEST_DOCK:
        return HIGHEST_DOCK + 1 + crc32(subject.ident.encode()) % _WITHOUT_DOCK
    return int(dock)


def _first_dock(case: Entry, pms: Entry, time: datetime, registered: Directory) -> int | None:
    """Return the first dock that a case was in, in a PMS, since just before the hour began.

    Just before, so that a move by the first sample of an hour changes nothing afterwards.
    """
    before = start_of_hour(time) - _MOMENT
    for row in registered.by_part.get(case.id, ()):
        if row.end > before and row.begin <= time:
            found = registered.dock_in_pms(case.id, max(row.begin, before))
            if found is not None and found[0] == pms.id and found[1] is not None:
                return found[1]
    return None
