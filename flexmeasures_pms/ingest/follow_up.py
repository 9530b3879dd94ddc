"""A change of the registry, and what follows from it.

With the change itself, in one transaction, telemetry moves to the case that it belongs to.
Then, each in transactions of their own, assets and sensors are made or updated, and samples
that waited in quarantine for the change are replayed. The things that this is still to be done
for are noted (``pms_pending``): whatever happens in between, it can be done later.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from flask import current_app
from flexmeasures.data import db
from sqlalchemy import BigInteger, any_, literal, select, union
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import DBAPIError

from flexmeasures_pms import identifiers
from flexmeasures_pms.beliefs.provision import make_ready
from flexmeasures_pms.errors import PmsError
from flexmeasures_pms.ingest.attribution import follow
from flexmeasures_pms.ingest.replay import Replayed, replay
from flexmeasures_pms.registry.editing import pending
from flexmeasures_pms.registry.editing.changeset import Author, Change
from flexmeasures_pms.registry.editing.pending import Pending
from flexmeasures_pms.registry.messages.message import CountText, Message, message
from flexmeasures_pms.registry.tables import alias, trackable
from flexmeasures_pms.storage.intake import quarantine
from flexmeasures_pms.storage.session import abandon

_ASSETS = 100
"""Assets that are made in one transaction: about a second, in which nobody else makes any."""

_SAMPLES = 500

_ABANDONED = timedelta(minutes=10)
"""Time after which nobody is expected to do any more what follows from a change."""

_LEFT = 200
"""Things of earlier changes that a change takes care of as well: what takes a second or two."""


@dataclass(frozen=True, slots=True)
class Effects:
    """What followed from changes.

    :param assets: how many were made.
    """

    assets: int = 0
    replayed: Replayed = field(default_factory=Replayed)

    def lines(self) -> tuple[tuple[Message, ...], tuple[Message, ...]]:
        """Return sentences about the assets, and about the replay."""
        assets = CountText(self.assets, "FlexMeasures asset")
        made = (message("Made {assets} with sensors.", assets=assets),) if self.assets else ()
        return made, self.replayed.lines()


def commit_with_effects(change: Change, author: Author) -> tuple[Message, ...]:
    """Commit a change, let everything follow it, and return what was done.

    Never fails after the commit: what could not be done is done later.
    """
    moved = follow(change.account_id, change.boards, sender=author.name)
    db.session.commit()
    try:
        made, replayed = complete(change.account_id, change.touched).lines()
        complete_left(change.account_id)
    except (DBAPIError, PmsError):
        abandon()
        current_app.logger.exception("What follows from a change of the registry was put off.")
        later = message("FlexMeasures assets and waiting samples follow later.")
        return (*change.lines, *moved.lines(), later)
    return (*change.lines, *made, *moved.lines(), *replayed)


def complete(
    account_id: int,
    numbers: Collection[int] | None = None,
    *,
    tell: Callable[[int], None] = lambda _done: None,
) -> Effects:
    """Do what follows from changes, in transactions of their own, the assets first.

    :param numbers: the things that were changed; None for all of which effects are to come.
    :param tell: is told how many more things have their assets.
    """
    return _complete(account_id, pending.of(account_id, numbers), tell)


def complete_left(account_id: int) -> Effects:
    """Do a part of what follows from earlier changes, if nobody is left to do it."""
    before = datetime.now(UTC) - _ABANDONED
    return _complete(account_id, pending.of(account_id, before=before, most=_LEFT), lambda _: None)


def _complete(account_id: int, things: Sequence[Pending], tell: Callable[[int], None]) -> Effects:
    assets = 0
    for some in _batches(things, _ASSETS):
        if any(thing.asset for thing in some):
            assets += len(make_ready(account_id, [thing.id for thing in some]))
        tell(len(some))
    replayed = Replayed()
    for some in _batches(things, _SAMPLES):
        waiting = quarantine.concerning(account_id, _keys([thing.id for thing in some]))
        replayed += replay(account_id, waiting)
        pending.remove({thing.id: thing.version for thing in some})
        db.session.commit()
    return Effects(assets, replayed)


def _batches(things: Sequence[Pending], most: int) -> Iterator[Sequence[Pending]]:
    return (things[start : start + most] for start in range(0, len(things), most))


def _keys(numbers: Collection[int]) -> set[str]:
    """Return the ids that samples in quarantine may use for the changed things."""
    among = any_(literal(list(numbers), ARRAY(BigInteger)))
    names = db.session.scalars(
        union(
            select(trackable.c.ident).where(trackable.c.id == among),
            select(alias.c.alias).where(alias.c.trackable_id == among),
        )
    )
    return {key for name in names for key in (identifiers.key(name), identifiers.board_key(name))}
