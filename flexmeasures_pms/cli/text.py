"""What the registry is asked on the command line, as text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from flexmeasures_pms.errors import PmsError, RegistryError, advised
from flexmeasures_pms.registry.directory import Directory, Entry
from flexmeasures_pms.registry.editing.change import Change
from flexmeasures_pms.registry.kinds import CELL_BLOCK, words
from flexmeasures_pms.registry.loading.load import load_directory
from flexmeasures_pms.registry.location import timezone
from flexmeasures_pms.registry.master.rules import WORDS
from flexmeasures_pms.registry.messages.message import (
    ENGLISH,
    Message,
    Renderer,
    capital,
    english,
    period_of,
    place_of,
)
from flexmeasures_pms.registry.messages.moments import on_clock
from flexmeasures_pms.registry.queries.clocks import site_clock
from flexmeasures_pms.registry.queries.history import TrackableHistory
from flexmeasures_pms.registry.queries.lookup import Meaning
from flexmeasures_pms.registry.queries.tree import TreeNode
from flexmeasures_pms.registry.timeline import Installation, iso
from flexmeasures_pms.storage.readings.latest import newest_times
from flexmeasures_pms.storage.session import abandon

MOST_ASKED = 3
"""Changed things whose site is looked for."""


def in_zone(zone: str) -> Renderer:
    """Return how sentences are written on a site's clock, in the form that commands read."""
    return replace(ENGLISH, moment=lambda at: iso(on_clock(at, zone)))


def zone_of(registered: Directory, entry: Entry, at: datetime) -> str:
    """Return the timezone of a thing's site, or of all the organisation's sites."""
    return timezone(registered, entry, at) or site_clock(registered.account_id)


def zone_of_change(change: Change) -> str:
    """Return the timezone of the site of what was changed."""
    now = datetime.now(UTC)
    registered = load_directory(change.account_id, numbers=change.touched[:MOST_ASKED])
    changed = (registered.entries.get(number) for number in change.touched[:MOST_ASKED])
    zones = (timezone(registered, entry, now) for entry in changed if entry)
    return next(filter(None, zones), None) or site_clock(change.account_id)


def failure(error: PmsError) -> str:
    """Return why a command failed and what to do, on the clock of the organisation's sites."""
    if not isinstance(error, RegistryError) or error.account_id is None:
        return str(error)
    abandon()
    return error_text(error, in_zone(site_clock(error.account_id)))


def error_text(error: RegistryError, said: Renderer) -> str:
    """Return what was wrong, and what to do on the command line."""
    what = error.what.render(said) if isinstance(error.what, Message) else str(error.what)
    return advised(what, error.command)


def meaning_lines(meaning: Meaning) -> Iterator[str]:
    """Yield what an id means at a time: the trackable, what it is in, and its dock."""
    registered, entry, at = meaning.directory, meaning.entry, meaning.at
    said = in_zone(zone_of(registered, entry, at))
    yield _title(entry, meaning.aliases) + _retired(entry, at, said)
    for depth, row in enumerate(meaning.chain, 1):
        place = place_of(registered, row, at).render(said)
        yield f"{'  ' * depth}in {place} {period_of(row).render(said)}"
    if not meaning.chain and registered.by_part.get(entry.id):
        yield f"  installed nowhere at {said.moment(at)}"
    case = meaning.case
    dock = None if case is None else registered.dock_across(case.id, at)
    if dock is not None:
        yield f"Dock {dock} of the PMS, counted across its cabinets."
    if entry.is_retired(at):
        times = newest_times([entry.id]).values()
        last = next((time for time in times if entry.is_retired(time)), None)
        if last is not None:
            yield f"It reports although it is retired: last at {said.moment(last)}."


def history_lines(history: TrackableHistory) -> Iterator[str]:
    """Yield a trackable's life: its places, its parts, and what was recorded about it."""
    registered, now = history.directory, datetime.now(UTC)
    said = in_zone(zone_of(registered, history.entry, now))
    yield _title(history.entry, history.aliases) + _retired(history.entry, now, said)
    if history.places:
        yield "Where it was:"
    for row in history.places:
        yield f"  {place_of(registered, row, now).render(said)} {period_of(row).render(said)}"
    if history.parts:
        yield "What was in it:"
    for row in history.parts:
        part = english(registered.entry(row.part_id))
        yield f"  {_slot(registered, row, now)}: {part} {period_of(row).render(said)}"
    yield "What was recorded:"
    for item in history.transactions:
        yield "  " + _transaction_line(item, said)


def tree_lines(node: TreeNode, said: Renderer = ENGLISH, depth: int = 0) -> Iterator[str]:
    """Yield what is in what; the cell blocks of a case share a line."""
    indent = "  " * depth
    numbered = node.place is not None and node.slot in ("dock", "cabinet")
    label = {"dock": "dock", "cabinet": "position"}.get(node.slot or "", "")
    title = english(node.entry) if depth else capital(english(node.entry))
    across = "" if node.across is None else f" ({node.across} of the PMS)"
    title += _retired(node.entry, node.at, said)
    yield indent + (f"{label} {node.place}{across}: " if numbered else "") + title
    for kind, group in groupby(node.parts, key=lambda part: part.entry.kind):
        if kind == CELL_BLOCK:
            yield f"{indent}  cell blocks: " + ", ".join(
                f"{part.place} {part.entry.ident}" for part in group
            )
            continue
        for part in group:
            yield from tree_lines(part, said, depth + 1)


def _title(entry: Entry, aliases: tuple[str, ...]) -> str:
    known_as = f", also known as {', '.join(aliases)}" if aliases else ""
    return capital(english(entry)) + known_as


def _retired(entry: Entry, at: datetime, said: Renderer) -> str:
    if entry.retired_at is None:
        return ""
    if entry.is_retired(at):
        return f", retired since {said.moment(entry.retired_at)}"
    return f", to be retired at {said.moment(entry.retired_at)}"


def _slot(registered: Directory, row: Installation, now: datetime) -> str:
    across = place_of(registered, row, now).across
    place = "" if row.place is None else f" {row.place}"
    return f"{row.slot}{place}" + ("" if across is None else f" ({across} of the PMS)")


def _transaction_line(item: dict[str, Any], said: Renderer) -> str:
    at = _shown(item["effective_at"], said)
    effective = f", effective {at}" if at else ""
    records = (_places(item[name], said) for name in ("before", "after"))
    change = " -> ".join(filter(None, records))
    note = f" ({item['note']})" if item["note"] else ""
    carried = "".join(f"; {text}" for text in _carried(item))
    return (
        f"{_shown(item['recorded_at'], said)} {item['verb']} {words(item['kind'])} {item['id']}"
        f"{': ' + change if change else ''}{effective}, by {item['author']}{note}{carried}"
    )


def _carried(item: dict[str, Any]) -> Iterator[str]:
    """Yield what the business event of a transaction carries."""
    if item["cause"]:
        yield f"cause {item['cause']}" + (f" {item['code']}" if item["code"] else "")
    if item["person"]:
        yield f"done by {item['person']}"
    if item["document"]:
        yield f"document {item['document']}"
    details = item["details"] or {}
    yield from (f"found: {finding}" for finding in details.get("findings", ()))
    yield from (f"measured: {name} {value}" for name, value in details.get("measured", {}).items())


def _shown(moment: str | None, said: Renderer) -> str:
    return said.moment(datetime.fromisoformat(moment)) if moment else ""


def _places(record: dict[str, Any] | None, said: Renderer) -> str:
    if origin := (record or {}).get("origin"):
        return ", ".join(f"{word} {origin[name]}" for name, word in WORDS.items() if name in origin)
    rows = (record or {}).get("installations", ())
    return "; ".join(_recorded_place(row, said) for row in rows)


def _recorded_place(row: dict[str, Any], said: Renderer) -> str:
    place = "" if row["place"] is None else f" {row['slot']} {row['place']}"
    begin = f"from {_shown(row['from'], said)}" if row["from"] else "from the beginning"
    end = f" until {_shown(row['until'], said)}" if row["until"] else ""
    return f"{words(row['assembly_kind'])} {row['assembly']}{place} {begin}{end}"
