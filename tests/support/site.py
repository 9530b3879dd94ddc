"""Registering what a test needs, as the command line does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flexmeasures.data import db

from flexmeasures_pms.ingest.follow_up import Effects, follow_up
from flexmeasures_pms.registry.editing import changes
from flexmeasures_pms.registry.editing.changes import Author, Change
from flexmeasures_pms.registry.loading.load import load_directory

AUTHOR = Author("test")


def commit(change: Change) -> Effects:
    """Let everything follow a change, and commit."""
    settled = follow_up(change, author=AUTHOR.name)
    db.session.commit()
    return settled


@dataclass(frozen=True, slots=True)
class Site:
    """An organisation's registry, for building sites in few words."""

    account_id: int

    def number(self, kind: str, ident: str) -> int:
        """The registry's number of a trackable."""
        found = load_directory(self.account_id).find(kind, ident)
        assert found is not None
        return found.id

    def register(self, kind: str, *idents: str, **details: Any) -> Effects:
        """Register trackables of a kind."""
        made = [
            changes.register(self.account_id, kind, ident, author=AUTHOR, **details)[1]
            for ident in idents
        ]
        return commit(changes.combine(made))

    def install(
        self, part: tuple[str, str], into: tuple[str, str], at: datetime | None = None, **where: Any
    ) -> Effects:
        """Install a registered part: ``install(("case", "0241"), ("cabinet", "C1"), place=1)``."""
        return commit(
            changes.install(
                self.account_id,
                self.number(*part),
                self.number(*into),
                at=at,
                author=AUTHOR,
                **where,
            )
        )

    def pms(self, ident: str = "PMS-1", cabinets: int = 1) -> None:
        """Register a PMS with cabinets ``PMS-1-A``, ``PMS-1-B`` …"""
        self.register("pms", ident, timezone="Asia/Jakarta")
        for position in range(1, cabinets + 1):
            name = f"{ident}-{'ABCD'[position - 1]}"
            self.register("cabinet", name)
            self.install(("cabinet", name), ("pms", ident), place=position)

    def case(self, ident: str, cabinet: str | None = None, dock: int | None = None) -> Effects:
        """Register a case, in a dock of a cabinet where one is given."""
        settled = self.register("case", ident)
        if cabinet:
            self.install(("case", ident), ("cabinet", cabinet), place=dock)
        return settled
