"""What was done, or why it was not, kept as facts until somebody is told.

A :class:`Told` is a sentence with what it is about. A :class:`Voice` puts it into words: that
of the command line in English, a page's in its reader's language and on the site's clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from flexmeasures_pms.registry.directory import Entry
from flexmeasures_pms.registry.kinds import Slot, slot_for, words
from flexmeasures_pms.registry.messages.wording import Entries, Named, capital, moment
from flexmeasures_pms.registry.timeline import FOREVER, SINCE_EVER, Installation
from flexmeasures_pms.wording import counted


@dataclass(frozen=True, slots=True)
class Voice:
    """How somebody is told.

    :param word: translates a sentence or the registry's word for something.
    :param moment: writes a time.
    :param counted: writes a number with what it counts.
    :param names_organisations: whether it could be about any organisation.
    """

    word: Callable[[str], str]
    moment: Callable[[datetime], str]
    counted: Callable[[int, str], str]
    names_organisations: bool = False


class Sayable(Protocol):
    """A fact that a voice can put into words."""

    def said(self, voice: Voice) -> str:
        """Return it in words."""


@dataclass(frozen=True, slots=True)
class Thing:
    """A trackable by its kind and id, where there is no :class:`Entry` of it."""

    kind: str
    ident: str

    def said(self, voice: Voice) -> str:
        """Return such as ``case 269``."""
        return _named(self, voice)


@dataclass(frozen=True, slots=True)
class Kind:
    """What something is, or a slot is for, in the registry's words: ``cell block``."""

    words: str

    def said(self, voice: Voice) -> str:
        """Return the words."""
        return voice.word(self.words)


@dataclass(frozen=True, slots=True)
class Either:
    """Kinds of which something may be any; of none, it is an id."""

    kinds: tuple[str, ...]

    def said(self, voice: Voice) -> str:
        """Return such as ``case or cabinet``."""
        between = f" {voice.word('or')} "
        return between.join(voice.word(words(k)) for k in self.kinds) or voice.word("id")


@dataclass(frozen=True, slots=True)
class Things:
    """Several things."""

    things: tuple[Thing, ...]

    def said(self, voice: Voice) -> str:
        """Return such as ``case 269 and cabinet 269``."""
        return f" {voice.word('and')} ".join(thing.said(voice) for thing in self.things)


@dataclass(frozen=True, slots=True)
class Place:
    """A place in an assembly; without a number where it has but one, or none is known."""

    assembly: Named
    slot: Slot | None
    number: int | None

    def said(self, voice: Voice) -> str:
        """Return such as ``dock 3 of cabinet CAB-01-001``, or ``case 269``."""
        assembly = _named(self.assembly, voice)
        if self.number is None or self.slot is None or self.slot.places == 1:
            return assembly
        place = f"{voice.word(self.slot.words)} {self.number}"
        return voice.word("{place} of {assembly}").format(place=place, assembly=assembly)


@dataclass(frozen=True, slots=True)
class Period:
    """From when until when: None for since ever, and for still."""

    begin: datetime | None
    end: datetime | None = None

    def said(self, voice: Voice) -> str:
        """Return such as ``from 2026-11-22T12:00:00+00:00 until …``."""
        since = voice.word("since ever")
        if self.begin is not None:
            since = voice.word("from {t}").format(t=voice.moment(self.begin))
        if self.end is None:
            return since
        return voice.word("{since} until {t}").format(since=since, t=voice.moment(self.end))


@dataclass(frozen=True, slots=True)
class Stays:
    """Where a part was, period by period; nowhere where there are none."""

    places: tuple[tuple[Place, Period], ...]

    def said(self, voice: Voice) -> str:
        """Return the places with their periods."""
        stays = (f"{place.said(voice)} {period.said(voice)}" for place, period in self.places)
        return "; ".join(stays) or voice.word("nowhere")


@dataclass(frozen=True, slots=True)
class Count:
    """How many of something: ``sample``, ``belief``, ``FlexMeasures asset``, ``other thing``."""

    number: int
    thing: str

    def said(self, voice: Voice) -> str:
        """Return such as ``3 samples``."""
        return voice.counted(self.number, self.thing)


@dataclass(frozen=True, slots=True)
class WithinOrganisation:
    """The organisation in which something is looked for, where one was named."""

    number: int | None

    def said(self, voice: Voice) -> str:
        """Return such as `` in organisation 1``, or nothing where that goes without saying."""
        silent = self.number is None or not voice.names_organisations
        return "" if silent else f" in organisation {self.number}"


@dataclass(frozen=True, slots=True)
class Facts:
    """Details of a registration, by their names; None where only which is said."""

    values: Mapping[str, object]

    def said(self, voice: Voice) -> str:
        """Return such as ``docks 16``."""
        named = ((voice.word(name.replace("_asset_id", " asset")), value)
                 for name, value in self.values.items())  # fmt: skip
        return ", ".join(name if value is None else f"{name} {value}" for name, value in named)


Value = str | int | datetime | Entry | Sayable


@dataclass(frozen=True, slots=True)
class Told:
    """A sentence with named placeholders, and what stands in them."""

    form: str
    values: Mapping[str, Value]

    def said(self, voice: Voice) -> str:
        """Return the sentence."""
        form = voice.word(self.form)
        filled = {name: _words(value, voice) for name, value in self.values.items()}
        text = form.format(**filled)
        return capital(text) if self._begins_with_a_thing(form) else text

    def __str__(self) -> str:
        """Return it as the command line says it."""
        return self.said(ENGLISH)

    def _begins_with_a_thing(self, form: str) -> bool:
        first = form[1 : form.index("}")] if form.startswith("{") else ""
        return isinstance(self.values.get(first), Entry | Thing | Place)


ENGLISH = Voice(str, moment, counted, names_organisations=True)


def telling(form: str, /) -> str:
    """Mark a sentence that is told elsewhere, so that it is translated, and return it."""
    return form


def tell(form: str, /, **values: Value) -> Told:
    """Return a sentence; ``form`` is English, and translated in ``ui/language``."""
    return Told(form, values)


def placed(entries: Entries, row: Installation) -> Place:
    """Return the place of an installation."""
    assembly, part = entries[row.assembly_id], entries[row.part_id]
    return Place(assembly, slot_for(assembly.kind, part.kind), row.place)


def since(begin: datetime) -> Period:
    """Return since when something holds."""
    return Period(None if begin == SINCE_EVER else begin)


def held(row: Installation) -> Period:
    """Return from when until when an installation holds."""
    return Period(since(row.begin).begin, None if row.end == FOREVER else row.end)


def stays(entries: Entries, rows: Iterable[Installation]) -> Stays:
    """Return where a part is, period by period."""
    return Stays(tuple((placed(entries, row), held(row)) for row in rows))


def _named(thing: Named, voice: Voice) -> str:
    return f"{voice.word(words(thing.kind))} {thing.ident}"


def _words(value: Value, voice: Voice) -> str:
    if isinstance(value, datetime):
        return voice.moment(value)
    if isinstance(value, Entry):
        return _named(value, voice)
    return str(value) if isinstance(value, str | int) else value.said(voice)
