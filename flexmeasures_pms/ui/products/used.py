"""Where things are used, as a table of a page and as a file, now or at a past moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import Response

from flexmeasures_pms.registry.questions.recall_file import recall_file
from flexmeasures_pms.registry.questions.subject import AskedThings
from flexmeasures_pms.registry.questions.where_counts import PlaceCount, where_counts
from flexmeasures_pms.registry.questions.where_used import UsedThing, count_of, where_used
from flexmeasures_pms.ui.language.words import language
from flexmeasures_pms.ui.page import query_params

ROWS = 500
MOST_COUNTED = 20_000
"""Of more things it is not counted in which PMS they are: that takes longer than a second."""


@dataclass(frozen=True, slots=True)
class UsedPage:
    """A page of the things that a question is about, with their places.

    :param all: how many there are.
    :param counts: how many are in each PMS; None of too many.
    :param at: the past moment that is shown, None for now.
    :param known_at: as the registry was then, None for as it is known now.
    :param next: what the next page goes on after; None on the last.
    """

    things: tuple[UsedThing, ...]
    all: int
    counts: tuple[PlaceCount, ...] | None
    at: datetime | None
    known_at: datetime | None
    next: int | None

    @property
    def view(self) -> dict[str, str | None]:
        """The query of the same view in another address."""
        return {"at": _iso(self.at), "known_at": _iso(self.known_at)}

    @property
    def states(self) -> tuple[int, int, int]:
        """How many are installed, not installed, and retired."""
        counts = self.counts or ()
        return (
            sum(one.installed for one in counts),
            sum(one.not_installed for one in counts),
            sum(one.retired for one in counts),
        )


def used_page(subject: AskedThings, zone: str, now: datetime) -> UsedPage:
    """Return the page of ``?at=``, ``?known_at=`` and ``?after=``.

    :raises BadRequest: for a time that can't be read, or that is in the future.
    """
    at, known_at = _view(zone, now)
    after = query_params.number("after", most=(1 << 63) - 1) or 0
    things = list(where_used(subject, at or now, known_at, after=after, most=ROWS + 1))
    shown = things[:ROWS]
    every = count_of(subject)
    counts = None if every > MOST_COUNTED else where_counts(subject, at or now, known_at)
    following = shown[-1].id if len(things) > ROWS else None
    return UsedPage(tuple(shown), every, counts, at, known_at, following)


def recall_list(subject: AskedThings, zone: str, now: datetime, name: str) -> Response:
    """Return the file of all of them, in the view of the address.

    :param name: of the file, which has only letters, digits and hyphens.
    :raises BadRequest: as :func:`used_page`.
    """
    at, known_at = _view(zone, now)
    # What spreadsheets expect between fields, in the country of the reader's language.
    delimiter = ";" if language() == "id" else ","
    text = recall_file(where_used(subject, at or now, known_at), zone, delimiter)
    response = Response(text, mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _view(zone: str, now: datetime) -> tuple[datetime | None, datetime | None]:
    return (
        query_params.past_moment("at", zone, now),
        query_params.past_moment("known_at", zone, now),
    )


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
