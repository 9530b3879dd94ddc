"""Finding what an id names, across organisations: for the server's own command line.

Requests of gateways and users never come here: they are answered from the directory of
their own organisation.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import sqlalchemy as sa
from flexmeasures.data import db
from flexmeasures.data.models.user import Account

from flexmeasures_pms import identifiers
from flexmeasures_pms.errors import AmbiguousId, UnknownId
from flexmeasures_pms.registry.kinds import BOARD
from flexmeasures_pms.registry.messages.message import (
    MOST_KINDS,
    AnyKindText,
    Message,
    OrganisationText,
    TrackablesText,
    TrackableText,
    message,
)
from flexmeasures_pms.registry.queries.near import near_things
from flexmeasures_pms.registry.tables import alias, trackable


@dataclass(frozen=True, slots=True)
class Found:
    """One trackable that an id names.

    :param retired_at: since when it is out of use; it may be planned.
    """

    account_id: int
    id: int
    kind: str
    ident: str
    retired_at: datetime | None = None


class Searching(Protocol):
    """A way to find all that an id names, oldest first."""

    def __call__(
        self, text: str, *, kinds: Collection[str] | None = None, account_id: int | None = None
    ) -> list[Found]:
        """Return what is found, of these kinds and of this organisation where they are given."""


def search(
    text: str, *, kinds: Collection[str] | None = None, account_id: int | None = None
) -> list[Found]:
    """Return all trackables that an id names, oldest first."""
    t = trackable.c
    key, board = identifiers.key(text), identifiers.board_key(text)
    aliased = sa.select(alias.c.trackable_id).where(alias.c.alias_key == board)
    named = sa.or_(
        sa.and_(t.kind != BOARD, t.ident_key == key),
        sa.and_(t.kind == BOARD, t.ident_key == board),
        t.id.in_(aliased),
    )
    columns = (t.account_id, t.id, t.kind, t.ident, t.retired_at)
    query = sa.select(*columns).where(named).order_by(t.id)
    if kinds is not None:
        query = query.where(t.kind.in_(kinds))
    if account_id is not None:
        query = query.where(t.account_id == account_id)
    return [Found(*row) for row in db.session.execute(query)]


def find_one(
    text: str,
    *,
    kinds: Collection[str] | None = None,
    account_id: int | None = None,
    among: Searching = search,
) -> Found:
    """Return the one trackable that an id names.

    :param among: finds what it may be.
    :raises UnknownId: if it names none.
    :raises AmbiguousId: if it names several, of several kinds or organisations.
    """
    found = among(text, kinds=kinds, account_id=account_id)
    return only_match(text, found, kinds, account_id, among=among)


def only_match(
    text: str,
    found: list[Found],
    kinds: Collection[str] | None = None,
    account_id: int | None = None,
    *,
    option: str = "--kind",
    among: Searching = search,
) -> Found:
    """Return the only one found.

    :param option: of the command, to tell several apart.
    :param among: finds what else it may mean.
    :raises UnknownId: if there is none.
    :raises AmbiguousId: if there are several.
    """
    if not found:
        raise unknown_id(text, kinds, account_id, among=among)
    if len({f.account_id for f in found}) > 1:
        accounts = ", ".join(str(n) for n in sorted({f.account_id for f in found}))
        raise AmbiguousId(
            f"'{text}' is registered in organisations {accounts}.",
            command="say which with --account",
        )
    if len(found) > 1:
        meanings = TrackablesText(tuple(TrackableText(f.kind, f.ident) for f in found))
        problem = message("'{text}' names {things}.", text=text, things=meanings)
        raise AmbiguousId(problem, command=f"say which with {option}", cure="ambiguous")
    return found[0]


def unknown_id(
    text: str,
    kinds: Collection[str] | None,
    account_id: int | None,
    *,
    command: str = "",
    among: Searching = search,
) -> UnknownId:
    """Return the error for an id that names nothing, with what it may have meant.

    :param command: what else to do on the command line.
    :param among: finds what else it may mean.
    """
    others = among(text, account_id=account_id) if kinds is not None else []
    if others:
        return UnknownId(_of_other_kind(text, kinds, others), command=command, cure="other_kind")
    elsewhere = sorted({f.account_id for f in search(text, kinds=kinds)} - {account_id})
    if account_id is not None and elsewhere and not command:
        # Pages do not show what to do on the server's own command line.
        command = f"organisation {elsewhere[0]} has it, say that with --account {elsewhere[0]}"
    return UnknownId(_not_found(text, kinds, account_id), command=command, cure="unknown")


def _of_other_kind(text: str, kinds: Collection[str] | None, others: list[Found]) -> Message:
    return message(
        "'{text}' is registered as {things}, not as {kinds}.",
        text=text,
        things=TrackablesText(tuple(TrackableText(f.kind, f.ident) for f in others)),
        kinds=AnyKindText(tuple(kinds or ())),
    )


def _not_found(text: str, kinds: Collection[str] | None, account_id: int | None) -> Message:
    named = AnyKindText(() if kinds is None or len(kinds) > MOST_KINDS else tuple(kinds))
    where = OrganisationText(account_id)
    near = near_things(text, kinds, account_id)
    if near:
        return message(
            "No {kinds} '{text}' is registered{where}. Did you mean {things}?",
            kinds=named, text=text, where=where, things=TrackablesText(near, "or"),
        )  # fmt: skip
    return message("No {kinds} '{text}' is registered{where}.", kinds=named, text=text, where=where)


def organisation_name(account_id: int) -> str:
    """Return the name of an organisation.

    :raises UnknownId: if there is none of this number.
    """
    name: str | None = db.session.scalar(sa.select(Account.name).where(Account.id == account_id))
    if name is None:
        raise UnknownId(f"There is no organisation {account_id}: see `flexmeasures show accounts`.")
    return name


def only_organisation() -> int | None:
    """Return the server's organisation if it has just one."""
    numbers = list(db.session.scalars(sa.select(Account.id).limit(2)))
    return numbers[0] if len(numbers) == 1 else None


def registered_organisations() -> list[int]:
    """Return the organisations that have anything registered."""
    query = sa.select(trackable.c.account_id).distinct().order_by(trackable.c.account_id)
    return list(db.session.scalars(query))
