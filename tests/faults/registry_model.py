"""What was where, and since when: the harness's own bookkeeping of the registry.

It follows what the manual says of the commands and shares nothing with the registry. A stay
holds from its begin up to, not including, its end; the stays of a part never overlap, nor do
those in a place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

EVER = datetime.min.replace(tzinfo=UTC)
NEVER = datetime.max.replace(tzinfo=UTC)


class Refused(Exception):
    """The registry has to refuse such a change: no author makes it."""


@dataclass(frozen=True, slots=True)
class Stay:
    """A part in a place for a time.

    :param place: a case for boards; for cases a cabinet and its dock, as ``PMS-2-B/3``.
    """

    part: str
    place: str
    begin: datetime = EVER
    end: datetime = NEVER

    def overlaps(self, begin: datetime, end: datetime) -> bool:
        """Whether it holds for some of a time."""
        return self.begin < end and begin < self.end


Stays = tuple[Stay, ...]


def less(stays: Iterable[Stay], begin: datetime, end: datetime) -> Stays:
    """Take a time away from stays."""
    left: list[Stay] = []
    for stay in stays:
        if not stay.overlaps(begin, end):
            left.append(stay)
            continue
        left += [replace(stay, end=begin)] if stay.begin < begin else []
        left += [replace(stay, begin=end)] if end < stay.end else []
    return tuple(left)


def joined(stays: Iterable[Stay]) -> Stays:
    """Put stays in order, and make one of those in one place that follow each other."""
    result: list[Stay] = []
    for stay in sorted(stays, key=lambda s: s.begin):
        last = result[-1] if result else None
        if last and (last.end, last.place) == (stay.begin, stay.place):
            result[-1] = replace(last, end=stay.end)
        else:
            result.append(stay)
    return tuple(result)


def _next_begin(stays: Iterable[Stay], at: datetime) -> datetime:
    return min((s.begin for s in stays if s.begin > at), default=NEVER)


def _last_end(stays: Iterable[Stay], at: datetime) -> datetime:
    return max((s.end for s in stays if s.end < at), default=EVER)


@dataclass(frozen=True)
class Model:
    """Where the parts of a group are, were and will be. Each change makes another one."""

    stays: Mapping[str, Stays] = field(default_factory=dict)
    retired: Mapping[str, datetime] = field(default_factory=dict)

    def usable_until(self, part: str) -> datetime:
        """Return from when on a part is installed nowhere."""
        return self.retired.get(part, NEVER)

    def of(self, part: str) -> Stays:
        """Return where a part was, in order of time."""
        return self.stays.get(part, ())

    def where(self, part: str, at: datetime) -> Stay | None:
        """Return where a part is at a time."""
        return next((s for s in self.of(part) if s.begin <= at < s.end), None)

    def others(self, place: str, part: str) -> Stays:
        """Return the stays of other parts in a place."""
        found = (s for stays in self.stays.values() for s in stays)
        return tuple(s for s in found if s.place == place and s.part != part)

    def holder(self, place: str, part: str, at: datetime) -> Stay | None:
        """Return which other part is in a place at a time."""
        return next((s for s in self.others(place, part) if s.begin <= at < s.end), None)

    def _with(self, changed: Mapping[str, Iterable[Stay]]) -> Model:
        stays = {part: joined(stays) for part, stays in changed.items()}
        return Model({**self.stays, **stays}, self.retired)

    def install(self, part: str, place: str, at: datetime) -> Model:
        """Put a part in a free place, until the next thing that is known of part or place."""
        held = self.where(part, at)
        if held and held.place == place:
            return self
        if self.holder(place, part, at) or self.usable_until(part) <= at:
            raise Refused
        others = self.others(place, part)
        end = min(_next_begin(self.of(part), at), _next_begin(others, at))
        end = min(end, self.usable_until(part), held.end if held else NEVER)
        return self._with({part: [*less(self.of(part), at, end), Stay(part, place, at, end)]})

    def remove(self, part: str, at: datetime) -> Model:
        """Take a part out of where it is at a time."""
        held = self.where(part, at)
        return self._with({part: less(self.of(part), at, held.end)}) if held else self

    def retire(self, part: str, at: datetime) -> Model:
        """Take a part out of use from a time on: it is nowhere from then."""
        if part in self.retired:
            raise Refused
        gone = self._with({part: less(self.of(part), at, NEVER)})
        return replace(gone, retired={**self.retired, part: at})

    def revive(self, part: str) -> Model:
        """Let a part be in use again."""
        if part not in self.retired:
            raise Refused
        others = {other: at for other, at in self.retired.items() if other != part}
        return replace(self, retired=others)

    def swap(self, old: str, new: str, at: datetime) -> Model:
        """Put a part in the place of another."""
        held = self.where(old, at)
        if held is None or old == new or self.usable_until(new) <= at:
            raise Refused
        others = [s for s in self.others(held.place, new) if s.part != old]
        end = min(held.end, _next_begin(self.of(new), at), _next_begin(others, at))
        end = min(end, self.usable_until(new))
        put = Stay(new, held.place, at, end)
        return self._with(
            {old: less(self.of(old), at, held.end), new: [*less(self.of(new), at, end), put]}
        )

    def correct(
        self, part: str, place: str | None, since: datetime | None, until: datetime | None
    ) -> Model:
        """Say where a part really was; neighbours give way, or follow."""
        if not self.of(part):
            raise Refused
        meant = self._meant(part, place, since, until)
        begin, end = since or meant.begin, until or meant.end
        if begin >= end or end > self.usable_until(part):
            raise Refused
        new = Stay(part, place or meant.place, begin, end)
        changed: dict[str, Stays] = {part: self.of(part)}
        if new.place == meant.place:
            changed[part] = tuple(s for s in self.of(part) if s != meant)
            self._let_follow(meant, new, changed)
        changed[part] = (*less(changed[part], begin, end), new)
        for other in {s.part for s in self.others(new.place, part)}:
            stays = changed.get(other, self.of(other))
            here = [s for s in stays if s.place == new.place]
            elsewhere = [s for s in stays if s.place != new.place]
            changed[other] = (*elsewhere, *less(here, begin, end))
        return self._with(changed)

    def _meant(
        self, part: str, place: str | None, since: datetime | None, until: datetime | None
    ) -> Stay:
        """Which stay is corrected: the nearest one there, or the one at that time, or the last."""
        stays = self.of(part)
        there = [s for s in stays if s.place == place]
        if not there:
            at_that_time = [s for s in stays if since and s.begin <= since < s.end]
            return at_that_time[0] if place and at_that_time else stays[-1]
        there = [s for s in there if s.overlaps(since or EVER, until or NEVER)] or there

        def distance(stay: Stay) -> tuple[timedelta, timedelta]:
            apart = abs(stay.begin - since) / 2 if since else timedelta(0)
            apart += abs(stay.end - until) / 2 if until else timedelta(0)
            return apart, -(stay.begin - stays[0].begin)

        return min(there, key=distance)

    def _let_follow(self, meant: Stay, new: Stay, changed: dict[str, Stays]) -> None:
        """Extend what adjoined a stay over the time that its correction gives back."""
        own = [s for s in self.of(meant.part) if s != meant]
        for stay in (*own, *self.others(meant.place, meant.part)):
            limits = [s for s in self.of(stay.part) if s not in (stay, meant)]
            limits += [s for s in self.others(stay.place, stay.part) if s != meant]
            begin, end = stay.begin, stay.end
            if stay.end == meant.begin < new.begin:
                end = min(new.begin, _next_begin(limits, stay.begin))
                end = min(end, self.usable_until(stay.part))
            if stay.begin == meant.end > new.end:
                begin = max(new.end, _last_end(limits, stay.end))
            if (begin, end) != (stay.begin, stay.end):
                held = changed.get(stay.part, self.of(stay.part))
                kept = less((s for s in held if s != stay), begin, end)
                changed[stay.part] = (*kept, replace(stay, begin=begin, end=end))
