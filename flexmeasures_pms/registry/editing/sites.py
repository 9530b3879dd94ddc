"""What is registered of a site besides what every trackable has: its address and contact."""

from __future__ import annotations

from collections.abc import Mapping
from shlex import quote

from flexmeasures.data import db
from msgspec.structs import asdict, replace
from sqlalchemy.dialects.postgresql import insert

from flexmeasures_pms import identifiers
from flexmeasures_pms.errors import RegistryConflict, RegistryError
from flexmeasures_pms.registry.directory import Entry
from flexmeasures_pms.registry.editing import registration
from flexmeasures_pms.registry.editing.changeset import Changeset
from flexmeasures_pms.registry.kinds import SITE
from flexmeasures_pms.registry.master_tables import site
from flexmeasures_pms.registry.messages.message import DetailsText, message
from flexmeasures_pms.registry.queries.sites import NO_FACTS, SiteFacts

MAX_TEXT = 500


def register_site(
    changeset: Changeset, ident: str, facts: SiteFacts, details: registration.Details
) -> Entry:
    """Register a site, or add what was not known yet of one; return it.

    :raises RegistryConflict: if other details are registered.
    :raises RegistryError: for an unusable id or detail.
    """
    given, is_new = _given(facts), changeset.view.find(SITE, ident) is None
    entry = registration.register(changeset, SITE, ident, **details)
    if is_new:
        first = changeset.transactions[-1]
        changeset.transactions[-1] = replace(first, after={**(first.after or {}), **given})
        changeset.sites[entry.id] = SiteFacts(**given)
        return entry
    known = _given(changeset.sites.get(entry.id, NO_FACTS))
    added = {name: text for name, text in given.items() if name not in known}
    for name, text in given.items():
        if known.get(name, text) != text:
            raise _registered_otherwise(entry, name, known[name], text)
    if added:
        _change(changeset, entry, added, "serviced")
        names = DetailsText(dict.fromkeys(added))
        changeset.add_message(registration.ADDED, what=entry, details=names)
    return entry


def amend_site(changeset: Changeset, entry: Entry, facts: SiteFacts) -> None:
    """Replace what was registered wrongly of a site.

    :raises RegistryError: for an unusable text, or something that is no site.
    """
    given = _given(facts)
    if given and entry.kind != SITE:
        raise RegistryError(message("{what} has no address: only sites have.", what=entry))
    known = _given(changeset.sites.get(entry.id, NO_FACTS))
    changed = {name: text for name, text in given.items() if known.get(name) != text}
    if given and not changed:
        changeset.add_unchanged("{what} has these details already.", what=entry)
    if changed:
        _change(changeset, entry, changed, "corrected")
        details = DetailsText(changed)
        changeset.add_message(registration.CORRECTED, what=entry, details=details)


def write_sites(changeset: Changeset) -> None:
    """Write what was changed of sites."""
    for number, facts in changeset.sites.changed.items():
        values = asdict(facts)
        statement = insert(site).values(
            trackable_id=number, account_id=changeset.account_id, **values
        )
        db.session.execute(
            statement.on_conflict_do_update(index_elements=["trackable_id"], set_=values)
        )


def _given(facts: SiteFacts) -> dict[str, str]:
    texts = ((name, _checked(name, text)) for name, text in asdict(facts).items())
    return {name: text for name, text in texts if text}


def _checked(name: str, text: str | None) -> str:
    cleaned = identifiers.clean(text or "")
    details = DetailsText({name: None})
    if len(cleaned) > MAX_TEXT:
        said = message("This is longer than {n} characters: {name}.", name=details, n=MAX_TEXT)
        raise RegistryError(said)
    if identifiers.control_character(cleaned):
        raise RegistryError(message("This has control characters: {name}.", name=details))
    return cleaned


def _change(changeset: Changeset, entry: Entry, new: Mapping[str, str], verb: str) -> None:
    before = changeset.sites.get(entry.id, NO_FACTS)
    changeset.sites[entry.id] = replace(before, **new)
    was = {name: text for name, text in _given(before).items() if name in new}
    changeset.record(verb, entry, was or None, dict(new), changeset.now)


def _registered_otherwise(entry: Entry, name: str, known: str, given: str) -> RegistryConflict:
    change = f"correct {quote(entry.ident)} --kind {SITE} --{name} {quote(given)} --note …"
    return RegistryConflict(
        message(
            "{what} is registered with {details}.",
            what=entry,
            details=DetailsText({name: known}),
        ),
        command=f"change it with `{change}`",
        cure="other_details",
    )
