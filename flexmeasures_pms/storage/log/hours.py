"""The hours in which things have samples, looked up by the index, however many there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta

import numpy as np
from flexmeasures.data import db

from flexmeasures_pms.storage.arrays import array
from flexmeasures_pms.storage.log.clock import EPOCH, begin_of, day_of

_MS = timedelta(milliseconds=1)

# In one statement: a day that is folded meanwhile would be in neither. LIMIT makes PostgreSQL look
# up each hour instead of reading all samples.
_HOURS = """
    SELECT c.id, h.hour, NULL::date, NULL::bytea
    FROM unnest(%(things)s::int[]) AS c (id)
    CROSS JOIN generate_series(%(begin)s, %(end)s - interval '1 ms', interval '1 hour') AS h (hour)
    CROSS JOIN LATERAL (
      SELECT FROM pms_sample
      WHERE subject_id = c.id AND event_time >= h.hour
        AND event_time < h.hour + interval '1 hour' AND device_id = %(device)s
      ORDER BY event_time LIMIT 1
    ) s
    UNION ALL
    SELECT subject_id, NULL, day, begins FROM pms_level
    WHERE subject_id = ANY (%(things)s::int[]) AND minutes = 60 AND device_id = %(device)s
      AND day BETWEEN %(first)s AND %(last)s"""


def hours_with_samples(
    subject_ids: Collection[int], device_id: int, begin: datetime, end: datetime
) -> dict[datetime, set[int]]:
    """Return which things have samples by a device, by the beginning of the hour (UTC).

    :param begin: of the first hour; also hours before and after the period may be returned.
    """
    cursor = db.session.connection().connection.cursor()
    days = {"first": day_of(begin), "last": day_of(end - _MS)}
    period = {"begin": begin, "end": end}
    cursor.execute(_HOURS, {"things": array(subject_ids), "device": device_id} | period | days)
    found: dict[datetime, set[int]] = defaultdict(set)
    for subject, hour, day, begins in cursor:
        if day is None:
            found[hour].add(subject)
            continue
        for ms in np.frombuffer(begins, dtype="<i4").tolist():
            found[EPOCH + (begin_of(day) + ms) * _MS].add(subject)
    return found
