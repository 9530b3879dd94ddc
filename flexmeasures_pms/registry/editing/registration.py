"""Registering trackables and the spellings of their ids."""

from __future__ import annotations

import re
from shlex import quote
from typing import Any, TypedDict, Unpack
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from flexmeasures_pms import identifiers
from flexmeasures_pms.errors import RegistryConflict, RegistryError
from flexmeasures_pms.registry.directory import Entry
from flexmeasures_pms.registry.editing.changeset import Changeset
from flexmeasures_pms.registry.editing.rehoming import take_over_docks
from flexmeasures_pms.registry.kinds import BOARD, CABINET, CASE, KINDS, MAX_DOCKS, words
from flexmeasures_pms.registry.messages.message import (
    DetailsText,
    KindText,
    TrackableText,
    message,
    message_form,
    since,
)

NO_ANSWER = "0"
REGISTERED = message_form("Registered {what}.")
REGISTERED_WITH = message_form("Registered {what} and {things} with it.")
ALSO_KNOWN = message_form("{what} is now also known as {alias}.")
ADDED = message_form("Added to {what}: {details}.")
ADDED_TO_SEVERAL = message_form("Added to {what} and {things}: {details}.")
CORRECTED = message_form("Corrected {what}: {details}.")
_SHORT_F = re.compile(r"^[0-9A-F]{3}FF(?=[0-9A-F])")


class Details(TypedDict, total=False):
    """Details of a trackable besides its kind and id; None where one is not given."""

    docks: int | None
    timezone: str | None
    latitude: float | None
    longitude: float | None
    parent_asset_id: int | None


def register(changeset: Changeset, kind: str, ident: str, **details: Unpack[Details]) -> Entry:
    """Register a trackable, or find it registered already; return it.

    Details that were not known yet are added to what is registered.

    :raises RegistryConflict: if the id has another meaning, or other details are registered.
    :raises RegistryError: for an unusable id or detail.
    """
    ident = _checked_ident(kind, ident)
    _check_details(kind, ident, details)
    known = changeset.view.find(kind, ident)
    if known is not None:
        changeset.again.add(known.id)
        return _add_details(changeset, known, details)
    _check_new(changeset, kind, ident)
    entry = changeset.add(Entry(0, kind, ident, **details))
    changeset.add_message(REGISTERED, what=entry)
    return entry


def add_alias(changeset: Changeset, board: Entry, alias: str) -> None:
    """Let an acquisition board be known under one more spelling of its id.

    :raises RegistryConflict: if the spelling has another meaning.
    """
    if board.kind != BOARD:
        raise RegistryError(message("{what} can't have an alias: only boards can.", what=board))
    alias = _checked_ident(BOARD, alias)
    known = changeset.view.find(BOARD, alias)
    if known is not None and known.id != board.id:
        problem = message(
            "'{alias}' is a spelling of {what} already, so it can't be one of {other} as well.",
            alias=alias,
            what=known,
            other=board,
        )
        raise RegistryConflict(problem)
    if known is not None:
        changeset.add_unchanged("{what} is known as {alias} already.", what=board, alias=alias)
        return
    _check_new(changeset, BOARD, alias)
    changeset.add_alias(board, alias)
    changeset.add_message(ALSO_KNOWN, what=board, alias=alias)


def amend(changeset: Changeset, entry: Entry, **details: Unpack[Details]) -> None:
    """Replace details that were registered wrongly.

    :raises RegistryError: for an unusable detail.
    """
    _check_details(entry.kind, entry.ident, details)
    given: dict[str, Any] = {n: value for n, value in details.items() if value is not None}
    amended = replace(entry, **given)
    if amended == entry:
        changeset.add_unchanged("{what} has these details already.", what=entry)
        return
    _check_docks(changeset, amended)
    changeset.amend(amended, "corrected")
    changeset.add_message(CORRECTED, what=entry, details=DetailsText(given))
    _use_docks(changeset, amended)


def _add_details(changeset: Changeset, known: Entry, details: Details) -> Entry:
    added: dict[str, Any] = {}
    for name, value in details.items():
        registered = getattr(known, name)
        if value is None or value == registered:
            continue
        if registered is not None:
            raise RegistryConflict(
                message(
                    "{what} is registered with {details}, not {value}.",
                    what=known,
                    details=DetailsText({name: registered}),
                    value=str(value),
                ),
                command=_correction(known, name, value, details),
                cure="other_details",
            )
        added[name] = value
    if not added:
        _add_known(changeset, known)
        return known
    amended = replace(known, **added)
    _check_docks(changeset, amended)
    changeset.amend(amended, "serviced")
    names = DetailsText(dict.fromkeys(added))
    changeset.add_message(ADDED, what=known, details=names)
    _use_docks(changeset, amended)
    return amended


def _correction(known: Entry, name: str, value: object, details: Details) -> str:
    """Return the command that changes a detail."""
    options = f"--{name.removesuffix('_id').replace('_', '-')} {value}"
    if name in ("latitude", "longitude"):  # they go together
        options = f"--latitude {details['latitude']} --longitude {details['longitude']}"
    change = f"correct {quote(known.ident)} --kind {known.kind} {options} --note …"
    return f"change it with `{change}`"


def _add_known(changeset: Changeset, known: Entry) -> None:
    if known.retired_at is None:
        changeset.add_unchanged("{what} is registered already.", what=known)
        return
    changeset.add_unchanged(
        "{what} is registered already, and retired, {since}.",
        what=known,
        since=since(known.retired_at),
    )


def _checked_ident(kind: str, ident: str) -> str:
    if kind not in KINDS:
        raise RegistryError(f"'{kind}' is not a kind: use one of {', '.join(KINDS)}.")
    text = identifiers.clean(ident)
    if not text:
        raise RegistryError(message("The id of the {kind} is empty.", kind=KindText(words(kind))))
    if identifiers.fault(text):
        raise _not_an_id(kind, text)
    if kind == BOARD and text == NO_ANSWER:
        raise RegistryError(
            message("'0' can't be a board's id: it is sent for packs that don't answer.")
        )
    return text


def _not_an_id(kind: str, text: str) -> RegistryError:
    shown = "".join(c if c.isprintable() else "?" for c in text[: identifiers.MAX_LENGTH])
    return RegistryError(
        message(
            "'{ident}' can't be the id of a new {kind}: use at most {most} characters, and no <, "
            ">, quotes, backslashes or control characters.",
            ident=shown,
            kind=KindText(words(kind)),
            most=identifiers.MAX_NEW_LENGTH,
        )
    )


def _check_new(changeset: Changeset, kind: str, ident: str) -> None:
    """Refuse an id that others could misread, whatever is registered already."""
    if not identifiers.may_be_new(ident):
        raise _not_an_id(kind, ident)
    _check_unambiguous(changeset, kind, ident)


def _check_unambiguous(changeset: Changeset, kind: str, ident: str) -> None:
    """Refuse an id that would mean both a case and a board (A4.2)."""
    if kind == CASE:
        other = changeset.view.find(BOARD, ident)
    elif kind == BOARD:
        other = next(filter(None, (changeset.view.find(CASE, s) for s in spellings(ident))), None)
    else:
        return
    if other is not None:
        raise RegistryConflict(
            message(
                "'{ident}' can't be registered as {kind}: it would also mean {what}, so a pack id "
                "would be ambiguous.",
                ident=ident,
                kind=KindText(words(kind)),
                what=other,
            )
        )


def spellings(board: str) -> tuple[str, ...]:
    """Return the ids that a case can't have because of a board's."""
    canonical = identifiers.board_key(board)
    if not _SHORT_F.match(canonical):
        return (canonical,)
    return canonical, f"{canonical[:3]}FFFFFF{canonical[5:]}"


def _check_details(kind: str, ident: str, details: Details) -> None:
    docks = details.get("docks")
    if docks is not None and (kind != CABINET or not 1 <= docks <= MAX_DOCKS):
        raise RegistryError(
            message(
                "{what} can't have {n} docks: a cabinet has 1-{most}, other things have none.",
                what=TrackableText(kind, ident),
                n=docks,
                most=MAX_DOCKS,
            )
        )
    latitude, longitude = details.get("latitude"), details.get("longitude")
    if (latitude is None) != (longitude is None):
        raise RegistryError(message("Latitude and longitude go together: give both or neither."))
    if not -90 <= (latitude or 0) <= 90 or not -180 <= (longitude or 0) <= 180:
        place = f"{latitude}, {longitude}"
        raise RegistryError(message("There is no place {place}: use degrees.", place=place))
    timezone = details.get("timezone")
    if timezone is not None:
        _check_timezone(timezone)


def _check_timezone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:
        raise RegistryError(
            message("'{name}' is not a time zone: use a name such as Asia/Jakarta.", name=name)
        ) from error


def _check_docks(changeset: Changeset, cabinet: Entry) -> None:
    if cabinet.kind != CABINET or cabinet.docks is None:
        return
    used = [r for r in changeset.view.by_assembly.get(cabinet.id, ()) if r.slot == "dock"]
    highest = max((r.place or 0 for r in used), default=0)
    if highest > cabinet.docks:
        raise RegistryConflict(
            message(
                "{what} can't have {n} docks: dock {place} is in its records.",
                what=cabinet,
                n=cabinet.docks,
                place=highest,
            )
        )


def _use_docks(changeset: Changeset, entry: Entry) -> None:
    """Move in cases that reported docks which the cabinet was not known to have."""
    if entry.kind == CABINET:
        for row in changeset.rows(entry.id):
            take_over_docks(changeset, row)
