"""The readings that were the latest of things at a moment in the past."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from math import isnan
from typing import NamedTuple

from flexmeasures_pms.storage.log.last_before import last_before
from flexmeasures_pms.storage.log.places import places_of


class PastReading(NamedTuple):
    """What was the latest reading of a thing, with the names of the latest now.

    :param readings: value by sensor name.
    """

    trackable_id: int
    event_time: datetime
    device_id: int
    readings: Mapping[str, float]


def readings_at(kinds: Mapping[int, str], at: datetime, since: datetime) -> dict[int, PastReading]:
    """Return the last sample of each thing at or before a moment, of those that have one.

    :param kinds: of the things, by their number.
    :param since: of samples before that no readings are returned.
    """
    places = {kind: places_of(kind) for kind in set(kinds.values())}
    most = max((len(some) for some in places.values()), default=0)
    return {
        number: PastReading(
            number,
            last.time,
            last.device_id,
            {
                name: value
                for name, place in places[kinds[number]].items()
                if place < len(last.readings) and not isnan(value := last.readings[place])
            },
        )
        for number, last in last_before(list(kinds), at, since, range(most)).items()
    }
