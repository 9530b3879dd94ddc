"""Which things the ids of an order name: each id helps to resolve the other."""

from __future__ import annotations

from collections.abc import Collection
from shlex import quote

from flexmeasures_pms.errors import UnknownId
from flexmeasures_pms.registry.directory import Entry
from flexmeasures_pms.registry.editing import registration
from flexmeasures_pms.registry.editing.changeset import Changeset
from flexmeasures_pms.registry.kinds import (
    BOARD,
    CABINET,
    CASE,
    DEVICES,
    KINDS,
    PART_KINDS,
    PMS,
    SITE,
    interchangeable,
    slot_for,
    words,
)
from flexmeasures_pms.registry.queries.browse import ever_installed
from flexmeasures_pms.registry.queries.search import (
    Found,
    Searching,
    find_one,
    only_match,
    search,
    unknown_id,
)

ASSEMBLIES = (CASE, CABINET, PMS, SITE)


def search_within(
    changeset: Changeset,
    text: str,
    *,
    kinds: Collection[str] | None = None,
    account_id: int | None = None,
) -> list[Found]:
    """Return all that an id names in a changeset's organisation, oldest first.

    :param account_id: that organisation, if any is given.
    """
    if account_id not in (None, changeset.account_id):
        return []
    named = (changeset.view.find(kind, text) for kind in (KINDS if kinds is None else kinds))
    found = sorted((entry for entry in named if entry is not None), key=lambda entry: entry.id)
    return [
        Found(changeset.account_id, entry.id, entry.kind, entry.ident, entry.retired_at)
        for entry in found
    ]


def pair(
    part: str,
    part_kinds: Collection[str],
    into: str,
    into_kinds: Collection[str],
    account_id: int | None,
    among: Searching = search,
) -> tuple[Found, Found]:
    """Return the part and the assembly that two ids name.

    :param among: finds what they may be.
    :raises UnknownId: if one names nothing, or they are not of one organisation.
    :raises AmbiguousId: if one names several things even beside the other.
    """
    parts = among(part, kinds=part_kinds, account_id=account_id)
    assemblies = among(into, kinds=into_kinds, account_id=account_id)
    together = [(p, a) for p in parts for a in assemblies if p.account_id == a.account_id]
    fitting = [(p, a) for p, a in together if slot_for(a.kind, p.kind)] or together
    accounts = {p.account_id for p, _ in fitting}
    if parts and assemblies and not together:
        raise UnknownId(f"'{part}' and '{into}' are not registered in one organisation.")
    if parts and not assemblies:
        raise _unknown_assembly(into, into_kinds, parts, account_id, among)
    if len(accounts) == 1:
        (account_id,) = accounts
    fitting_parts = list(dict.fromkeys(p for p, _ in fitting))
    fitting_assemblies = list(dict.fromkeys(a for _, a in fitting))
    return (
        only_match(part, fitting_parts or parts, part_kinds, account_id, among=among),
        only_match(
            into,
            fitting_assemblies or assemblies,
            into_kinds,
            account_id,
            option="--into-kind",
            among=among,
        ),
    )


def part_and_assembly(
    part: str,
    into: str,
    kind: str | None,
    account_id: int | None,
    into_kinds: Collection[str] = ASSEMBLIES,
    among: Searching = search,
) -> tuple[Found | None, Found]:
    """Return what two ids name; no part where it is to be registered as ``kind``.

    :param among: finds what they may be.
    :raises UnknownId: if the assembly is not registered, or neither the part nor its kind.
    """
    kinds = [kind] if kind else PART_KINDS
    if among(part, kinds=kinds, account_id=account_id) or kind is None:
        try:
            return pair(part, kinds, into, into_kinds, account_id, among)
        except UnknownId:
            assemblies = among(into, kinds=into_kinds, account_id=account_id)
            if kind is None and assemblies and not among(part, account_id=account_id):
                raise _unknown_part(part, kinds, assemblies, account_id, among) from None
            # Known, but to another organisation than the assembly's.
            if kind is None or not assemblies:
                raise
    fitting_kinds = [k for k in into_kinds if slot_for(k, str(kind))]
    fitting = among(into, kinds=fitting_kinds, account_id=account_id)
    if fitting:
        return None, only_match(
            into, fitting, fitting_kinds, account_id, option="--into-kind", among=among
        )
    return None, find_one(into, kinds=into_kinds, account_id=account_id, among=among)


def parts_named(
    text: str, kinds: Collection[str], account_id: int | None, among: Searching = search
) -> list[Found]:
    """Return the parts of some kinds that an id names.

    A device that was never in a site is none, unless the id names nothing else.

    :param among: finds what they may be.
    """
    found = among(text, kinds=kinds, account_id=account_id)
    devices = [one.id for one in found if one.kind in DEVICES]
    if len(found) == len(devices):
        return found
    placed = ever_installed(devices)
    return [one for one in found if one.kind not in DEVICES or one.id in placed]


def only_part(
    text: str, kind: str | None, account_id: int | None, among: Searching = search
) -> Found:
    """Return the one part that an id names.

    :param among: finds what it may be.

    :raises UnknownId: if it names none.
    :raises AmbiguousId: if it names several.
    """
    kinds = [kind] if kind else PART_KINDS
    found = parts_named(text, kinds, account_id, among)
    return only_match(text, found, kinds, account_id, among=among)


def found_or_registered(
    changeset: Changeset, kind: str, ident: str, *, new_too: bool, among: Searching = search
) -> Entry:
    """Return the part that an id names, or register it.

    :param among: finds what it may be.

    :raises UnknownId: for a new case or cabinet, and a new part that has the id of another
        thing, unless that is meant.
    """
    known = (changeset.view.find(k, ident) for k in interchangeable(kind))
    found = next((entry for entry in known if entry is not None), None)
    if found is not None:
        return found
    others = among(ident, account_id=changeset.account_id)
    if not new_too and (others or kind in (CASE, CABINET, *DEVICES)):
        # One pack id can't be a case's and a board's: no option helps.
        command = f"for a new {words(kind)} give --register"
        clash = any({kind, other.kind} == {CASE, BOARD} for other in others)
        raise unknown_id(
            ident,
            interchangeable(kind),
            changeset.account_id,
            command="" if clash else command,
            among=among,
        )
    return registration.register(changeset, kind, ident)


def _unknown_assembly(
    into: str,
    into_kinds: Collection[str],
    parts: list[Found],
    account_id: int | None,
    among: Searching,
) -> UnknownId:
    fitting = {k for k in into_kinds for part in parts if slot_for(k, part.kind)}
    account = f"--account {account_id or parts[0].account_id}"
    command = f"a new one is registered with `register-case {quote(into)} {account}`"
    if fitting != {CASE}:
        command = ""
    return unknown_id(into, into_kinds, account_id, command=command, among=among)


def _unknown_part(
    part: str,
    kinds: Collection[str],
    assemblies: list[Found],
    account_id: int | None,
    among: Searching,
) -> UnknownId:
    fitting = (k for k in PART_KINDS for a in assemblies if slot_for(a.kind, k))
    which = " or ".join(f"--kind {kind}" for kind in dict.fromkeys(fitting))
    command = f"to register it as a new part, say what it is with {which}"
    return unknown_id(part, kinds, account_id, command=command, among=among)
