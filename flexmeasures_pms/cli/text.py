"""What the registry is asked on the command line, as text."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from flexmeasures_pms.registry.directory import Entry
from flexmeasures_pms.registry.kinds import CELL_BLOCK, words
from flexmeasures_pms.registry.messages.message import (
    capital,
    english,
    period_of,
    place_of,
)
from flexmeasures_pms.registry.queries.history import TrackableHistory
from flexmeasures_pms.registry.queries.lookup import Meaning
from flexmeasures_pms.registry.queries.tree import TreeNode
from flexmeasures_pms.registry.timeline import Installation


def meaning_lines(meaning: Meaning) -> Iterator[str]:
    """Yield what an id means at a time: the trackable, what it is in, and its dock."""
    registered, entry, at = meaning.directory, meaning.entry, meaning.at
    yield _title(entry, meaning.aliases)
    for depth, row in enumerate(meaning.chain, 1):
        place = english(place_of(registered.entries, row))
        yield f"{'  ' * depth}in {place} {_period(row)}"
    if not meaning.chain and registered.by_part.get(entry.id):
        yield f"  installed nowhere at {at.isoformat()}"
    case = meaning.case
    dock = None if case is None else registered.dock_across(case.id, at)
    if dock is not None:
        yield f"Dock {dock} of the PMS, counted across its cabinets."


def history_lines(history: TrackableHistory) -> Iterator[str]:
    """Yield a trackable's life: its places, its parts, and what was recorded about it."""
    entries = history.directory.entries
    yield _title(history.entry, history.aliases)
    if history.places:
        yield "Where it was:"
    for row in history.places:
        yield f"  {english(place_of(entries, row))} {_period(row)}"
    if history.parts:
        yield "What was in it:"
    for row in history.parts:
        place = "" if row.place is None else f" {row.place}"
        yield f"  {row.slot}{place}: {english(entries[row.part_id])} {_period(row)}"
    yield "What was recorded:"
    for item in history.transactions:
        yield "  " + _transaction_line(item)


def tree_lines(node: TreeNode, depth: int = 0) -> Iterator[str]:
    """Yield what is in what; the cell blocks of a case share a line."""
    indent = "  " * depth
    numbered = node.place is not None and node.slot in ("dock", "cabinet")
    label = {"dock": "dock", "cabinet": "position"}.get(node.slot or "", "")
    title = english(node.entry) if depth else capital(english(node.entry))
    yield indent + (f"{label} {node.place}: " if numbered else "") + title
    for kind, group in groupby(node.parts, key=lambda part: part.entry.kind):
        if kind == CELL_BLOCK:
            yield f"{indent}  cell blocks: " + ", ".join(
                f"{part.place} {part.entry.ident}" for part in group
            )
            continue
        for part in group:
            yield from tree_lines(part, depth + 1)


def _title(entry: Entry, aliases: tuple[str, ...]) -> str:
    known_as = f", also known as {', '.join(aliases)}" if aliases else ""
    return capital(english(entry)) + known_as


def _period(row: Installation) -> str:
    return english(period_of(row))


def _transaction_line(item: dict[str, Any]) -> str:
    effective = f", effective {item['effective_at']}" if item["effective_at"] else ""
    change = " -> ".join(filter(None, (_places(item["before"]), _places(item["after"]))))
    note = f" ({item['note']})" if item["note"] else ""
    return (
        f"{item['recorded_at']} {item['verb']} {words(item['kind'])} {item['id']}"
        f"{': ' + change if change else ''}{effective}, by {item['author']}{note}"
    )


def _places(record: dict[str, Any] | None) -> str:
    rows = (record or {}).get("installations", ())
    return "; ".join(_recorded_place(row) for row in rows)


def _recorded_place(row: dict[str, Any]) -> str:
    place = "" if row["place"] is None else f" {row['slot']} {row['place']}"
    begin = f"from {row['from']}" if row["from"] else "from the beginning"
    end = f" until {row['until']}" if row["until"] else ""
    return f"{words(row['assembly_kind'])} {row['assembly']}{place} {begin}{end}"
