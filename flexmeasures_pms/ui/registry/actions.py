"""All actions on a registered thing."""

from __future__ import annotations

from flexmeasures_pms.registry.kinds import (
    BOARD,
    CABINET,
    CASE,
    DEVICES,
    LOCATED,
    PART_KINDS,
    PMS,
    SITE,
)
from flexmeasures_pms.registry.queries.browse import registered_kinds
from flexmeasures_pms.ui.language.words import mark
from flexmeasures_pms.ui.registry import corrections, placing
from flexmeasures_pms.ui.registry.action import Action, titled
from flexmeasures_pms.ui.registry.subject import Subject


def possible(subject: Subject) -> tuple[Action, ...]:
    """Return the actions that are possible for a thing now, besides filling its places."""
    return tuple(a for a in ACTIONS.values() if a.name != "fill" and a.applies(subject))


def _installed(subject: Subject) -> bool:
    return subject.row is not None


def _loose(subject: Subject) -> bool:
    usable = not subject.entry.is_retired(subject.now)
    kind, organisation = subject.entry.kind, subject.organisation
    if subject.row is not None or not usable or kind not in PART_KINDS:
        return False
    return kind not in DEVICES or SITE in registered_kinds(organisation.id)


def _in_use(subject: Subject) -> bool:
    return subject.entry.retired_at is None


def _retired(subject: Subject) -> bool:
    return subject.entry.retired_at is not None


def _holds_parts(subject: Subject) -> bool:
    return subject.entry.kind in (SITE, PMS, CABINET, CASE)


def _is_board(subject: Subject) -> bool:
    return subject.entry.kind == BOARD


def _can_be_corrected(subject: Subject) -> bool:
    was_installed = bool(subject.registered.by_part.get(subject.entry.id))
    return was_installed or subject.entry.kind in (CABINET, *LOCATED)


def _always(_subject: Subject) -> bool:
    return True


_ALL = (
    Action(
        "swap", mark("Swap"), placing.swap_title, placing.swap_fields, placing.swap,
        _installed, main="new", doubts=placing.swap_doubts,
    ),
    Action(
        "fill", mark("Install it"), placing.fill_title, placing.fill_fields, placing.fill,
        _holds_parts, main="part", doubts=placing.fill_doubts,
    ),
    Action(
        "install", mark("Install"), placing.install_title, placing.install_fields,
        placing.install, _loose, main="into",
    ),
    Action(
        "move", mark("Move"), placing.install_title, placing.install_fields, placing.install,
        _installed, main="into",
    ),
    Action(
        "remove", mark("Remove"), titled(mark("Remove {what}")), corrections.leaving_fields,
        placing.remove, _installed, doubts=corrections.remove_doubts,
    ),
    Action(
        "service", mark("Record a service"), titled(mark("Service of {what}")),
        corrections.service_fields, corrections.service, _always,
        note=mark("What was done"), needs_note=True,
    ),
    Action(
        "alias", mark("Add a spelling"), titled(mark("Another spelling of {what}")),
        corrections.alias_fields, corrections.alias, _is_board, main="alias",
    ),
    Action(
        "correct", mark("Correct"), titled(mark("Correct what is recorded of {what}")),
        corrections.correct_fields, corrections.correct, _can_be_corrected, main="since",
        needs_note=True, doubts=corrections.correct_doubts,
    ),
    Action(
        "retire", mark("Retire"), titled(mark("Retire {what}")), corrections.leaving_fields,
        corrections.retire, _in_use, doubts=corrections.retire_doubts,
    ),
    Action(
        "revive", mark("Revive"), titled(mark("Revive {what}")), corrections.no_fields,
        corrections.revive, _retired, main="note",
    ),
)  # fmt: skip

ACTIONS: dict[str, Action] = {action.name: action for action in _ALL}
"""By the name in the URL, ``?do=swap``."""
