"""What a registry file would change, in short: what is new, and what goes from where to where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from flexmeasures_pms.registry.directory import Entry
from flexmeasures_pms.registry.editing import registration
from flexmeasures_pms.registry.editing.changeset import Changeset
from flexmeasures_pms.registry.editing.would_be import would_be
from flexmeasures_pms.registry.kinds import CABINET, CASE, PMS, SITE
from flexmeasures_pms.registry.messages.message import (
    Message,
    PlaceText,
    message,
    message_form,
    period_of,
    place_of,
)
from flexmeasures_pms.registry.timeline import Installation, difference, row_at

_IN = message_form("{what}: in {place} {period}.")
_DETAILS = (registration.ALSO_KNOWN, registration.ADDED, registration.ADDED_TO_SEVERAL)
_NO_MORE_IN = message_form("{what}: no more in {place} {period}.")


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """What would be registered, and what changes its place or details.

    :param sites: ids of new sites; ``pmses`` and ``cabinets`` likewise.
    :param cases: how many cases are new; ``parts`` likewise of anything else.
    :param moves: a sentence for each known thing that goes to another place, is put in one, or
        is taken out of one, with where it was; and for each other period in which it would
        be elsewhere than registered.
    :param moved: how many known things these are.
    :param details: a sentence for each known thing that gets aliases or other details.
    :param batches: how many batches are new.
    """

    sites: tuple[str, ...] = ()
    pmses: tuple[str, ...] = ()
    cabinets: tuple[str, ...] = ()
    cases: int = 0
    parts: int = 0
    moves: tuple[Message, ...] = ()
    moved: int = 0
    details: tuple[Message, ...] = ()
    batches: int = 0


NOTHING_NEW = ImportSummary()


def import_summary(changeset: Changeset) -> ImportSummary:
    """Return what a changeset would change."""
    things = [changeset.view.entries[number] for number in changeset.touched]
    new = [entry for entry in things if changeset.is_new(entry.id)]
    counts = Counter(entry.kind for entry in new)
    known = [entry for entry in things if not changeset.is_new(entry.id)]
    moves = [moved for entry in known if (moved := tuple(_moves(changeset, entry)))]
    return ImportSummary(
        tuple(entry.ident for entry in new if entry.kind == SITE),
        tuple(entry.ident for entry in new if entry.kind == PMS),
        tuple(entry.ident for entry in new if entry.kind == CABINET),
        counts[CASE],
        len(new) - sum(counts[kind] for kind in (SITE, PMS, CABINET, CASE)),
        tuple(said for moved in moves for said in moved),
        len(moves),
        tuple(_details(changeset)),
        sum(t.kind == "batch" and t.before is None for t in changeset.master.transactions),
    )


def _details(changeset: Changeset) -> Iterator[Message]:
    for line in changeset.lines:
        said = line.values.get("said")
        if isinstance(said, Message) and said.form in _DETAILS:
            what = said.values["what"]
            if isinstance(what, Entry) and not changeset.is_new(what.id):
                yield would_be(said)


def _moves(changeset: Changeset, entry: Entry) -> Iterator[Message]:
    """Yield how the places of a known thing differ: as of now, and then in other periods."""
    before, after = changeset.registered_rows(entry.id), changeset.rows(entry.id)
    was, row = row_at(before, changeset.now), row_at(after, changeset.now)
    moves_now = (was and was.spot) != (row and row.spot)
    if moves_now:
        yield _move(changeset, entry, was, row)
    within = difference(before, after)
    new = after[within]
    for period in new:
        # Told by the sentence about now, or only cut by it.
        if not moves_now or (period != row and period.end != changeset.now):
            yield _in_period(_IN, changeset, entry, period)
    if not new and not moves_now:
        gone = before[within.start : len(before) - (len(after) - within.stop)]
        for period in gone:
            yield _in_period(_NO_MORE_IN, changeset, entry, period)


def _in_period(form: str, changeset: Changeset, entry: Entry, row: Installation) -> Message:
    place = place_of(changeset.view, row, changeset.now)
    return message(form, what=entry, place=place, period=period_of(row))


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
