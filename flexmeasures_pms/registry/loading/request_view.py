"""What is held of a registry for one request, and how more of it is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from flexmeasures_pms import identifiers
from flexmeasures_pms.registry.directory import Entry, Name
from flexmeasures_pms.registry.loading import cache, rows
from flexmeasures_pms.registry.loading.cache import CacheKey, Fact, KnownName
from flexmeasures_pms.registry.loading.rows import KnownTrackable
from flexmeasures_pms.registry.lookups import ComputedLookup, Lookup, V
from flexmeasures_pms.registry.timeline import Rows


@dataclass(slots=True)
class Missing:
    """What has to be read: ids, trackables, and what is in assemblies."""

    names: set[Name] = field(default_factory=set)
    things: set[int] = field(default_factory=set)
    inside: set[int] = field(default_factory=set)

    def __bool__(self) -> bool:
        """Whether anything has to be read."""
        return bool(self.names or self.things or self.inside)


@dataclass(slots=True)
class RequestView:
    """What is held of a registry: None for what does not exist.

    :param version: at which all of it is so.
    :param shared: whether what the process remembers may be used.
    :param known_at: when it was believed; None for now.
    :param fresh: what was read, for the process to remember.
    """

    account_id: int
    version: int | None
    shared: bool = True
    known_at: datetime | None = None
    names: dict[Name, int | None] = field(default_factory=dict)
    things: dict[int, KnownTrackable | None] = field(default_factory=dict)
    assembled: dict[int, Rows] = field(default_factory=dict)
    fresh: dict[CacheKey, Fact] = field(default_factory=dict)

    def assets(self) -> set[int]:
        """Return the FlexMeasures assets of all that is held."""
        entries = (thing.entry for thing in self.things.values() if thing)
        return {entry.asset_id for entry in entries if entry.asset_id is not None}

    def recall_number(self, name: Name) -> int | None:
        """Return the number that an id is known to have; None where that is not known."""
        if name not in self.names:
            fact = self._recall((self.account_id, "name", name))
            if isinstance(fact, KnownName) and (fact.number or fact.version == self.version):
                self.names[name] = fact.number
        return self.names.get(name)

    def number(self, name: Name, missing: Missing) -> int | None:
        """Return the number that an id has, or None, where it may be missing."""
        number = self.recall_number(name)
        if name not in self.names:
            if identifiers.fault(name[1]):  # nothing has such an id
                self.names[name] = None
            else:
                missing.names.add(name)
        return number

    def thing(self, number: int, missing: Missing) -> KnownTrackable | None:
        """Return a trackable, or None, where it may be missing."""
        if number not in self.things:
            fact = self._recall((self.account_id, "thing", number))
            if not isinstance(fact, KnownTrackable):
                missing.things.add(number)
                return None
            self.things[number] = fact
        return self.things[number]

    def inside(self, number: int, missing: Missing) -> Rows:
        """Return what was in an assembly, or nothing, where it may be missing."""
        if number not in self.assembled:
            fact = self._recall((self.account_id, "inside", number))
            if not isinstance(fact, tuple):
                missing.inside.add(number)
                return ()
            self.assembled[number] = fact
        return self.assembled[number]

    def _recall(self, key: CacheKey) -> Fact | None:
        if not self.shared or cache.version_of(self.account_id) != self.version:
            return None
        return cache.recall(key)

    def read(self, missing: Missing) -> None:
        """Read what is missing, in one statement of each sort."""
        account_id, known_at = self.account_id, self.known_at
        if missing.names:
            numbers = rows.numbers(account_id, missing.names, known_at)
            for name in missing.names:
                self.names[name] = number = numbers.get(name)
                self.fresh[account_id, "name", name] = KnownName(number, self.version or 0)
        if missing.things:
            things = rows.things(account_id, missing.things, known_at)
            for n in missing.things:
                self.things[n] = things.get(n)
            self.fresh |= {(account_id, "thing", n): thing for n, thing in things.items()}
        if missing.inside:
            inside = rows.inside(account_id, missing.inside, known_at)
            self.assembled |= inside
            self.fresh |= {(account_id, "inside", n): parts for n, parts in inside.items()}


Lookups = tuple[
    Lookup[int, Entry],
    Lookup[Name, int],
    Lookup[int, tuple[str, ...]],
    Lookup[int, Rows],
    Lookup[int, Rows],
]


def lookups(view: RequestView) -> Lookups:
    """Return the entries, names, aliases, and installations by part and by assembly.

    What is in an assembly is read together with all that is in it: who asks for the one
    asks for the others next.
    """

    def thing(number: int) -> KnownTrackable | None:
        known = view.things.get(number)
        if known is not None:
            return known
        return _read_until_found(view, lambda missing: view.thing(number, missing))

    def entry(number: int) -> Entry | None:
        found = thing(number)
        return found.entry if found else None

    def installations(number: int) -> Rows | None:
        found = thing(number)
        return found.rows if found else None

    def name(asked: Name) -> int | None:
        known = view.names.get(asked)
        if known is not None:
            return known
        return _read_until_found(view, lambda missing: view.number(asked, missing))

    known: dict[int, tuple[str, ...]] = {}

    def aliases(number: int) -> tuple[str, ...] | None:
        if number not in known:
            known[number] = rows.aliases(view.account_id, number, view.known_at)
        return known[number]

    return (
        ComputedLookup(entry),
        ComputedLookup(name),
        ComputedLookup(aliases),
        ComputedLookup(installations),
        ComputedLookup(_insides(view)),
    )


def _insides(view: RequestView) -> Callable[[int], Rows]:
    """Return what looks up what is in an assembly, and reads all of that at once."""
    known: dict[int, Rows] = {}

    def inside(number: int) -> Rows:
        if number not in known:
            found = _read_until_found(view, lambda missing: with_parts(view, number, missing))
            known[number] = found
        return known[number]

    return inside


def with_parts(view: RequestView, number: int, missing: Missing) -> Rows:
    """Return what was in an assembly, and see that all of that is there too."""
    installed = view.inside(number, missing)
    for row in installed:
        view.thing(row.part_id, missing)
    return installed


def _read_until_found(view: RequestView, ask: Callable[[Missing], V]) -> V:
    while True:
        missing = Missing()
        found = ask(missing)
        if not missing:
            return found
        view.read(missing)
