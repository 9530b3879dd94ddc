"""Registering what a test needs, as the command line does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from unittest import mock

from flexmeasures.data import db

from flexmeasures_pms import identifiers
from flexmeasures_pms.ingest.follow_up import commit_with_effects
from flexmeasures_pms.registry.editing import moves, orders, registration
from flexmeasures_pms.registry.editing.change import Author, Change
from flexmeasures_pms.registry.editing.changeset import Changeset
from flexmeasures_pms.registry.editing.order import Order
from flexmeasures_pms.registry.editing.orders import CorrectedInstallation
from flexmeasures_pms.registry.editing.writer import editing
from flexmeasures_pms.registry.loading.load import load_directory
from flexmeasures_pms.registry.messages.message import Message

AUTHOR = Author("test")


@dataclass(frozen=True, slots=True)
class Effects:
    """What followed from a change, in sentences."""

    lines: tuple[Message, ...]


def commit(change: Change) -> Effects:
    """Commit a change, let everything follow it, and leave no transaction open, like a command."""
    done = commit_with_effects(change, AUTHOR)
    db.session.commit()
    return Effects(done[len(change.lines) :])


@contextmanager
def old_ids() -> Iterator[None]:
    """Register any id, as was possible before new ones had to be without markup."""
    with mock.patch.object(identifiers, "may_be_new", lambda _ident: True):
        yield


@dataclass(frozen=True, slots=True)
class Draft:
    """New things of a registry, which are registered in one change."""

    changeset: Changeset

    def register(self, kind: str, *idents: str, **details: Any) -> None:
        """Register trackables of a kind."""
        for ident in idents:
            registration.register(self.changeset, kind, ident, **details)

    def install(
        self, part: tuple[str, str], into: tuple[str, str], place: int | None = None
    ) -> None:
        """Install a part, since ever: ``install(("cabinet", "C1"), ("pms", "P"), 2)``."""
        found, assembly = (self.changeset.view.find(*named) for named in (part, into))
        assert found and assembly, f"there is no {part} or no {into}"
        moves.install(self.changeset, found, assembly, place)

    def pms(self, ident: str = "PMS-1", cabinets: int = 1) -> None:
        """Register a PMS with cabinets ``PMS-1-A``, ``PMS-1-B`` …"""
        pms = registration.register(self.changeset, "pms", ident, timezone="Asia/Jakarta")
        for position, letter in enumerate("ABCD"[:cabinets], start=1):
            cabinet = registration.register(self.changeset, "cabinet", f"{ident}-{letter}")
            moves.install(self.changeset, cabinet, pms, position)

    def case(self, ident: str, cabinet: str | None = None, dock: int | None = None) -> None:
        """Register a case, in a dock of a cabinet where one is given."""
        self.cases({ident: dock}, cabinet)

    def cases(self, docks: Mapping[str, int | None], cabinet: str | None = None) -> None:
        """Register cases: ``cases({"0241": 1, "0242": 2}, "PMS-1-A")``."""
        into = self.changeset.view.find("cabinet", cabinet) if cabinet else None
        assert into or not cabinet, f"there is no cabinet {cabinet}"
        for ident, dock in docks.items():
            case = registration.register(self.changeset, "case", ident)
            if into:
                moves.install(self.changeset, case, into, dock)


@dataclass(frozen=True, slots=True)
class Site:
    """An organisation's registry, for building sites in few words."""

    account_id: int

    def number(self, kind: str, ident: str) -> int:
        """The registry's number of a trackable."""
        found = load_directory(self.account_id).find(kind, ident)
        assert found is not None
        return found.id

    @contextmanager
    def at_once(self) -> Iterator[Draft]:
        """Register all of a block in one change: each change takes a tenth of a second."""
        with editing(self.account_id, AUTHOR, expected=10) as changeset:
            yield Draft(changeset)
        commit(changeset.change())

    def _change(self, make: Callable[[Draft], None]) -> Effects:
        with editing(self.account_id, AUTHOR) as changeset:
            make(Draft(changeset))
        return commit(changeset.change())

    def register(self, kind: str, *idents: str, **details: Any) -> Effects:
        """Register trackables of a kind."""
        return self._change(lambda new: new.register(kind, *idents, **details))

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
        change = orders.install(
            order, part[1], into[1],
            kind=part[0], into_kinds=[into[0]], place=place, with_packs=True,
        )  # fmt: skip
        return commit(change)

    def remove(self, part: tuple[str, str], at: datetime | None = None) -> Effects:
        """Remove a part from where it is."""
        order = Order(AUTHOR, at, self.account_id)
        return commit(orders.remove(order, part[1], kind=part[0], with_packs=True))

    def retire(self, thing: tuple[str, str], at: datetime | None = None) -> Effects:
        """Retire something: ``retire(("case", "0241"))``."""
        order = Order(AUTHOR, at, self.account_id)
        return commit(orders.retire(order, thing[1], kind=thing[0], with_packs=True))

    def correct(self, part: tuple[str, str], **corrected: Any) -> Effects:
        """Correct an installation: ``correct(("case", "0241"), into="C1", since=at(0))``."""
        order = Order(AUTHOR, account_id=self.account_id)
        said = CorrectedInstallation(**corrected)
        return commit(orders.correct(order, part[1], said, {}, kind=part[0]))

    def pms(self, ident: str = "PMS-1", cabinets: int = 1) -> None:
        """Register a PMS with cabinets ``PMS-1-A``, ``PMS-1-B`` …"""
        self._change(lambda new: new.pms(ident, cabinets))

    def case(self, ident: str, cabinet: str | None = None, dock: int | None = None) -> Effects:
        """Register a case, in a dock of a cabinet where one is given."""
        return self._change(lambda new: new.case(ident, cabinet, dock))

    def cases(self, docks: Mapping[str, int | None], cabinet: str | None = None) -> Effects:
        """Register cases in one change, as :meth:`Draft.cases` does."""
        return self._change(lambda new: new.cases(docks, cabinet))
