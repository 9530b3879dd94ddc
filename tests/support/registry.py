"""A registry to try changes on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


def at(hour: int, minute: int = 0) -> datetime:
    """Return a time of the day on which all tests play."""
    return datetime(2026, 3, 1, hour, minute, tzinfo=UTC)


@dataclass
class Registry:
    """Shorthand for changes by name instead of number."""

    account_id: int

    @property
    def author(self) -> Any:
        from flexmeasures_pms.registry.editing.change import Author

        return Author("tests")

    @property
    def directory(self) -> Any:
        from flexmeasures_pms.registry.loading.load import load_directory

        return load_directory(self.account_id)

    @property
    def whole(self) -> Any:
        from flexmeasures_pms.registry.loading.snapshot import read

        return read(self.account_id)

    def add(self, kind: str, *idents: str, **details: Any) -> list[int]:
        from flexmeasures_pms.registry.editing import registration
        from flexmeasures_pms.registry.editing.writer import editing

        with editing(self.account_id, self.author) as changeset:
            return [registration.register(changeset, kind, ident, **details).id for ident in idents]

    def do(self, verb: str, *numbers: int, **options: Any) -> Any:
        """Change things that are given by their numbers."""
        from flexmeasures_pms.registry.editing import correction, moves, registration
        from flexmeasures_pms.registry.editing.writer import editing

        rules: dict[str, Any] = {
            "install": moves.install,
            "remove": moves.remove,
            "swap": moves.swap,
            "correct": correction.correct,
            "add_alias": registration.add_alias,
        }
        with editing(self.account_id, self.author) as changeset:
            rules[verb](changeset, *map(changeset.view.entry, numbers), **options)
        return changeset.change()

    def report(self, case: int, pms: int, dock: int | None, at: datetime) -> Any:
        """Record where a case reports to be."""
        from flexmeasures_pms.registry.editing.hot_swap import DockReport, record_moves

        return record_moves(self.account_id, [DockReport(case, pms, dock, at)], self.author)

    def timeline(self, part_id: int) -> list[tuple[str, int | None, int | None, int | None]]:
        """Return (assembly, place, from hour, until hour) of each installation."""
        from flexmeasures_pms.registry.timeline import FOREVER, SINCE_EVER

        directory = self.directory
        return [
            (
                directory.entry(row.assembly_id).ident,
                row.place,
                None if row.begin == SINCE_EVER else row.begin.hour,
                None if row.end == FOREVER else row.end.hour,
            )
            for row in directory.by_part.get(part_id, ())
        ]
