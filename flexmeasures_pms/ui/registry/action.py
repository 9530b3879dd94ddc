"""The parts that all actions on a registered thing share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flexmeasures_pms.registry.editing.change import Change
from flexmeasures_pms.registry.kinds import SLOTS, Slot
from flexmeasures_pms.registry.messages.message import place_of
from flexmeasures_pms.ui.language.words import _, mark
from flexmeasures_pms.ui.registry.forms import Filled, FormField
from flexmeasures_pms.ui.registry.message import rendered_place
from flexmeasures_pms.ui.registry.subject import Subject
from flexmeasures_pms.ui.registry.terms import called, kind_name, title

WHY = mark("Why")


@dataclass(frozen=True, slots=True)
class Action:
    """One action.

    :param name: as in the URL, ``?do=swap``.
    :param button: text of the button, to be translated.
    :param title: title of the form.
    :param fields: fields of the form, besides the note.
    :param make: makes the change in the caller's transaction.
    :param main: the field for a refusal that fits no other field.
    :param applies: whether it is possible for this thing now.
    :param note: label of the note, to be translated.
    :param doubts: reasons to ask for confirmation; then the page first shows what would
        happen.
    """

    name: str
    button: str
    title: Callable[[Subject, Filled], str]
    fields: Callable[[Subject, Filled], tuple[FormField, ...]]
    make: Callable[[Subject, Filled], Change]
    applies: Callable[[Subject], bool]
    main: str = "at"
    note: str = WHY
    needs_note: bool = False
    doubts: Callable[[Subject, Filled], tuple[str, ...]] = lambda _subject, _filled: ()


def at_field(hint: str = "") -> FormField:
    """Return the field for the start time."""
    return FormField("at", _("Since when"), "time", hint or _("Leave it empty for now."))


def since_ever() -> str:
    """Return the hint for the start of what may be the first installation."""
    return _("Leave it empty for now, or for no start date if nothing was there before.")


def up_to(number: int) -> str:
    """Return the hint for a number with a largest value."""
    return _("From 1 to {n}.", n=number)


def either_number(slot: Slot) -> str:
    """Return the hint for a dock of a cabinet that is not known yet."""
    if slot.name != "dock":
        return ""
    return _("By its number in the cabinet, or by that of the PMS, as the gateway reports it.")


def kind_field(kinds: tuple[str, ...], value: str, name: str = "kind") -> FormField:
    """Return the field for the kind, if several are possible."""
    options = tuple((kind, kind_name(kind)) for kind in kinds)
    label = _("Kind of assembly") if name == "into_kind" else _("Kind")
    return FormField(name, label, "choice", options=options, value=value)


def assemblies_for(kind: str) -> tuple[str, ...]:
    """Return the kinds of assemblies that parts of a kind go in."""
    return tuple(slot.assembly for slot in SLOTS if kind in slot.parts)


def assembly_kind(subject: Subject) -> str:
    """Return the kind of assembly that a part is in, or usually is in."""
    return subject.assembly.kind if subject.assembly else assemblies_for(subject.entry.kind)[0]


def chosen_kind(filled: Filled, kinds: tuple[str, ...], usual: str, name: str = "kind") -> str:
    """Return the kind that was chosen, or the usual one."""
    given = filled.text(name)
    return given if given in kinds else usual


def doubts_about(subject: Subject, ident: str, kinds: tuple[str, ...]) -> tuple[str, ...]:
    """Return reasons to ask for confirmation: the id is new, or in use elsewhere."""
    registered = subject.registered
    known = next(filter(None, (registered.find(kind, ident) for kind in kinds)), None)
    if known is None:
        return (_("{ident} is not registered yet. Is it spelled right?", ident=ident),)
    row = registered.installed(known.id, subject.now)
    if row is None or row.assembly_id == subject.entry.id:
        return ()
    where = rendered_place(place_of(registered, row, subject.now))
    said = _("{what} is in {place} now, and would leave it.", what=called(known), place=where)
    return (title(said),)


def titled(message: str) -> Callable[[Subject, Filled], str]:
    """Return a title with the thing as ``{what}``."""
    return lambda subject, _filled: _(message, what=called(subject.entry))
