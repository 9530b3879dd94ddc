"""Lines in the log for refused keys, so few that a flood of requests does not fill the disk.

A line has the key's id, which is not secret, and nothing else of what was sent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic

from flask import current_app, request

MOST_LINES = 10
"""Lines of one process in a minute. One more says how many refusals had none."""
MOST_UNKNOWN_LINES = 5
"""Those of them for keys that do not exist: anybody can send these, and they must not hide
the line about a gateway's key."""
MINUTE = 60.0
_LONGEST_ADDRESS = 45

Refused = tuple[str, str | None, str]
"""Why, the key's id if it has one, and the address of the sender."""


@dataclass(slots=True)
class RefusalLog:
    """What was written in the present minute.

    :param write: writes a line.
    :param clock: one that nobody can set [s].
    """

    write: Callable[[str], None]
    clock: Callable[[], float] = monotonic
    _until: float = 0.0
    _written: set[Refused] = field(default_factory=set)
    _unknown: int = 0
    _unwritten: int = 0
    _lock: Lock = field(default_factory=Lock)

    def add(self, refused: Refused, *, known: bool) -> None:
        """Write a line for a refused key, unless this minute has it, or enough lines.

        :param known: whether there is a key of this id.
        """
        with self._lock:
            lines = self._lines(refused, known)
        for line in lines:
            self.write(line)

    def forget(self) -> None:
        """Begin a new minute, in which nothing has been refused yet."""
        with self._lock:
            self._until, self._unwritten = 0.0, 0

    def _lines(self, refused: Refused, known: bool) -> list[str]:
        lines = []
        if (now := self.clock()) >= self._until:
            if self._unwritten:
                lines.append(f"{self._unwritten} more requests with refused keys had no line.")
            self._until, self._unwritten, self._unknown = now + MINUTE, 0, 0
            self._written.clear()
        enough = len(self._written) >= MOST_LINES
        if refused in self._written or enough or not (known or self._unknown < MOST_UNKNOWN_LINES):
            self._unwritten += 1
            return lines
        self._written.add(refused)
        self._unknown += not known
        why, key_id, address = refused
        which = f"key {key_id}" if key_id else "no key id"
        return [*lines, f"A gateway's key was refused: {why} ({which}, from {address})."]


def _write(line: str) -> None:
    # In production FlexMeasures writes nothing below an error, unless it is told to.
    current_app.logger.error(line)


LOG = RefusalLog(_write)
"""That of this process."""


def note_refused(why: str, key_id: str | None, *, known: bool) -> None:
    """Log that the key of the current request was refused.

    :param why: in a few words.
    :param key_id: None if what was sent is not a key.
    :param known: whether there is a key of this id.
    """
    address = ascii(request.remote_addr or "an unknown address").strip("'")
    LOG.add((why, key_id, address[:_LONGEST_ADDRESS]), known=known)
