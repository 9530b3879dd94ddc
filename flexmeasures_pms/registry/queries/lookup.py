"""What an id means at a time, as it is known now or as it was known earlier."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flexmeasures_pms.registry.directory import Directory, Entry, installation_record
from flexmeasures_pms.registry.kinds import CASE
from flexmeasures_pms.registry.loading.load import as_known_at, load_directory
from flexmeasures_pms.registry.timeline import Installation, iso


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an id means at a time.

    :param chain: where it is installed, then where that is, and so on.
    """

    entry: Entry
    aliases: tuple[str, ...]
    chain: tuple[Installation, ...]
    directory: Directory
    at: datetime

    @property
    def case(self) -> Entry | None:
        """The case that a reading under this id belongs to."""
        above = (self.directory.entries[row.assembly_id] for row in self.chain)
        return next((e for e in (self.entry, *above) if e.kind == CASE), None)

    def as_json(self) -> dict[str, Any]:
        """Return everything as JSON has it."""
        case = self.case
        return {
            "account": self.directory.account_id,
            "kind": self.entry.kind,
            "id": self.entry.ident,
            "aliases": list(self.aliases),
            "at": self.at.isoformat(),
            "case": None if case is None else case.ident,
            "dock": None if case is None else self.directory.dock_across(case.id, self.at),
            "installed_in": [
                installation_record(self.directory.entries, row) for row in self.chain
            ],
            "asset_id": self.entry.asset_id,
            "retired_at": iso(retired_at) if (retired_at := self.entry.retired_at) else None,
            "retired": self.entry.is_retired(self.at),
        }


def registry_as_of(account_id: int, known_at: datetime | None) -> Directory:
    """Return what is registered, or what was at an earlier moment."""
    return load_directory(account_id) if known_at is None else as_known_at(account_id, known_at)


def look_up(registered: Directory, entry: Entry, at: datetime) -> Meaning:
    """Return what a trackable's id means at a time."""
    chain: list[Installation] = []
    row = registered.installed(entry.id, at)
    while row is not None:
        chain.append(row)
        row = registered.installed(row.assembly_id, at)
    return Meaning(entry, registered.aliases.get(entry.id, ()), tuple(chain), registered, at)
