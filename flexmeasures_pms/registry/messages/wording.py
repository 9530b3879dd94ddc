"""How trackables, places and times are written in sentences."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from flexmeasures_pms.registry.directory import Entry, Lookup
from flexmeasures_pms.registry.kinds import slot_for, words
from flexmeasures_pms.registry.timeline import FOREVER, SINCE_EVER, Installation

Entries = Lookup[int, Entry]


class HasIdentity(Protocol):
    """Whatever has a kind and an id."""

    @property
    def kind(self) -> str:
        """The kind, as stored."""

    @property
    def ident(self) -> str:
        """The id, as registered."""


def named(entry: HasIdentity) -> str:
    """Return such as ``acquisition board 66CFF353734574E43231516``."""
    return f"{words(entry.kind)} {entry.ident}"


def capital(text: str) -> str:
    """Return a sentence with a capital in front."""
    return text[:1].upper() + text[1:]


def moment(at: datetime) -> str:
    """Return a time as the command line takes it."""
    return at.isoformat(timespec="milliseconds" if at.microsecond else "seconds")


def period(row: Installation) -> str:
    """Return from when until when an installation holds."""
    since = "since ever" if row.begin == SINCE_EVER else f"from {moment(row.begin)}"
    return since + ("" if row.end == FOREVER else f" until {moment(row.end)}")


def where(entries: Entries, row: Installation) -> str:
    """Return such as ``dock 3 of cabinet CAB-01-001``, or ``case 269``."""
    assembly, part = entries[row.assembly_id], entries[row.part_id]
    slot = slot_for(assembly.kind, part.kind)
    if row.place is None or slot is None or slot.places == 1:
        return named(assembly)
    return f"{slot.words} {row.place} of {named(assembly)}"


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
