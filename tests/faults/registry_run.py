"""The authors of a run: several in each organisation, by command and by form."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from faults.registry_authors import Commands, Forms, Notes
from faults.registry_checks import check_hopping, check_lookups, check_registry
from faults.registry_site import Site
from faults.registry_traffic import ChangingTraffic
from faults.registry_work import Author

COMMANDS = 2
FORMS = 1
RECOVERY = 3  # seconds after a server was started again
FINISHING = 90
LOOKUPS = 25


@dataclass
class Downtimes:
    """When a server was killed, and until when it may refuse requests for that.

    Times are those of :func:`time.monotonic`; what is not over yet has no end.
    """

    found: list[list[float]] = field(default_factory=list)

    def begin(self) -> list[float]:
        """Note that a server is being killed."""
        period = [time.monotonic(), float("inf")]
        self.found.append(period)
        return period

    @staticmethod
    def end(period: list[float]) -> None:
        """Note that it was started again."""
        period[1] = time.monotonic() + RECOVERY

    def touch(self, begin: float, end: float) -> bool:
        """Whether something was down at some time of a period."""
        return any(down < end and begin < up for down, up in [*self.found])


@dataclass
class Changes:
    """All changes of the registry in a run.

    :param notes: what happened to the authors.
    """

    sites: list[Site]
    authors: list[Author]
    notes: Notes
    stopping: threading.Event
    give_up: threading.Event
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        """Let all authors begin."""
        self._threads = [threading.Thread(target=a.run, daemon=True) for a in self.authors]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let each author finish what it does."""
        self.stopping.set()
        self._wait(self._threads)

    def finish(self) -> None:
        """Register all that is not registered yet, and complete what was cut off."""
        self._wait([threading.Thread(target=a.finish, daemon=True) for a in self.authors], new=True)
        for author in self.authors:
            author.way.complete()

    def _wait(self, threads: Sequence[threading.Thread], *, new: bool = False) -> None:
        for thread in threads if new else ():
            thread.start()
        deadline = time.monotonic() + FINISHING
        for thread in threads:
            thread.join(max(0, deadline - time.monotonic()))
        if any(thread.is_alive() for thread in threads):
            self.give_up.set()
            for thread in threads:
                thread.join(FINISHING)

    def differing(self, uri: str, docks: Mapping[tuple[int, str], int]) -> list[str]:
        """Return where the registry is not what was ordered, at the end or on the way.

        :param docks: where the newest readings of packs that move say that they are.
        """
        found = [line for author in self.authors for line in author.differs]
        found += [line for site in self.sites for line in check_registry(uri, site)]
        found += check_hopping(uri, docks)
        clerks = {a.site.account: a.way for a in self.authors if isinstance(a.way, Commands)}
        for site in self.sites:
            found += check_lookups(clerks[site.account], site, site.chance, LOOKUPS)
        return found

    @property
    def counts(self) -> Counter[str]:
        """Changes by kind."""
        return sum((site.counts for site in self.sites), Counter())


def make_changes(
    world: Any, traffics: Sequence[ChangingTraffic], seed: int, downtimes: Downtimes
) -> Changes:
    """Have authors for all organisations.

    :param world: the :class:`~faults.world.World`.
    """
    notes = Notes(downtimes.touch)
    stopping, give_up = threading.Event(), threading.Event()
    sites, authors = [], []
    for number, (account, traffic) in enumerate(zip(world.accounts, traffics, strict=True)):
        chance = random.Random(f"{seed} changes {number}")
        site = Site(number, account["id"], traffic, chance)
        sites.append(site)
        ways: list[Commands | Forms] = [
            Commands(world.authors_port, site.account, f"clerk-{n}", notes) for n in range(COMMANDS)
        ]
        ways += [
            Forms(world.port, tuple(account["cookie"]), f"user-{n}", notes) for n in range(FORMS)
        ]
        colleague = Commands(world.authors_port, site.account, "colleague", notes)
        for way in ways:
            own = random.Random(chance.random())
            authors.append(Author(site, way, colleague, world.uri, own, stopping, give_up))
    return Changes(sites, authors, notes, stopping, give_up)
