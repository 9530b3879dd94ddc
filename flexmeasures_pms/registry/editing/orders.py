"""Changes as people order them: things are named by the ids that are written on them.

The command line and the pages give the same orders. Each works in the caller's database
transaction, locks the organisation's registry until that ends, and returns what it did.
Without ``account_id`` the organisation follows from the ids. Several orders are given together
with ``within``: all of them change one changeset, which is written when it ends.

All raise :class:`~flexmeasures_pms.errors.RegistryError`, and then nothing is written.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Unpack

from flexmeasures_pms.errors import RegistryError
from flexmeasures_pms.registry.editing import correction, moves, registration, sites
from flexmeasures_pms.registry.editing.change import Change
from flexmeasures_pms.registry.editing.naming import (
    ASSEMBLIES,
    found_or_registered,
    only_part,
    pair,
    part_and_assembly,
    parts_named,
)
from flexmeasures_pms.registry.editing.order import Order
from flexmeasures_pms.registry.editing.packs import keep_packs
from flexmeasures_pms.registry.editing.parents import check_parent
from flexmeasures_pms.registry.editing.registration import Details
from flexmeasures_pms.registry.editing.service import (
    record_retirement,
    record_return,
    record_revival,
    record_service,
    record_shipment,
)
from flexmeasures_pms.registry.kinds import (
    BOARD,
    CABINET,
    CASE,
    PART_KINDS,
    interchangeable,
)
from flexmeasures_pms.registry.messages.message import message
from flexmeasures_pms.registry.queries.search import (
    Found,
    find_one,
    only_match,
)
from flexmeasures_pms.registry.queries.sites import NO_FACTS, SiteFacts


def register(order: Order, kind: str, ident: str, **details: Unpack[Details]) -> Change:
    """Register a trackable; one that is registered already gets the details that it lacks."""
    check_parent(order.organisation, details.get("parent_asset_id"))
    with order.editing(order.organisation) as changeset:
        registration.register(changeset, kind, ident, **details)
    return order.change(changeset)


def register_site(order: Order, ident: str, facts: SiteFacts, **details: Unpack[Details]) -> Change:
    """Register a site; one that is registered already gets the details that it lacks."""
    check_parent(order.organisation, details.get("parent_asset_id"))
    with order.editing(order.organisation) as changeset:
        sites.register_site(changeset, ident, facts, details)
    return order.change(changeset)


def install(
    order: Order,
    part: str,
    into: str,
    *,
    kind: str | None = None,
    into_kinds: Collection[str] = ASSEMBLIES,
    place: int | None = None,
    exact: bool = False,
    with_packs: bool = False,
) -> Change:
    """Install a part in an assembly; an unknown part is registered as ``kind``.

    :param exact: whether a dock of a cabinet is certainly as the cabinet counts.
    :param with_packs: whether a cabinet may leave its PMS with the packs in it.
    """
    found, assembly = part_and_assembly(part, into, kind, order.account_id, into_kinds, order.among)
    with order.editing(assembly.account_id) as changeset:
        if found is not None:
            entry = changeset.view.entry(found.id)
        else:
            entry = registration.register(changeset, str(kind), part)
        target = changeset.view.entry(assembly.id)
        moves.install(changeset, entry, target, place, order.at, exact=exact)
        keep_packs(changeset, allowed=with_packs)
    return order.change(changeset)


def remove(order: Order, part: str, *, kind: str | None = None, with_packs: bool = False) -> Change:
    """Remove a part from where it is.

    :param with_packs: whether a cabinet may leave its PMS with the packs in it.
    """
    found = only_part(part, kind, order.account_id, among=order.among)
    with order.editing(found.account_id) as changeset:
        entry = changeset.view.entry(found.id)
        moves.remove(changeset, entry, order.at)
        keep_packs(changeset, allowed=with_packs)
    return order.change(changeset)


def swap(
    order: Order,
    old: str,
    new: str,
    *,
    kind: str | None = None,
    new_too: bool = False,
    with_packs: bool = False,
) -> Change:
    """Let a part take another's place; an unknown one is registered as ``kind`` or as the old.

    :param new_too: whether a case or cabinet may be new, or have the id of something else.
    :param with_packs: whether cabinets may leave their PMSes with the packs in them.
    """
    kinds: Collection[str] = interchangeable(kind) if kind else PART_KINDS
    found = parts_named(old, kinds, order.account_id, among=order.among)
    same = [f for f in found if f.kind == kind]
    taken = only_match(old, same or found, kinds, order.account_id, among=order.among)
    with order.editing(taken.account_id) as changeset:
        fresh = found_or_registered(
            changeset, kind or taken.kind, new, new_too=new_too, among=order.among
        )
        entry = changeset.view.entry(taken.id)
        moves.swap(changeset, entry, fresh, order.at)
        keep_packs(changeset, allowed=with_packs)
    return order.change(changeset)


def move_case(order: Order, case: str, *, cabinet: str, dock: int) -> Change:
    """Move a case to a dock of a cabinet, by either of its numbers."""
    found, rack = pair(case, [CASE], cabinet, [CABINET], order.account_id, order.among)
    with order.editing(found.account_id) as changeset:
        entries = changeset.view.entries
        moves.install(changeset, entries[found.id], entries[rack.id], dock, order.at)
    return order.change(changeset)


@dataclass(frozen=True, slots=True)
class CorrectedInstallation:
    """The corrected values of an installation; None for what stays as it is.

    :param exact: whether a dock of a cabinet is certainly as the cabinet counts.
    """

    into: str | None = None
    place: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    exact: bool = False

    def __bool__(self) -> bool:
        """Whether anything is corrected."""
        return any(v is not None for v in (self.into, self.place, self.since, self.until))


def correct(
    order: Order,
    part: str,
    corrected: CorrectedInstallation,
    details: Details,
    *,
    facts: SiteFacts = NO_FACTS,
    kind: str | None = None,
    into_kinds: Collection[str] = ASSEMBLIES,
    with_packs: bool = False,
) -> Change:
    """Correct a recorded installation, or details of a registration.

    :param with_packs: whether cabinets may leave their PMSes with the packs in them.
    :raises RegistryError: also if nothing is to be corrected.
    """
    given = any(value is not None for value in details.values())
    if not given and not corrected and facts == NO_FACTS:
        raise RegistryError(message("Say what to correct: where it was, since when, until when…"))
    if corrected.into is not None:
        kinds = [kind] if kind else PART_KINDS
        found, assembly = pair(
            part, kinds, corrected.into, into_kinds, order.account_id, order.among
        )
    elif corrected:
        found = only_part(part, kind, order.account_id, among=order.among)
        assembly = None
    else:
        found, assembly = _find(order, part, kind), None
    check_parent(found.account_id, details.get("parent_asset_id"))
    with order.editing(found.account_id) as changeset:
        if given:
            registration.amend(changeset, changeset.view.entry(found.id), **details)
        sites.amend_site(changeset, changeset.view.entry(found.id), facts)
        if corrected:
            correction.correct(
                changeset,
                changeset.view.entry(found.id),
                changeset.view.entry(assembly.id) if assembly else None,
                place=corrected.place,
                since=corrected.since,
                until=corrected.until,
                exact=corrected.exact,
            )
            keep_packs(changeset, allowed=with_packs)
    return order.change(changeset)


def add_alias(order: Order, board: str, alias: str) -> Change:
    """Let an acquisition board be known under one more spelling of its id."""
    found = _find(order, board, BOARD)
    with order.editing(found.account_id) as changeset:
        registration.add_alias(changeset, changeset.view.entry(found.id), alias)
    return order.change(changeset)


def service(order: Order, ident: str, *, kind: str | None = None) -> Change:
    """Record that something was serviced; what was done is the author's note."""
    if not order.author.note:
        raise RegistryError(message("Say what was done: it is kept in the history."))
    found = _find(order, ident, kind)
    with order.editing(found.account_id) as changeset:
        record_service(changeset, changeset.view.entry(found.id), order.at)
    return order.change(changeset)


def ship(order: Order, ident: str, *, kind: str | None = None) -> Change:
    """Record that something was sent off; no place changes."""
    found = _find(order, ident, kind)
    with order.editing(found.account_id) as changeset:
        record_shipment(changeset, changeset.view.entry(found.id), order.at)
    return order.change(changeset)


def give_back(order: Order, ident: str, *, kind: str | None = None) -> Change:
    """Record that something was returned to where it came from; it must not be installed."""
    found = _find(order, ident, kind)
    with order.editing(found.account_id) as changeset:
        record_return(changeset, changeset.view.entry(found.id), order.at)
    return order.change(changeset)


def retire(
    order: Order, ident: str, *, kind: str | None = None, with_packs: bool = False
) -> Change:
    """Take something out of use; its telemetry and history stay, and what is in it.

    :param with_packs: whether a cabinet may leave its PMS with the packs in it.
    """
    found = _find(order, ident, kind)
    with order.editing(found.account_id) as changeset:
        entry = changeset.view.entry(found.id)
        record_retirement(changeset, entry, order.at)
        keep_packs(changeset, allowed=with_packs)
    return order.change(changeset)


def revive(order: Order, ident: str, *, kind: str | None = None) -> Change:
    """Bring something retired back into use; it can be installed again."""
    found = _find(order, ident, kind)
    with order.editing(found.account_id) as changeset:
        record_revival(changeset, changeset.view.entry(found.id))
    return order.change(changeset)


def _find(order: Order, ident: str, kind: str | None) -> Found:
    kinds = [kind] if kind else None
    return find_one(ident, kinds=kinds, account_id=order.account_id, among=order.among)
