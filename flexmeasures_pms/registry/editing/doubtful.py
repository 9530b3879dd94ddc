"""New ids that are doubtful: nearly equal to a known one, or hardly an id at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from flexmeasures_pms import identifiers
from flexmeasures_pms.errors import RegistryConflict
from flexmeasures_pms.registry.directory import ident_key
from flexmeasures_pms.registry.editing.change import Change
from flexmeasures_pms.registry.editing.odd_ids import from_spreadsheet, is_placeholder, quoted_id
from flexmeasures_pms.registry.editing.similar import near_ids
from flexmeasures_pms.registry.kinds import words
from flexmeasures_pms.registry.messages.message import (
    KindText,
    Message,
    TrackableText,
    message,
    message_form,
)

DoubtKind = Literal["similar", "spreadsheet", "quoted", "placeholder"]


@dataclass(frozen=True, slots=True)
class AcceptedIds:
    """Which doubtful ids may be registered.

    :param similar: those that differ from a known one only by leading zeros.
    :param odd: placeholders, and what spreadsheets make of ids.
    """

    similar: bool = False
    odd: bool = False


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a new id may be a mistake."""

    kind: DoubtKind
    said: Message


NO_DOUBTFUL_IDS = AcceptedIds()


def doubts_about_new(change: Change) -> tuple[Doubt, ...]:
    """Return why newly registered ids may be mistakes, at most one reason for each."""
    names = {(kind, ident_key(kind, ident)): ident for kind, ident in change.added}
    if not names:
        return ()
    near = near_ids(change.account_id, names)
    found = (
        doubt_about(kind, ident, _others(near[kind, identifiers.without_zeros(key)], key))
        for (kind, key), ident in names.items()
    )
    return tuple(doubt for doubt in found if doubt is not None)


def _others(near: Mapping[str, str], key: str) -> dict[str, str]:
    return {other: ident for other, ident in near.items() if other != key}


def doubt_about(kind: str, ident: str, near: Mapping[str, str]) -> Doubt | None:
    """Return why an id that is not registered may be a mistake.

    :param near: ids that it nearly equals, by their compared form.
    """
    odd = odd_id(kind, ident)
    if odd is not None or not near:
        return odd
    known = TrackableText(kind, near[min(near)])
    form = message_form("'{ident}' differs from the known {what} only by leading zeros.")
    return Doubt("similar", message(form, ident=ident, what=known))


def odd_id(kind: str, ident: str) -> Doubt | None:
    """Return why a text can hardly be an id, whatever is registered."""
    what = KindText(words(kind))
    if is_placeholder(ident):
        form = message_form("'{ident}' is a placeholder, not the id of a new {kind}.")
        return Doubt("placeholder", message(form, ident=ident, kind=what))
    meant = quoted_id(ident)
    if meant is not None:
        form = message_form(
            "'{ident}' is what a spreadsheet makes of the id of a new {kind}: write {meant}."
        )
        return Doubt("quoted", message(form, ident=ident, kind=what, meant=meant))
    if from_spreadsheet(ident):
        form = message_form("'{ident}' is what a spreadsheet makes of the id of a new {kind}.")
        return Doubt("spreadsheet", message(form, ident=ident, kind=what))
    return None


_COMMANDS: Mapping[DoubtKind, str] = {
    "similar": "write it as it is registered, or give --allow-similar-ids for another one",
    "quoted": "",  # no id has quotes
    "spreadsheet": "write it as on its label, or give --allow-odd-ids if it is spelled so",
    "placeholder": "leave it out until it is known, or give --allow-odd-ids if it is spelled so",
}


def refuse_doubtful(change: Change, accepted: AcceptedIds = NO_DOUBTFUL_IDS) -> None:
    """Refuse a change that registers a doubtful id.

    :raises RegistryConflict: for the first such id that is not accepted.
    """
    for doubt in _not_accepted(change, accepted):
        raise RegistryConflict(doubt.said, command=_COMMANDS[doubt.kind], cure=doubt.kind)


def _not_accepted(change: Change, accepted: AcceptedIds) -> Iterator[Doubt]:
    if accepted.similar and accepted.odd:
        return
    for doubt in doubts_about_new(change):
        if doubt.kind == "quoted" or not (
            accepted.similar if doubt.kind == "similar" else accepted.odd
        ):
            yield doubt
