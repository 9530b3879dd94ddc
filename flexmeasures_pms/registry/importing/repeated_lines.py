"""Lines of a registry file that contradict another line about the same thing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime

from msgspec import Struct

from flexmeasures_pms import identifiers
from flexmeasures_pms.errors import RegistryError
from flexmeasures_pms.registry.importing.rows import FaultyLine, FileRow
from flexmeasures_pms.registry.messages.message import (
    CountText,
    Message,
    Renderer,
    message,
    message_form,
)

REPEATED = "repeated"
"""The code of these errors."""


class _NamedThing(Struct, frozen=True, gc=False):
    """A thing that a line names, or a dock of the cabinet or PMS of that id."""

    words: str
    ident: str
    dock: int | None = None

    def render(self, renderer: Renderer) -> str:
        """Return such as ``case 269`` and ``dock 3 of CAB-01-001``."""
        if self.dock is None:
            return f"{renderer.word(self.words)} {self.ident}"
        place = f"{renderer.word(self.words)} {self.dock}"
        return renderer.word("{place} of {assembly}").format(place=place, assembly=self.ident)


def repeated_lines(rows: Sequence[FileRow]) -> Iterator[FaultyLine]:
    """Yield the lines that contradict another line about the same thing, each once.

    A thing may be on several lines if each has a ``valid_from``: then they are its history.
    """
    first: dict[tuple[_NamedThing, datetime | None], FileRow] = {}
    with_time = {thing for row in rows if row.valid_from for thing in _things(row)}
    for row in rows:
        things = Counter(_things(row))
        before = {
            thing: first[thing, row.valid_from]
            for thing in things
            if (thing, row.valid_from) in first
        }
        if said := _contradiction(row, things, before, with_time):
            yield FaultyLine(row.line, RegistryError(said, cure=REPEATED))
        for thing in things:
            first.setdefault((thing, row.valid_from), row)


def _contradiction(
    row: FileRow,
    things: Counter[_NamedThing],
    before: dict[_NamedThing, FileRow],
    with_time: set[_NamedThing],
) -> Message | None:
    """Return what is wrong with a line, by the first of its things; None if nothing is."""
    for thing, count in things.items():
        if count > 1:
            return message("{what} is on this line twice.", what=thing)
    if before:
        return _on_another_line(before)
    for thing in things if row.valid_from is None else ():
        if thing in with_time:
            form = message_form("{what} is on other lines too: say since when in valid_from.")
            return message(form, what=thing)
    return None


def _on_another_line(before: dict[_NamedThing, FileRow]) -> Message:
    thing, row = next(iter(before.items()))
    others = len(before) - 1
    if not others:
        return message("{what} is on line {n} already.", what=thing, n=row.line)
    form = message_form(
        "{what} is on line {n} already, and {things} of this line are on lines before it."
    )
    more = CountText(others, "other thing")
    return message(form, what=thing, n=row.line, things=more)


def _things(row: FileRow) -> Iterator[_NamedThing]:
    for kind, name in (("case", "pack.id"), ("FET board", "fet.board.id")):
        if name in row.ids:
            yield _NamedThing(kind, identifiers.key(row.ids[name]))
    if row.spare is not None:
        yield _NamedThing(row.spare, identifiers.key(row.ids["spare.id"]))
    texts = (row.ids.get("board.id"), *row.aliases)
    for board in dict.fromkeys(identifiers.board_key(text) for text in texts if text):
        yield _NamedThing("acquisition board", board)
    for cell in filter(None, row.cells):
        yield _NamedThing("cell block", identifiers.key(cell))
    if row.dock is not None:
        rack = row.ids.get("cabinet.id") or row.ids["pms.id"]
        yield _NamedThing("dock", identifiers.key(rack), row.dock)
