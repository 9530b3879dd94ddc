"""Changes as people order them: things are named by the ids that are written on them.

The command line and the pages give the same orders. Each works like the functions of
:mod:`~flexmeasures_pms.registry.editing.changes` in the caller's transaction, and returns what it
did. Without ``account_id`` the ids tell which organisation is meant.

All raise :class:`~flexmeasures_pms.errors.RegistryError`, and then nothing is written.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from flexmeasures_pms.errors import RegistryError
from flexmeasures_pms.registry.editing import changes, correction, life, moves, registration
from flexmeasures_pms.registry.editing.changeset import Author, Change
from flexmeasures_pms.registry.editing.naming import ASSEMBLIES, pair, part_and_assembly
from flexmeasures_pms.registry.editing.registration import Details
from flexmeasures_pms.registry.editing.writer import editing
from flexmeasures_pms.registry.kinds import BOARD, CABINET, CASE, PART_KINDS, interchangeable
from flexmeasures_pms.registry.messages.message import message
from flexmeasures_pms.registry.queries.search import find_one, search, the_one


@dataclass(frozen=True, slots=True)
class Order:
    """Who orders a change, and since when it holds.

    :param at: None for since ever where nothing was before, else for now.
    :param account_id: the organisation, where the ids alone do not tell it.
    """

    author: Author
    at: datetime | None = None
    account_id: int | None = None


def install(
    order: Order,
    part: str,
    into: str,
    *,
    kind: str | None = None,
    into_kinds: Collection[str] = ASSEMBLIES,
    place: int | None = None,
) -> Change:
    """Install a part in an assembly; an unknown part is registered as ``kind``."""
    found, assembly = part_and_assembly(part, into, kind, order.account_id, into_kinds)
    with editing(assembly.account_id, order.author) as changeset:
        if found is not None:
            entry = changeset.view.entry(found.id)
        else:
            entry = registration.register(changeset, str(kind), part)
        moves.install(changeset, entry, changeset.view.entry(assembly.id), place, order.at)
    return changeset.change()


def remove(order: Order, part: str, *, kind: str | None = None) -> Change:
    """Remove a part from where it is."""
    kinds = [kind] if kind else PART_KINDS
    found = find_one(part, kinds=kinds, account_id=order.account_id)
    return changes.remove(found.account_id, found.id, at=order.at, author=order.author)


def swap(order: Order, old: str, new: str, *, kind: str | None = None) -> Change:
    """Let a part take another's place; an unknown one is registered as ``kind`` or as the old."""
    kinds: Collection[str] = interchangeable(kind) if kind else PART_KINDS
    found = search(old, kinds=kinds, account_id=order.account_id)
    same = [f for f in found if f.kind == kind]
    taken = the_one(old, same or found, kinds, order.account_id)
    with editing(taken.account_id, order.author) as changeset:
        fresh = next(
            filter(
                None, (changeset.view.find(k, new) for k in interchangeable(kind or taken.kind))
            ),
            None,
        ) or registration.register(changeset, kind or taken.kind, new)
        moves.swap(changeset, changeset.view.entry(taken.id), fresh, order.at)
    return changeset.change()


def move_case(order: Order, case: str, *, cabinet: str, dock: int) -> Change:
    """Move a case to a dock of a cabinet."""
    found, rack = pair(case, [CASE], cabinet, [CABINET], order.account_id)
    return changes.move_case(
        found.account_id, found.id, rack.id, dock, at=order.at, author=order.author
    )


@dataclass(frozen=True, slots=True)
class Mended:
    """What a correction says of an installation; None says nothing."""

    into: str | None = None
    place: int | None = None
    since: datetime | None = None
    until: datetime | None = None

    def __bool__(self) -> bool:
        """Whether it says anything."""
        return any(v is not None for v in (self.into, self.place, self.since, self.until))


def correct(
    order: Order,
    part: str,
    mended: Mended,
    details: Details,
    *,
    kind: str | None = None,
    into_kinds: Collection[str] = ASSEMBLIES,
) -> Change:
    """Mend a recorded installation, or details of a registration.

    :raises RegistryError: if nothing is said, too.
    """
    given = any(value is not None for value in details.values())
    if not given and not mended:
        raise RegistryError(message("Say what to correct: where it was, since when, until when…"))
    kinds = [kind] if kind else (PART_KINDS if mended else None)
    if mended.into is None:
        found, assembly = find_one(part, kinds=kinds, account_id=order.account_id), None
    else:
        found, assembly = pair(part, kinds or PART_KINDS, mended.into, into_kinds, order.account_id)
    with editing(found.account_id, order.author) as changeset:
        if given:
            registration.amend(changeset, changeset.view.entry(found.id), **details)
        if mended:
            target = changeset.view.entry(assembly.id) if assembly else None
            entry = changeset.view.entry(found.id)
            correction.correct(
                changeset, entry, target, place=mended.place, since=mended.since, until=mended.until
            )
    return changeset.change()


def add_alias(order: Order, board: str, alias: str) -> Change:
    """Let an acquisition board be known under one more spelling of its id."""
    found = find_one(board, kinds=[BOARD], account_id=order.account_id)
    return changes.add_alias(found.account_id, found.id, alias, author=order.author)


def service(order: Order, ident: str, *, kind: str | None = None) -> Change:
    """Enter that something was serviced; what was done is the author's note."""
    if not order.author.note:
        raise RegistryError(message("Say what was done: it is kept in the history."))
    found = find_one(ident, kinds=[kind] if kind else None, account_id=order.account_id)
    with editing(found.account_id, order.author) as changeset:
        life.service(changeset, changeset.view.entry(found.id), order.at)
    return changeset.change()


def retire(order: Order, ident: str, *, kind: str | None = None) -> Change:
    """Take something out of use for good; its telemetry and history stay."""
    found = find_one(ident, kinds=[kind] if kind else None, account_id=order.account_id)
    with editing(found.account_id, order.author) as changeset:
        life.retire(changeset, changeset.view.entry(found.id), order.at)
    return changeset.change()
