"""One organisation's changing part: what its authors share, and what the checker asks of it."""

from __future__ import annotations

import random
import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property

from faults import plant
from faults import registry_plan as plan
from faults.registry_late import Latecomer, latecomer_of
from faults.registry_plan import Group
from faults.registry_traffic import ChangingTraffic


@dataclass(frozen=True, slots=True)
class Discard:
    """Samples that an author discarded.

    :param rows: their numbers in quarantine.
    :param sent: when, by the clock of :func:`time.monotonic`.
    """

    rows: tuple[int, ...]
    sent: float
    acknowledged: float


@dataclass
class Site:
    """What is known of an organisation's changes.

    :param registered: latecomers whose registration was acknowledged.
    :param docks: what the spare cabinet was last said to have.
    :param discards: acknowledged ones.
    :param counts: acknowledged changes by kind.
    """

    number: int
    account: int
    traffic: ChangingTraffic
    chance: random.Random
    groups: list[Group] = field(init=False)
    lock: threading.Lock = field(default_factory=threading.Lock)
    details: threading.Lock = field(default_factory=threading.Lock)
    discarding: threading.Lock = field(default_factory=threading.Lock)
    colleague: threading.Lock = field(default_factory=threading.Lock)
    docks: int = plan.DOCKS[plan.SPARE_CABINET]
    discards: list[Discard] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    registered: set[int] = field(default_factory=set)
    _begun: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.groups = plan.groups(self.chance, datetime.now(UTC))

    def count(self, what: str) -> None:
        """Count a change that was acknowledged."""
        with self.lock:
            self.counts[what] += 1

    def take_latecomer(self) -> Latecomer | None:
        """Have an author register what is not registered yet, once its samples arrive."""
        with self.lock:
            waiting = set(range(self.traffic.latecomers)) - self._begun
            if not waiting:
                return None
            number = min(waiting)
            self._begun.add(number)
            return Latecomer(number)

    def take_group(self) -> Group | None:
        """Have an author change a group that nobody changes now; it has to be released."""
        with self.lock:
            order = self.chance.sample(self.groups, len(self.groups))
        for group in order:
            if group.lock.acquire(blocking=False):
                self._mark_busy(group)
                return group
        return None

    def release_group(self, group: Group) -> None:
        """Let others change a group, unless nobody can tell what their changes would do."""
        if group.kind == plan.BOARD:
            self.traffic.busy.remove(group.name)
        if not group.differs:
            group.lock.release()

    def _mark_busy(self, group: Group) -> None:
        if group.kind == plan.BOARD:
            self.traffic.busy.append(group.name)

    def take_boards(self) -> Group | None:
        """Have an author change a group of boards, likewise."""
        group = self.take_group()
        if group is not None and group.kind != plan.BOARD:
            self.release_group(group)
            return None
        return group

    # What the checker asks, when all is done

    @cached_property
    def _group_of(self) -> dict[str, Group]:
        return {part: group for group in self.groups for part in group.parts}

    def case_of(self, pack: str, at: datetime) -> str | None:
        """Which case a pack id means at a time, as the registry is said to be now."""
        if (late := latecomer_of(pack)) is not None:
            return late.case
        group = self._group_of.get(pack)
        if group is not None and group.kind == plan.BOARD:
            stay = group.model.where(pack, at)
            return stay.place if stay else None
        return None if pack in plan.BENCH else pack

    def board_of(self, pack: str) -> str | None:
        """Which board a pack id means, if any."""
        if (late := latecomer_of(pack)) is not None:
            return late.board
        return pack if pack.startswith("BOARD-") else None

    def changes(self, pack: str) -> bool:
        """Whether a pack is of the part that changes."""
        return pack in self._packs or latecomer_of(pack) is not None

    @cached_property
    def _packs(self) -> set[str]:
        cases = {case for g in plan.GROUPS for case in plan.CASES_OF[g]}
        return {*self._group_of, *cases, *plan.HOPPERS, *plan.BENCH}


def case_of(site: Site, pack: str, at: datetime) -> str | None:
    """Which case a pack id means in an organisation at a time."""
    if site.changes(pack):
        return site.case_of(pack, at)
    return plant.case_of(site.number, pack, at)


def is_changing_pms(ident: str) -> bool:
    """Whether a PMS is of the part that changes; it is registered in the end."""
    return ident == plan.PMS or latecomer_of(ident) is not None
