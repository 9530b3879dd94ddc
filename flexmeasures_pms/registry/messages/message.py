"""Messages: what was done, or why it was not, translated only when it is shown.

A :class:`Message` is a sentence with the values that stand in it. A :class:`Renderer` writes
it: that of the command line in English, a page's in its reader's language and on the site's
clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from flexmeasures_pms.plural import counted
from flexmeasures_pms.registry.directory import Directory, Entry
from flexmeasures_pms.registry.docks import docks_across
from flexmeasures_pms.registry.kinds import CABINET, CASE, Slot, slot_for, words
from flexmeasures_pms.registry.timeline import FOREVER, SINCE_EVER, Installation, iso

MOST_KINDS = 3
"""Kinds that a sentence enumerates."""


@dataclass(frozen=True, slots=True)
class Renderer:
    """How messages are written for one reader.

    :param word: translates a sentence or the registry's word for something.
    :param moment: writes a time.
    :param counted: writes a number with what it counts.
    :param names_organisations: whether it could be about any organisation.
    """

    word: Callable[[str], str]
    moment: Callable[[datetime], str]
    counted: Callable[[int, str], str]
    names_organisations: bool = False


class Renderable(Protocol):
    """A value that a renderer can put into words."""

    def render(self, renderer: Renderer) -> str:
        """Return it in words."""


class HasIdentity(Protocol):
    """Whatever has a kind and an id."""

    @property
    def kind(self) -> str:
        """The kind, as stored."""

    @property
    def ident(self) -> str:
        """The id, as registered."""


@dataclass(frozen=True, slots=True)
class TrackableText:
    """A trackable by its kind and id, where there is no :class:`Entry` of it."""

    kind: str
    ident: str

    def render(self, renderer: Renderer) -> str:
        """Return such as ``case 269``."""
        return _named(self, renderer)


@dataclass(frozen=True, slots=True)
class KindText:
    """What something is, or a slot is for, in the registry's words: ``cell block``."""

    words: str

    def render(self, renderer: Renderer) -> str:
        """Return the words."""
        return renderer.word(self.words)


@dataclass(frozen=True, slots=True)
class AnyKindText:
    """Kinds of which something may be any; of none, it is an id, and of many a part."""

    kinds: tuple[str, ...]

    def render(self, renderer: Renderer) -> str:
        """Return such as ``case or cabinet``."""
        if len(self.kinds) > MOST_KINDS:
            return renderer.word("part")
        between = f" {renderer.word('or')} "
        return between.join(renderer.word(words(k)) for k in self.kinds) or renderer.word("id")


@dataclass(frozen=True, slots=True)
class TrackablesText:
    """Several things.

    :param between: the word between them, ``and`` or ``or``.
    """

    things: tuple[TrackableText, ...]
    between: str = "and"

    def render(self, renderer: Renderer) -> str:
        """Return such as ``case 269 and cabinet 269``."""
        between = f" {renderer.word(self.between)} "
        return between.join(thing.render(renderer) for thing in self.things)


class PlaceText(Struct, frozen=True, gc=False):
    """A place in an assembly; without a number where it has but one, or none is known.

    :param across: a dock as it is counted across the PMS, where that is another number.
    """

    assembly: HasIdentity
    slot: Slot | None
    number: int | None
    across: int | None = None

    def render(self, renderer: Renderer) -> str:
        """Return such as ``dock 3 (15 of the PMS) of cabinet CAB-01-002``, or ``case 269``."""
        assembly = _named(self.assembly, renderer)
        if self.number is None or self.slot is None or not self.slot.numbered:
            return assembly
        place = f"{renderer.word(self.slot.words)} {self.number}"
        if self.across is not None:
            place += " " + renderer.word("({n} of the PMS)").format(n=self.across)
        return renderer.word("{place} of {assembly}").format(place=place, assembly=assembly)


class PeriodText(Struct, frozen=True, gc=False):
    """From when until when: None for no start, or no end."""

    begin: datetime | None
    end: datetime | None = None

    def render(self, renderer: Renderer) -> str:
        """Return such as ``from 2026-11-22T12:00:00+00:00 until …``."""
        since = renderer.word("from the beginning")
        if self.begin is not None:
            since = renderer.word("from {t}").format(t=renderer.moment(self.begin))
        if self.end is None:
            return since
        return renderer.word("{since} until {t}").format(since=since, t=renderer.moment(self.end))


@dataclass(frozen=True, slots=True)
class StaysText:
    """Where a part was, period by period; nowhere where there are none."""

    places: tuple[tuple[PlaceText, PeriodText], ...]

    def render(self, renderer: Renderer) -> str:
        """Return the places with their periods."""
        stays = (
            f"{place.render(renderer)} {period.render(renderer)}" for place, period in self.places
        )
        return "; ".join(stays) or renderer.word("nowhere")


@dataclass(frozen=True, slots=True)
class CountText:
    """How many of something: ``sample``, ``belief``, ``FlexMeasures asset``, ``other thing``."""

    number: int
    thing: str

    def render(self, renderer: Renderer) -> str:
        """Return such as ``3 samples``."""
        return renderer.counted(self.number, self.thing)


@dataclass(frozen=True, slots=True)
class OrganisationText:
    """The organisation in which something is looked for, where one was named."""

    number: int | None

    def render(self, renderer: Renderer) -> str:
        """Return such as `` in organisation 1``, or nothing where none is to be named."""
        silent = self.number is None or not renderer.names_organisations
        return "" if silent else f" in organisation {self.number}"


@dataclass(frozen=True, slots=True)
class DetailsText:
    """Details of a registration, by their names; None for a name without its value."""

    values: Mapping[str, object]

    def render(self, renderer: Renderer) -> str:
        """Return such as ``docks 16``."""
        named = ((renderer.word(name.replace("_asset_id", " asset")), value)
                 for name, value in self.values.items())  # fmt: skip
        return ", ".join(name if value is None else f"{name} {value}" for name, value in named)


MessageValue = str | int | datetime | Entry | Renderable


class Message(Struct, frozen=True, gc=False):
    """A sentence with named placeholders, and what stands in them."""

    form: str
    values: Mapping[str, MessageValue]

    def render(self, renderer: Renderer) -> str:
        """Return the sentence."""
        form = renderer.word(self.form)
        filled = {name: _text(value, renderer) for name, value in self.values.items()}
        text = form.format(**filled)
        return capital(text) if self._begins_with_a_name(form) else text

    def __str__(self) -> str:
        """Return it as the command line prints it."""
        return self.render(ENGLISH)

    def _begins_with_a_name(self, form: str) -> bool:
        first = form[1 : form.index("}")] if form.startswith("{") else ""
        return isinstance(self.values.get(first), Entry | TrackableText | PlaceText)


ENGLISH = Renderer(str, iso, counted, names_organisations=True)


def english(value: MessageValue) -> str:
    """Return a value as the command line writes it, such as ``case 269``."""
    return _text(value, ENGLISH)


def capital(text: str) -> str:
    """Return a sentence with a capital in front."""
    return text[:1].upper() + text[1:]


def message_form(form: str, /) -> str:
    """Mark a sentence that becomes a message elsewhere, so that it is translated; return it."""
    return form


def message(form: str, /, **values: MessageValue) -> Message:
    """Return a message; ``form`` is English, and translated in ``ui/language``."""
    return Message(form, values)


def place_of(registered: Directory, row: Installation, now: datetime) -> PlaceText:
    """Return the place of an installation; its dock also as counted at its time next to now."""
    assembly, part = registered.entry(row.assembly_id), registered.entry(row.part_id)
    slot = slot_for(assembly.kind, part.kind)
    across = None
    if assembly.kind == CABINET and part.kind == CASE and row.place is not None:
        counted = docks_across(registered, assembly, max(row.begin, min(now, row.last)))
        across = counted.start + row.place - 1 if counted and counted.start > 1 else None
    return PlaceText(assembly, slot, row.place, across)


def since(begin: datetime) -> PeriodText:
    """Return since when something holds."""
    return PeriodText(None if begin == SINCE_EVER else begin)


def period_of(row: Installation) -> PeriodText:
    """Return from when until when an installation holds."""
    return PeriodText(since(row.begin).begin, None if row.end == FOREVER else row.end)


def stays(registered: Directory, rows: Iterable[Installation], now: datetime) -> StaysText:
    """Return where a part is, period by period."""
    return StaysText(tuple((place_of(registered, row, now), period_of(row)) for row in rows))


def _named(thing: HasIdentity, renderer: Renderer) -> str:
    return f"{renderer.word(words(thing.kind))} {thing.ident}"


def _text(value: MessageValue, renderer: Renderer) -> str:
    if isinstance(value, datetime):
        return renderer.moment(value)
    if isinstance(value, Entry):
        return _named(value, renderer)
    return str(value) if isinstance(value, str | int) else value.render(renderer)
