"""Looking at the latest readings all the time: they must never move backwards."""

from __future__ import annotations

import threading
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime

import psycopg2
from faults import registry_plan as plan

EVERY = 0.2
# Not of cases whose boards change: a correction may take their latest reading away.
_LATEST = """
    SELECT l.trackable_id, l.event_time FROM pms_latest l
      JOIN pms_trackable t ON t.id = l.trackable_id
    WHERE NOT t.ident = ANY (%s)"""
_CHANGING = [case for group in plan.GROUPS for case in plan.CASES_OF[group]]


@dataclass
class Watcher:
    """Reads the time of each latest reading, again and again.

    :param looks: how often it could.
    :param backwards: what should not be.
    """

    uri: str
    looks: int = 0
    backwards: list[str] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)
    _seen: dict[int, datetime] = field(default_factory=dict)

    def run(self) -> None:
        """Look until told to stop. PostgreSQL may be away meanwhile."""
        while not self.stopping.wait(EVERY):
            try:
                self._look()
            except psycopg2.Error:
                continue

    def _look(self) -> None:
        with closing(psycopg2.connect(self.uri)) as connection, connection.cursor() as cursor:
            cursor.execute(_LATEST, (_CHANGING,))
            for number, time in cursor.fetchall():
                before = self._seen.get(number, time)
                if time < before:
                    self.backwards.append(f"latest of {number}: {before} and then {time}")
                self._seen[number] = time
        self.looks += 1
