"""What a registered thing is in, up to its site."""

from __future__ import annotations

from datetime import datetime

from flexmeasures_pms.registry.directory import Directory, Entry


def above(registered: Directory, entry: Entry, at: datetime) -> tuple[Entry, ...]:
    """Return what a thing is in at a time, the nearest first."""
    found: list[Entry] = []
    row = registered.installed(entry.id, at)
    while row is not None:
        found.append(registered.entry(row.assembly_id))
        row = registered.installed(row.assembly_id, at)
    return tuple(found)


def timezone(registered: Directory, entry: Entry, at: datetime) -> str | None:
    """Return the timezone of a thing's site: of one that is nowhere, that of where it was."""
    known = [entry, *above(registered, entry, at)]
    for row in reversed(registered.by_part.get(entry.id, ())):
        assembly = registered.entry(row.assembly_id)
        known += [assembly, *above(registered, assembly, at)]
    return next((one.timezone for one in known if one.timezone), None)
