"""What a registry file would change, in short: what is new, and what goes from where to where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from flexmeasures_pms.registry.directory import Entry
from flexmeasures_pms.registry.editing.changeset import Changeset
from flexmeasures_pms.registry.kinds import CABINET, CASE, PMS
from flexmeasures_pms.registry.messages.message import (
    Message,
    PlaceText,
    message,
    message_form,
    place_of,
)
from flexmeasures_pms.registry.timeline import Installation, row_at


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """What would be registered, and what changes its place, as of now.

    :param pmses: ids of new PMSes; ``cabinets`` likewise.
    :param cases: how many cases are new; ``parts`` likewise of anything else.
    :param moves: a sentence for each known thing that goes to another place, is put in one, or
        is taken out of one, with where it was.
    """

    pmses: tuple[str, ...] = ()
    cabinets: tuple[str, ...] = ()
    cases: int = 0
    parts: int = 0
    moves: tuple[Message, ...] = ()


NOTHING_NEW = ImportSummary()


def import_summary(changeset: Changeset) -> ImportSummary:
    """Return what a changeset would change."""
    things = [changeset.view.entries[number] for number in changeset.touched]
    new = [entry for entry in things if changeset.is_new(entry.id)]
    counts = Counter(entry.kind for entry in new)
    return ImportSummary(
        tuple(entry.ident for entry in new if entry.kind == PMS),
        tuple(entry.ident for entry in new if entry.kind == CABINET),
        counts[CASE],
        len(new) - counts[CASE] - counts[PMS] - counts[CABINET],
        tuple(_moves(changeset, [entry for entry in things if not changeset.is_new(entry.id)])),
    )


def _moves(changeset: Changeset, known: list[Entry]) -> Iterator[Message]:
    for entry in known:
        was = row_at(changeset.registered_rows(entry.id), changeset.now)
        row = row_at(changeset.rows(entry.id), changeset.now)
        if (was and was.spot) != (row and row.spot):
            yield _move(changeset, entry, was, row)


def _move(
    changeset: Changeset, entry: Entry, was: Installation | None, row: Installation | None
) -> Message:
    def place(found: Installation) -> PlaceText:
        return place_of(changeset.view, found, changeset.now)

    if row is not None and was is not None:
        return message(
            "{what}: from {left} to {place}.", what=entry, left=place(was), place=place(row)
        )
    if row is not None:
        form = message_form("{what}: to {place}; it was installed nowhere.")
        return message(form, what=entry, place=place(row))
    assert was is not None  # noqa: S101 - the two differ
    successor = row_at(changeset.in_spot(was.spot), changeset.now)
    if successor is None:
        return message("{what}: out of {left}.", what=entry, left=place(was))
    other = changeset.view.entries[successor.part_id]
    return message(
        "{what}: out of {left}, swapped for {other}.", what=entry, left=place(was), other=other
    )
