"""Registering and correcting parties."""

from __future__ import annotations

from collections.abc import Collection
from shlex import quote
from typing import Any, TypedDict, Unpack

from msgspec.structs import asdict, replace

from flexmeasures_pms.errors import RegistryConflict
from flexmeasures_pms.registry.editing.changeset import Changeset
from flexmeasures_pms.registry.editing.registration import ADDED, REGISTERED
from flexmeasures_pms.registry.editing.stated_details import (
    CORRECTED,
    HAS_DETAILS,
    additions,
    corrections,
    details_text,
    unknown_record,
)
from flexmeasures_pms.registry.master import queries, rules
from flexmeasures_pms.registry.master.record_tables import PARTIES
from flexmeasures_pms.registry.master.records import Party, party_key
from flexmeasures_pms.registry.master_tables import party as table
from flexmeasures_pms.registry.messages.message import message
from flexmeasures_pms.registry.messages.record_text import PARTY, RecordText

CLEARABLE = ("roles", "contact", "email", "phone", "address", "note")


class PartyDetails(TypedDict, total=False):
    """What is said of a party besides its name; None or nothing for what is not."""

    roles: Collection[str] | None
    contact: str | None
    email: str | None
    phone: str | None
    address: str | None
    note: str | None


def register_party(changeset: Changeset, name: str, **details: Unpack[PartyDetails]) -> Party:
    """Register a party, or add to one that is registered what is not known of it; return it.

    Its roles are those of all statements.

    :raises RegistryConflict: if other details are registered.
    :raises RegistryError: for an unusable name or detail.
    """
    name, state = rules.name("name", name), changeset.master
    stated = _checked(details)
    known = state.parties.find(party_key(name))
    if known is None:
        given = {field: value for field, value in stated.items() if value is not None}
        new = Party(state.number(PARTIES), name, **given)
        state.put_party(new, "registered")
        changeset.add_message(REGISTERED, what=party_text(new))
        return new
    return _add(changeset, known, stated)


def _add(changeset: Changeset, known: Party, stated: dict[str, Any]) -> Party:
    what, new_roles = party_text(known), stated.pop("roles", None) or ()
    added = additions(
        what, asdict(known), stated, command=f"correct-party {quote(known.name)} … --note …"
    )
    if set(new_roles) - set(known.roles):
        added["roles"] = rules.roles((*known.roles, *new_roles))
    if not added:
        changeset.add_unchanged("{what} is registered already.", what=what)
        return known
    changed = replace(known, **added)
    changeset.master.put_party(changed, "updated")
    changeset.add_message(ADDED, what=what, details=details_text(added))
    return changed


def correct_party(
    changeset: Changeset,
    party: Party,
    *,
    name: str | None = None,
    unknown: Collection[str] = (),
    **details: Unpack[PartyDetails],
) -> None:
    """Correct what is registered of a party.

    :param name: its name, if it is another.
    :param unknown: fields whose value is unknown after all.
    :raises RegistryConflict: if another party has the name.
    """
    new_name = None if name is None else rules.name("name", name)
    stated = {"name": new_name, **_checked(details)}
    wanted = corrections(asdict(party), stated, unknown, CLEARABLE)
    if "roles" in wanted:
        wanted["roles"] = wanted["roles"] or ()
    changed, what = replace(party, **wanted), party_text(party)
    other = changeset.master.parties.find(party_key(changed.name))
    if other is not None and other.id != party.id:
        raise RegistryConflict(message("{what} is registered already.", what=party_text(other)))
    if changed == party:
        changeset.add_unchanged(HAS_DETAILS, what=what)
        return
    changeset.master.put_party(changed, "corrected")
    changeset.add_message(CORRECTED, what=what, details=details_text(wanted))


def find_party(changeset: Changeset, name: str) -> Party:
    """Return the party of a name.

    :raises UnknownId: if none is registered.
    """
    cleaned = rules.name("name", name)
    found = changeset.master.parties.find(party_key(cleaned))
    if found is not None:
        return found
    near = tuple(queries.names(changeset.account_id, table.c.name))
    said = message("No party '{text}' is registered.", text=cleaned)
    raise unknown_record(said, near, cleaned, "parties")


def party_text(party: Party) -> RecordText:
    """Return a party as written in sentences."""
    return RecordText(PARTY, party.name)


def _checked(details: PartyDetails) -> dict[str, Any]:
    roles, email = details.get("roles"), details.get("email")
    texts = {field: details.get(field) for field in ("contact", "phone", "address", "note")}
    return {
        "roles": rules.roles(roles) if roles else None,
        "email": None if email is None else rules.email(email),
        **{f: None if text is None else rules.line(f, str(text)) for f, text in texts.items()},
    }
