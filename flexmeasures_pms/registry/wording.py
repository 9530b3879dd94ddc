"""How trackables, places and times are written in sentences."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from flexmeasures_pms.errors import RegistryError
from flexmeasures_pms.registry.directory import Entry, Lookup
from flexmeasures_pms.registry.kinds import slot_for, words
from flexmeasures_pms.registry.timeline import FOREVER, SINCE_EVER, Installation

Entries = Lookup[int, Entry]


def named(entry: Entry) -> str:
    """Return such as ``acquisition board 66CFF353734574E43231516``."""
    return f"{words(entry.kind)} {entry.ident}"


def capital(text: str) -> str:
    """Return a sentence with a capital in front."""
    return text[:1].upper() + text[1:]


def moment(at: datetime) -> str:
    """Return a time as the command line takes it."""
    return at.isoformat(timespec="milliseconds" if at.microsecond else "seconds")


def read_moment(text: str) -> datetime:
    """Read a time as ISO 8601 with an offset, in whole milliseconds of UTC.

    :raises RegistryError: if it is none, or has no offset: nobody can tell what it means.
    """
    try:
        at = datetime.fromisoformat(text)
        if at.utcoffset() is not None:
            at = at.astimezone(UTC)
            return at.replace(microsecond=at.microsecond // 1000 * 1000)
    except (ValueError, OverflowError) as error:
        raise RegistryError(f"'{text}' is not a time such as 2026-03-01T12:00:00+07:00.") from error
    raise RegistryError(
        f"'{text}' has no offset from UTC: write 2026-03-01T12:00:00+07:00, or Z for UTC."
    )


def since(begin: datetime) -> str:
    """Return ``since ever`` or ``from 2026-11-22T12:00:00+00:00``."""
    return "since ever" if begin == SINCE_EVER else f"from {moment(begin)}"


def period(row: Installation) -> str:
    """Return from when until when an installation holds."""
    return since(row.begin) + ("" if row.end == FOREVER else f" until {moment(row.end)}")


def where(entries: Entries, row: Installation) -> str:
    """Return such as ``dock 3 of cabinet CAB-01-001``, or ``case 269``."""
    assembly, part = entries[row.assembly_id], entries[row.part_id]
    slot = slot_for(assembly.kind, part.kind)
    if row.place is None or slot is None or slot.places == 1:
        return named(assembly)
    return f"{slot.words} {row.place} of {named(assembly)}"


def timeline(entries: Entries, rows: Iterable[Installation]) -> str:
    """Return where a part is, period by period."""
    return "; ".join(f"{where(entries, row)} {period(row)}" for row in rows) or "nowhere"


def row_record(entries: Entries, row: Installation) -> dict[str, object]:
    """Return an installation as transactions keep it and programs read it."""
    assembly = entries[row.assembly_id]
    return {
        "assembly_id": assembly.id,
        "assembly_kind": assembly.kind,
        "assembly": assembly.ident,
        "slot": row.slot,
        "place": row.place,
        "from": None if row.begin == SINCE_EVER else moment(row.begin),
        "until": None if row.end == FOREVER else moment(row.end),
    }
