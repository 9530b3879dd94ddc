"""What all that can be done with a thing has in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flexmeasures_pms.registry.directory import Entry
from flexmeasures_pms.registry.editing.changeset import Change
from flexmeasures_pms.registry.kinds import SLOTS, slot_for
from flexmeasures_pms.ui.language.words import _, mark
from flexmeasures_pms.ui.registry.forms import Filled, FormField
from flexmeasures_pms.ui.registry.subject import Subject
from flexmeasures_pms.ui.registry.terms import called, in_slot, kind_name, title

WHY = mark("Why")


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that can be done.

    :param name: as in the address, ``?do=swap``.
    :param button: what the button says, to be translated.
    :param title: what the form is about.
    :param fields: what it asks, besides why.
    :param make: makes the change in the caller's transaction.
    :param main: the field that a refusal is shown at where no other fits.
    :param applies: whether it can be done with this thing now.
    :param note: what the note is called, to be translated.
    :param doubts: why the sender may not mean what was typed; then what would happen is
        shown first.
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
    """Return the field for since when something holds."""
    return FormField("at", _("Since when"), "time", hint or _("Leave it empty for now."))


def since_ever() -> str:
    """Return the hint at the time of what may be the first installation."""
    return _("Leave it empty for now, or for since ever if nothing was there before.")


def up_to(number: int) -> str:
    """Return the hint at a number that has a largest value."""
    return _("From 1 to {n}.", n=number)


def kind_field(kinds: tuple[str, ...], value: str, name: str = "kind") -> FormField:
    """Return the field for what something is, where it could be several things."""
    options = tuple((kind, kind_name(kind)) for kind in kinds)
    label = _("What that is") if name == "into_kind" else _("What it is")
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
    """Return why somebody may not mean what was typed: it is new, or in use elsewhere."""
    registered = subject.registered
    known = next(filter(None, (registered.find(kind, ident) for kind in kinds)), None)
    if known is None:
        return (_("{ident} is not registered yet. Is it spelled right?", ident=ident),)
    row = registered.installed(known.id, subject.now)
    if row is None or row.assembly_id == subject.entry.id:
        return ()
    return (title(_in_use(registered.entry(row.assembly_id), known, row.place)),)


def _in_use(assembly: Entry, part: Entry, place: int | None) -> str:
    slot = slot_for(assembly.kind, part.kind)
    where = in_slot(slot, place, assembly.kind, assembly.ident)
    return _("{what} is in {place} now, and would leave it.", what=called(part), place=where)


def titled(message: str) -> Callable[[Subject, Filled], str]:
    """Return a title that names the thing, ``{what}`` in the message."""
    return lambda subject, _filled: _(message, what=called(subject.entry))
