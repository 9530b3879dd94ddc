"""Hold the registry against what was ordered: what is believed now, and what was at a time."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from operator import attrgetter
from typing import Any

import psycopg2
from faults import registry_plan as plan
from faults.plant import START
from faults.registry_authors import Commands
from faults.registry_model import EVER, NEVER, Stay, Stays, joined
from faults.registry_plan import Group
from faults.registry_site import Site
from faults.rows import rows

# Between two changes, far enough from both for any clock.
APART = timedelta(milliseconds=20)

_INSTALLED = """
    SELECT p.ident, a.ident, a.kind, i.place, lower(i.valid), upper(i.valid),
      lower(i.known), upper(i.known)
    FROM pms_installation i
      JOIN pms_trackable p ON p.id = i.part_id JOIN pms_trackable a ON a.id = i.assembly_id
    WHERE i.account_id = %s AND p.ident = ANY (%s)"""
_NOW = f"{_INSTALLED} AND upper_inf(i.known)"
_STRANGE = """
    SELECT i.id, i.account_id, p.account_id, a.account_id FROM pms_installation i
      JOIN pms_trackable p ON p.id = i.part_id JOIN pms_trackable a ON a.id = i.assembly_id
    WHERE p.account_id <> i.account_id OR a.account_id <> i.account_id"""
_DOCKS = "SELECT docks FROM pms_trackable WHERE account_id = %s AND ident = %s"


@dataclass(frozen=True, slots=True)
class Believed:
    """A stay, and when it was believed."""

    stay: Stay
    begin: datetime
    end: datetime


def believed(uri: str, account: int, parts: Collection[str]) -> dict[str, Stays]:
    """Return where parts are believed to be now."""
    with closing(psycopg2.connect(uri)) as connection:
        found = [_believed(row) for row in rows(connection, _NOW, account, list(parts))]
    return _stays(found, parts)


def _believed(row: Sequence[Any]) -> Believed:
    part, assembly, kind, place, begin, end, known, until = row
    where = assembly if kind == plan.CASE else f"{assembly}/{place}"
    stay = Stay(part, where, _utc(begin) or EVER, _utc(end) or NEVER)
    return Believed(stay, _utc(known) or EVER, _utc(until) or NEVER)


def _utc(at: datetime | None) -> datetime | None:
    return at.astimezone(UTC) if at else None


def _stays(found: Collection[Believed], parts: Collection[str]) -> dict[str, Stays]:
    of: dict[str, list[Stay]] = defaultdict(list)
    for one in found:
        of[one.stay.part].append(one.stay)
    return {part: joined(of[part]) for part in parts}


def check_registry(uri: str, site: Site) -> Iterator[str]:
    """Yield what the registry says and nobody ordered, now or at some time of the run."""
    with closing(psycopg2.connect(uri)) as connection:
        for group in site.groups:
            query = rows(connection, _INSTALLED, site.account, list(group.parts))
            found = [_believed(row) for row in query]
            yield from _check_group(site, group, found)
        yield from _check_overlaps(connection, site)
        for (docks,) in rows(connection, _DOCKS, site.account, plan.SPARE_CABINET):
            if docks != site.docks:
                yield f"{site.account} {plan.SPARE_CABINET}: {docks} docks, not {site.docks}"
        for row in rows(connection, _STRANGE):
            yield f"an installation of two organisations: {row}"


def _check_group(site: Site, group: Group, found: list[Believed]) -> Iterator[str]:
    for known, until in moments(group):
        at = known.acknowledged + (until - known.acknowledged) / 2
        then = [one for one in found if one.begin <= at < one.end]
        for part in group.parts:
            stays = _stays(then, group.parts)[part]
            if stays != known.model.of(part):
                yield (
                    f"{site.account} {part} as known at {at:%H:%M:%S.%f}: {told(stays)}, "
                    f"but {told(known.model.of(part))} was ordered"
                )


def moments(group: Group) -> Iterator[tuple[plan.Known, datetime]]:
    """Yield each model with until when it was known, if that is no matter of milliseconds."""
    last = group.known[-1]
    now = max(last.acknowledged + 3 * APART, datetime.now(UTC))
    ends = [*(after.sent for _, after in pairwise(group.known)), now]
    for known, end in zip(group.known, ends, strict=True):
        if end - known.acknowledged > 2 * APART:
            yield known, end


def _check_overlaps(connection: Any, site: Site) -> Iterator[str]:
    """No part is believed to be in two places at once, and no place to hold two parts."""
    parts = [part for group in site.groups for part in group.parts]
    parts += [*plan.HOPPERS]
    stays = [_believed(row).stay for row in rows(connection, _NOW, site.account, parts)]
    for key in ("part", "place"):
        ordered = sorted(stays, key=attrgetter(key, "begin"))
        for one, other in pairwise(ordered):
            if getattr(one, key) == getattr(other, key) and other.begin < one.end:
                yield f"{site.account}: {one} overlaps {other}"


def check_hopping(uri: str, docks: Mapping[tuple[int, str], int]) -> Iterator[str]:
    """A pack that reports from another dock is where its newest reading says.

    :param docks: these docks, counted across the PMS, by organisation and case.
    """
    before = plan.DOCKS[plan.BOARDS_CABINET]
    for (account, case), dock in docks.items():
        stays = believed(uri, account, [case])[case]
        place = stays[-1].place if stays and stays[-1].end == NEVER else "nowhere"
        if place != f"{plan.CASES_CABINET}/{dock - before}":
            yield f"{account} {case}: it reported from dock {dock} last, but is in {place}"


def check_lookups(clerk: Commands, site: Site, chance: random.Random, most: int) -> Iterator[str]:
    """`lookup --as-known-at` answers what was known at some times of the run."""
    boards = [group for group in site.groups if group.kind == plan.BOARD]
    known = [(group, *moment) for group in boards for moment in moments(group)]
    known = [one for one in known if one[1].sent != EVER]
    for group, then, until in chance.sample(known, min(most, len(known))):
        part = chance.choice(group.parts)
        stays = then.model.of(part)
        at = chance.choice([s.begin for s in stays] or [START])
        at = max(at, START)
        asked = then.acknowledged + (until - then.acknowledged) / 2
        words = ["lookup", part, "--kind", plan.BOARD, "--at", at.isoformat()]
        said = clerk.read(*words, "--as-known-at", asked.isoformat())
        stay = then.model.where(part, at)
        if said.get("case", "?") != (stay.place if stay else None):
            yield f"{site.account} {' '.join(words)} as known at {asked}: {said}, but {stay}"


def told(stays: Stays) -> str:
    """Write down where a part was."""
    return ", ".join(f"{s.place} {s.begin:%H:%M:%S.%f}-{s.end:%H:%M:%S.%f}" for s in stays) or "-"
