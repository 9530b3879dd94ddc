"""A PMS with the cases in the docks of its cabinets, and their health states."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.engine import Row

from flexmeasures_pms.catalogue.limits import SILENT_AFTER
from flexmeasures_pms.gateways.reading import ReadingScope, readable
from flexmeasures_pms.identifiers import key
from flexmeasures_pms.overview.docks import (
    CabinetSeen,
    Dock,
    Ehub,
    Occupant,
    Rack,
    UnknownPack,
)
from flexmeasures_pms.overview.packs import ShownPack, pack
from flexmeasures_pms.overview.rack_summary import scale, summary, worst_cells
from flexmeasures_pms.overview.states import (
    Finding,
    is_silent,
    retirement,
    with_retirement,
    worst_first,
)
from flexmeasures_pms.overview.unknown_packs import unknown_packs
from flexmeasures_pms.registry.directory import Directory, Entry, RegistryQuery
from flexmeasures_pms.registry.kinds import CASE, DEFAULT_DOCKS
from flexmeasures_pms.registry.timeline import SINCE_EVER, Installation
from flexmeasures_pms.storage.flapping import Flapping, flapping_now
from flexmeasures_pms.storage.queries.racks import reported_here
from flexmeasures_pms.storage.readings.latest import latest_of
from flexmeasures_pms.storage.readings.past import PastReading, readings_at

Ranges = list[tuple[Entry | None, range]]


@dataclass(frozen=True, slots=True)
class _Standing:
    """What is registered in a PMS at a moment, with its newest readings.

    :param ranges: its cabinets with their docks as counted across the PMS.
    :param rows: the cases in it with their docks.
    :param flapping: which of them are reported from several places.
    """

    registered: Directory
    pms: Entry
    now: datetime
    ranges: Ranges
    rows: tuple[tuple[Installation, int | None], ...]
    latest: Mapping[int, Row[Any] | PastReading]
    scope: ReadingScope | None
    flapping: Mapping[int, Flapping]


def rack(
    registered: Directory,
    pms: Entry,
    now: datetime,
    scope: ReadingScope | None = None,
    at: datetime | None = None,
) -> Rack:
    """Return a PMS with the newest readings of everything in it.

    :param pms: in this registry.
    :param scope: only readings that may be read with a key; None for all.
    :param at: a moment in the past: what was registered for it, as is believed now, and what had
        been read until then. Packs that are not registered there are not known then.
    """
    standing = _standing(registered, pms, at or now, scope, past=at is not None)
    now = standing.now
    occupants = tuple(_occupant(standing, row, dock) for row, dock in standing.rows)
    new, many_new = ((), 0) if at else unknown_packs(registered.account_id, key(pms.ident))
    visitors = () if at else tuple(_reported_here(standing))
    cabinets = tuple(_cabinets(standing, occupants, _present(new, now)))
    heard = [o for o in occupants if o.pack.time and not o.pack.silent]
    ehubs = [e for a in _assemblies(standing) if (e := _ehub(standing, a))]
    times = [*(o.pack.time for o in occupants), *(e.time for e in ehubs)]
    newest = max((time for time in times if time), default=None)
    powers = [o.pack.power for o in heard if o.pack.power is not None]
    return Rack(
        ident=pms.ident,
        asset_id=pms.asset_id,
        timezone=pms.timezone,
        newest=newest,
        registered=len(occupants),
        reporting=len(heard),
        power=sum(powers) if powers else None,
        # Where none reports, what the last readings show is drawn.
        scale=scale(heard) or scale([*occupants, *visitors]),
        cabinets=cabinets,
        undocked=tuple(o for o in occupants if o.dock is None),
        reported_here=visitors,
        unknown_packs=new,
        worst_cells=worst_cells(heard),
        findings=with_retirement(
            summary(occupants, ehubs, _of_new(new, many_new), visitors, newest, now),
            retirement(pms.retired_at, newest, now),
        ),
        at=at,
    )


def _of_new(new: Sequence[UnknownPack], many: int) -> Iterator[Finding]:
    """Yield what is told of the unknown packs of a PMS."""
    if new:
        yield Finding("unknown_pack", ident=new[0].ident, many=many)


def _standing(
    registered: Directory, pms: Entry, now: datetime, scope: ReadingScope | None, *, past: bool
) -> _Standing:
    registered.expect(RegistryQuery(numbers=[pms.id], parts=True))
    ranges = list(registered.dock_ranges(pms.id, now))
    rows = [(row, row.place) for row in _cases(registered, pms, now)]
    for cabinet, docks in ranges:
        if cabinet:
            rows += [
                (row, docks.start + (row.place or 1) - 1)
                for row in _cases(registered, cabinet, now)
            ]
    ids = [pms.id, *(c.id for c, _ in ranges if c), *(row.part_id for row, _ in rows)]
    if past:
        kinds = {number: registered.entry(number).kind for number in ids}
        then = readable(readings_at(kinds, now, now - SILENT_AFTER), scope)
        return _Standing(registered, pms, now, ranges, tuple(rows), then, scope, {})
    latest = readable(latest_of(ids), scope)
    flapping = _readable_flapping(latest, now, scope)
    return _Standing(registered, pms, now, ranges, tuple(rows), latest, scope, flapping)


def _readable_flapping(
    latest: Mapping[int, Row[Any]], now: datetime, scope: ReadingScope | None
) -> dict[int, Flapping]:
    """Return which packs flap; to a key, not where else and since when, outside its scope."""
    found = flapping_now(latest, now)
    if scope is None:
        return found
    periods = ((n, scope.period_at(n, latest[n].event_time)) for n in found)
    begins = {n: period[0] for n, period in periods if period}
    return {
        n: replace(found[n], since=max(found[n].since, begin), docks=())
        for n, begin in begins.items()
    }


def _cases(registered: Directory, assembly: Entry, now: datetime) -> Iterator[Installation]:
    for row in registered.parts_of(assembly.id, now):
        case = registered.entry(row.part_id)
        if case.kind == CASE and not case.asset_is_gone:
            yield row


def _occupant(standing: _Standing, row: Installation, dock: int | None) -> Occupant:
    seen = _pack(standing, standing.registered.entry(row.part_id))
    findings = list(seen.findings)
    moved_since = seen.time is None or seen.time < row.begin
    flaps = row.part_id in standing.flapping
    if not (moved_since or seen.silent or flaps):
        findings += _misplaced(standing.pms, seen, dock)
    since = None if row.begin == SINCE_EVER else row.begin
    return Occupant(seen, dock, since, worst_first(findings))


def _misplaced(pms: Entry, seen: ShownPack, dock: int | None) -> Iterator[Finding]:
    """Yield a finding if a pack reports from another PMS or dock than it is registered in."""
    if seen.source != pms.ident:
        yield Finding("wrong_place", numbers=_numbers(seen.dock), source=seen.source)
    elif seen.dock is not None and seen.dock != dock:
        yield Finding("wrong_place", numbers=_numbers(seen.dock))


def misplaced_now(
    registered: Directory, case: Entry, seen: ShownPack, now: datetime
) -> Iterator[Finding]:
    """Yield a finding if a pack that does not flap reports now from where it is not registered."""
    pms, row = registered.pms_of(case.id, now), registered.installed(case.id, now)
    if pms and row and seen.time and row.begin <= seen.time and not seen.silent:
        yield from _misplaced(pms, seen, registered.dock_across(case.id, now))


def _numbers(dock: int | None) -> tuple[int, ...]:
    return () if dock is None else (dock,)


def _pack(standing: _Standing, case: Entry, row: Row[Any] | PastReading | None = None) -> ShownPack:
    row = row or standing.latest.get(case.id)
    asset_id = case.asset_id
    if row is None:
        return pack(case.ident, asset_id, None, None, {}, standing.now)
    pms, device_id = standing.pms, row.device_id
    source = pms if device_id == pms.id else standing.registered.entry(device_id)
    return pack(
        case.ident,
        asset_id,
        row.event_time.astimezone(UTC),
        source.ident,
        row.readings,
        standing.now,
        standing.flapping.get(case.id),
    )


def _reported_here(standing: _Standing) -> Iterator[Occupant]:
    """Yield the packs that the PMS reported last and that are not registered in it.

    One that is retired is only yielded while it reports.
    """
    found = reported_here(standing.pms.id, [row.part_id for row, _ in standing.rows])
    scope = standing.scope
    found = [row for row in found if scope is None or scope.covers(row)]
    standing.registered.expect(RegistryQuery(numbers=[row.trackable_id for row in found]))
    for row in found:
        case = standing.registered.entry(row.trackable_id)
        if case.asset_is_gone:
            continue
        seen = _pack(standing, case, row)
        home = _home(standing, case)
        wrong = retirement(case.retired_at, seen.time, standing.now)
        if wrong is None:
            wrong = Finding("wrong_place", numbers=_numbers(seen.dock), source=standing.pms.ident)
        if wrong.code != "retired":
            yield Occupant(seen, seen.dock, None, worst_first([*seen.findings, wrong]), home)


def _home(standing: _Standing, case: Entry) -> str | None:
    """Return the id of what a case is in now, unless a key may not know it."""
    scope, now = standing.scope, standing.now
    place = standing.registered.place_of(case.id, now)
    if place is None or (scope and scope.period_at(case.id, now) is None):
        return None
    return standing.registered.entry(place.assembly_id).ident


def _present(new: Iterable[UnknownPack], now: datetime) -> dict[int, UnknownPack]:
    """Return the unknown packs that are reporting now, by dock."""
    return {
        one.dock: one
        for one in reversed(list(new))
        if one.dock is not None and one.time is not None and not is_silent(one.time, now)
    }


def _cabinets(
    standing: _Standing, occupants: Sequence[Occupant], new: Mapping[int, UnknownPack]
) -> Iterator[CabinetSeen]:
    by_dock = {o.dock: o for o in occupants if o.dock is not None}
    ranges = _with_the_rest(standing.ranges, max([*by_dock, *new], default=0))
    for position, (cabinet, numbers) in enumerate(ranges, 1):
        docks = tuple(Dock(n, own, by_dock.get(n), new.get(n)) for own, n in enumerate(numbers, 1))
        yield _cabinet(standing, position, cabinet, docks)


def _with_the_rest(ranges: Ranges, last: int) -> Ranges:
    """Return the cabinets, with nameless ones for docks without a registered cabinet."""
    ranges = list(ranges)
    while not ranges or ranges[-1][1].stop <= last:
        first = ranges[-1][1].stop if ranges else 1
        ranges.append((None, range(first, first + DEFAULT_DOCKS)))
    return ranges


def _cabinet(
    standing: _Standing, position: int, cabinet: Entry | None, docks: tuple[Dock, ...]
) -> CabinetSeen:
    ehub = _ehub(standing, cabinet) if cabinet else None
    if ehub is None and len(standing.ranges) <= 1:
        ehub = _ehub(standing, standing.pms)
    ident = cabinet.ident if cabinet else None
    return CabinetSeen(position, ident, docks, ehub)


def _assemblies(standing: _Standing) -> Iterator[Entry]:
    yield standing.pms
    yield from (cabinet for cabinet, _ in standing.ranges if cabinet)


def _ehub(standing: _Standing, assembly: Entry) -> Ehub | None:
    row = standing.latest.get(assembly.id)
    if row is None:
        return None
    time = row.event_time.astimezone(UTC)
    silent = is_silent(time, standing.now)
    connected = row.readings.get("bus connected")
    faults = (Finding("bus_fault", ident=assembly.ident),) if connected == 0 else ()
    temperature = row.readings.get("EHub temperature")
    return Ehub(time, temperature, silent, () if silent else faults)
