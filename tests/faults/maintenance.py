"""Maintenance, run all the time while everything breaks: days are folded, and thawed again."""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from faults.registry_authors import LOST, ask

_FOLDED = re.compile(r"folded (\d+)")
_PAUSE = 1.0
# Some days would take long to be free while boards are corrected all the time.
_BUSY = "lock timeout"
_WORDS = ["pms", "maintain", "--minutes", "1", "--json"]
_MOST_SHOWN = 400


@dataclass
class Maintenance:
    """Runs the command again and again, in a process that is killed now and then.

    :param folded: how many days of things were folded, as far as it was told.
    :param wrong: what it should never say.
    """

    port: int
    folded: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Maintain until told to stop, and once more then."""
        while not self.stopping.wait(_PAUSE):
            self._once()
        self._once()

    def _once(self) -> None:
        try:
            said = ask(self.port, _WORDS)
        except (OSError, ValueError):
            self.counts["maintenance broken"] += 1
            return
        printed = f"{said['printed']} {said['raised'] or ''}"
        steps = _steps(said["printed"])
        self.folded += sum(int(n) for step in steps for n in _FOLDED.findall(step["done"]))
        if said["code"] == 0:
            self.counts["maintenance"] += 1
        elif LOST.search(printed) or _BUSY in printed:
            self.counts["maintenance cut off"] += 1
        else:
            self.wrong.append(f"maintain: {printed[-_MOST_SHOWN:]}")


def _steps(printed: str) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = json.loads(printed.split("\n", maxsplit=1)[0])["steps"]
    except (ValueError, KeyError, TypeError):
        return []
    return found
