"""What a statement adds to a record, or corrects of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any

from flexmeasures_pms.errors import RegistryConflict, RegistryError, UnknownId
from flexmeasures_pms.registry.master.records import compared
from flexmeasures_pms.registry.master.rules import WORDS
from flexmeasures_pms.registry.messages.message import (
    DetailsText,
    Message,
    MessageValue,
    message,
    message_form,
)

Shown = Mapping[str, object]
"""Values by the names of their fields, as people read them."""

HAS_DETAILS = message_form("{what} has these details already.")
CORRECTED = message_form("Corrected {what}: {details}.")


def additions(
    what: MessageValue, registered: Shown, stated: Shown, *, command: str
) -> dict[str, Any]:
    """Return what a statement adds to what is registered.

    :param registered: the values; None for what is unknown.
    :param stated: the values; None for what is not said.
    :param command: the command that corrects it, without its options.
    :raises RegistryConflict: if another value is registered.
    """
    added: dict[str, Any] = {}
    for field, value in stated.items():
        known = registered.get(field)
        if value is None or same(known, value):
            continue
        if known is not None:
            raise RegistryConflict(
                message(
                    "{what} is registered with {details}, not {value}.",
                    what=what,
                    details=details_text({field: known}),
                    value=str(value),
                ),
                command=f"change it with `{command}`",
                cure="other_details",
            )
        added[field] = value
    return added


def corrections(
    registered: Shown, stated: Shown, unknown: Collection[str], clearable: Collection[str]
) -> dict[str, Any]:
    """Return what a correction changes.

    :param unknown: fields whose value is unknown after all.
    :param clearable: those that can be unknown.
    :raises RegistryError: for a field that is always known, or is stated as well.
    """
    given = {field: value for field, value in stated.items() if value is not None}
    for field in unknown:
        if field not in clearable:
            form = message_form("'{text}' can't be unknown: use some of {fields}.")
            raise RegistryError(message(form, text=field[:80], fields=", ".join(clearable)))
        if field in given:
            raise RegistryError(message("Say of {field} either that it is unknown or what it is.",
                                        field=field))  # fmt: skip
    wanted = given | dict.fromkeys(unknown)
    if not wanted:
        raise RegistryError(message("Say what to correct."))
    return {field: value for field, value in wanted.items() if registered.get(field) != value}


def same(known: object, value: object) -> bool:
    """Whether two values are the same; texts but for case and spaces."""
    if isinstance(known, str) and isinstance(value, str):
        return compared(known) == compared(value)
    return known == value


def details_text(values: Shown) -> DetailsText:
    """Return values in words; what is unknown is said to be."""
    return DetailsText({WORDS.get(field, field): shown(value) for field, value in values.items()})


def shown(value: object) -> object:
    """Return a value as people read it."""
    if value is None:
        return "-"
    return ", ".join(map(str, value)) if isinstance(value, tuple | list) else value


def unknown_record(said: Message, near: Collection[str], name: str, command: str) -> UnknownId:
    """Return the error for a name that is not registered, with what may have been meant.

    :param said: the sentence that says it.
    :param near: the registered names.
    :param command: that lists them.
    """
    alike = {compared(one): one for one in near}
    meant = [alike[one] for one in get_close_matches(compared(name), alike, n=3, cutoff=0.6)]
    if meant:
        said = message("{said} Did you mean {names}?", said=said, names=", ".join(meant))
    see = f"see `{command}`, or register it first"
    return UnknownId(said, command=see, cure="unknown_record")
