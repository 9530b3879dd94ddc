"""Whether the log has each belief of a gateway, and each reading that was not written.

It is asked in SQL, so that it relies on nothing of what fills the log.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flexmeasures.data import db

from flexmeasures_pms.storage.adoption.things import AdoptedThing
from flexmeasures_pms.storage.arrays import array

# OFFSET 0 has each sample looked up by the key: no statistics say yet how many there are.
_BELIEFS = """
    SELECT count(*) FILTER (WHERE d.device IS NOT NULL),
      count(*) FILTER (WHERE l.known <> b.event_value AND l.known <> 'NaN'),
      count(*) FILTER (WHERE d.device IS NOT NULL AND coalesce(l.known, 'NaN') = 'NaN'),
      count(*) FILTER (WHERE d.device IS NULL)
    FROM unnest(%(sensors)s::int[], %(places)s::int[]) AS k (sensor, place)
    CROSS JOIN LATERAL (
      SELECT event_start, source_id, event_value FROM timed_belief
      WHERE sensor_id = k.sensor AND event_start >= %(begin)s AND event_start < %(end)s
        AND belief_horizon = '0' AND cumulative_probability = 0.5 AND event_value <> 'NaN'
      OFFSET 0
    ) b
    JOIN unnest(%(sources)s::int[], %(devices)s::int[]) AS d (source, device)
      ON d.source = b.source_id
    LEFT JOIN LATERAL (
      SELECT readings[k.place + 1] AS known FROM pms_sample
      WHERE subject_id = %(subject)s AND event_time = b.event_start AND device_id = d.device
        AND event_time >= %(begin)s AND event_time < %(end)s
      OFFSET 0
    ) l ON true"""
_REPEATS = """
    SELECT count(*)
    FROM unnest(%(sources)s::int[], %(devices)s::int[]) AS d (source, device)
    JOIN pms_repeat r ON r.subject_id = %(subject)s AND r.source_id = d.source
      AND r.event_time >= %(begin)s AND r.event_time < %(end)s
    LEFT JOIN LATERAL (
      SELECT readings FROM pms_sample
      WHERE subject_id = %(subject)s AND event_time = r.event_time AND device_id = d.device
        AND event_time >= %(begin)s AND event_time < %(end)s
      OFFSET 0
    ) l ON true
    JOIN unnest(%(bits)s::int[], %(bit_places)s::int[]) AS b (bit, place)
      ON r.mask >> b.bit & 1 = 1
    WHERE d.device IS NOT NULL AND coalesce(l.readings[b.place + 1], 'NaN') = 'NaN'"""
_SAMPLES = """
    SELECT count(*) FROM pms_sample
    WHERE subject_id = %(subject)s AND event_time >= %(begin)s AND event_time < %(end)s"""


@dataclass(slots=True)
class Compared:
    """What the log has of what was stored before.

    :param beliefs: of gateways that are registered.
    :param differing: those for which the log has another value.
    :param lacking: those for which it has none.
    :param strange: beliefs of gateways that are not registered: these are not in the log.
    :param unknown: readings that were not written, and of which the log has nothing.
    :param samples: that the log has.
    """

    beliefs: int = 0
    differing: int = 0
    lacking: int = 0
    strange: int = 0
    unknown: int = 0
    samples: int = 0

    def add(self, other: Compared) -> None:
        """Add the counts of another part."""
        self.beliefs += other.beliefs
        self.differing += other.differing
        self.lacking += other.lacking
        self.strange += other.strange
        self.unknown += other.unknown
        self.samples += other.samples


def compare(thing: AdoptedThing, begin: datetime, end: datetime) -> Compared:
    """Compare the beliefs of a thing in a period with the log."""
    devices = ["NULL" if number is None else number for number in thing.devices.values()]
    values = {
        "subject": thing.id,
        "begin": begin,
        "end": end,
        "sensors": array(thing.places),
        "places": array(thing.places.values()),
        "sources": array(thing.devices),
        "devices": array(devices),
        "bits": array(thing.bits),
        "bit_places": array(thing.bits.values()),
    }
    cursor = db.session.connection().connection.cursor()
    found: list[int] = []
    for statement in (_BELIEFS, _REPEATS, _SAMPLES):
        cursor.execute(statement, values)
        found += cursor.fetchone()
    return Compared(*found)
