"""Which cases were installed in a PMS in an hour, and which of them the log has samples of."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from flexmeasures_pms.beliefs.resolve import oldest
from flexmeasures_pms.registry.directory import Directory, Entry
from flexmeasures_pms.registry.queries.dock_stays import DockStay, dock_stays
from flexmeasures_pms.storage.log.hours import hours_with_samples

HOUR = timedelta(hours=1)
_WHOLE = 1 - 1e-6


@dataclass(frozen=True)
class CasesInHour:
    """The cases that were installed in a PMS in one hour.

    :param parts: for which part of the hour each was there, from 0 to 1; up to now.
    :param reported: those of which the PMS sent samples in that hour.
    :param elapsed: how much of the hour is over, from 0 to 1.
    """

    parts: Mapping[str, float]
    reported: Collection[str]
    elapsed: float = 1.0

    def expected(self, each: float, cases: Collection[str] | None = None) -> float:
        """Return how many samples are expected of all cases, or of some.

        One that was there for a part is expected to have sent no less than what fits in.

        :param each: samples of one case in a whole hour.
        """
        whole = self.elapsed * _WHOLE
        return sum(
            each * part if part >= whole else int(each * part + 1e-6)
            for case, part in self.parts.items()
            if cases is None or case in cases
        )

    def missing(self, each: float | None) -> tuple[str, ...]:
        """Return those that should have reported and did not, in order.

        :param each: samples of one case in a whole hour; None if it is not known.
        """
        silent = (case for case in self.parts if case not in self.reported)
        return tuple(
            sorted(c for c in silent if each is None or int(each * self.parts[c] + 1e-6) >= 1)
        )

    @cached_property
    def is_partial(self) -> bool:
        """Whether one of the cases that reported was there for a part of the hour only."""
        return any(self.parts[case] < self.elapsed * _WHOLE for case in self.reported)

    @cached_property
    def case_hours(self) -> float:
        """How many hours the cases that reported were there, all together."""
        return sum(self.parts[case] for case in self.reported)


def cases_in_hours(
    registered: Directory, pms: Entry, begin: datetime, end: datetime, now: datetime
) -> dict[datetime, CasesInHour]:
    """Return the cases of a PMS by hour; hours of which the log keeps no samples are left out.

    :param begin: of the first hour (UTC). The last one is the whole hour that ``end`` is in.
    """
    begin = max(begin, oldest())
    hours = max(0, -((begin - end) // HOUR))
    end = min(now, begin + hours * HOUR)
    stays = [
        stay for stay in dock_stays(registered, pms.id, begin, end) if not stay.case.asset_is_gone
    ]
    names = {stay.case.id: stay.case.ident for stay in stays}
    heard = hours_with_samples(names, pms.id, begin, end) if names else {}
    throughout = [s.case.ident for s in stays if s.begin == begin and s.end == end]
    others = [s for s in stays if s.begin != begin or s.end != end]
    found = {}
    for n in range(hours):
        hour = begin + n * HOUR
        elapsed = min(1.0, (now - hour) / HOUR)
        parts = dict.fromkeys(throughout, elapsed) | _parts(others, hour, min(hour + HOUR, now))
        reported = {name for i in heard.get(hour, ()) if (name := names[i]) in parts}
        found[hour] = CasesInHour(parts, reported, elapsed)
    return found


def _parts(stays: Sequence[DockStay], hour: datetime, end: datetime) -> dict[str, float]:
    parts: dict[str, float] = {}
    for stay in stays:
        if stay.begin < end and stay.end > hour:
            part = (min(stay.end, end) - max(stay.begin, hour)) / HOUR
            parts[stay.case.ident] = parts.get(stay.case.ident, 0.0) + part
    return parts
