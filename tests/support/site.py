"""Registering what a test needs, as the command line does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flexmeasures.data import db

from flexmeasures_pms.ingest.follow_up import Effects, follow_up
from flexmeasures_pms.registry.editing import orders, registration
from flexmeasures_pms.registry.editing.changeset import Author, Change
from flexmeasures_pms.registry.editing.orders import CorrectedInstallation, Order
from flexmeasures_pms.registry.editing.writer import editing
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
        with editing(self.account_id, AUTHOR) as changeset:
            for ident in idents:
                registration.register(changeset, kind, ident, **details)
        return commit(changeset.change())

    def install(
        self,
        part: tuple[str, str],
        into: tuple[str, str],
        at: datetime | None = None,
        place: int | None = None,
    ) -> Effects:
        """Install a registered part: ``install(("case", "0241"), ("cabinet", "C1"), place=1)``."""
        self.number(*part)
        order = Order(AUTHOR, at, self.account_id)
        return commit(
            orders.install(order, part[1], into[1], kind=part[0], into_kinds=[into[0]], place=place)
        )

    def remove(self, part: tuple[str, str], at: datetime | None = None) -> Effects:
        """Remove a part from where it is."""
        order = Order(AUTHOR, at, self.account_id)
        return commit(orders.remove(order, part[1], kind=part[0]))

    def correct(self, part: tuple[str, str], **corrected: Any) -> Effects:
        """Correct an installation: ``correct(("case", "0241"), into="C1", since=at(0))``."""
        order = Order(AUTHOR, account_id=self.account_id)
        said = CorrectedInstallation(**corrected)
        return commit(orders.correct(order, part[1], said, {}, kind=part[0]))

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
