"""A change of the registry, and what follows from it.

With the change itself, in one transaction, telemetry moves to the case that it belongs to.
Then, each in transactions of their own, assets and sensors are made or updated, telemetry moves
to cases that had no asset yet, and samples that waited in quarantine for the change are
replayed. The things that this is still to be done for are noted (``pms_pending``): whatever
happens in between, it can be done later.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import itemgetter

from flexmeasures.data import db
from sqlalchemy import BigInteger, any_, literal, select, union
from sqlalchemy.dialects.postgresql import ARRAY

from flexmeasures_pms import identifiers
from flexmeasures_pms.beliefs.provision import make_ready
from flexmeasures_pms.ingest.attribution import follow, follow_put_off
from flexmeasures_pms.ingest.replay import Replayed, replay
from flexmeasures_pms.registry.editing import pending
from flexmeasures_pms.registry.editing.change import Author, Change
from flexmeasures_pms.registry.editing.pending import Pending
from flexmeasures_pms.registry.kinds import BOARD
from flexmeasures_pms.registry.messages.message import CountText, Message, message, message_form
from flexmeasures_pms.registry.tables import alias, trackable
from flexmeasures_pms.storage.intake import quarantine
from flexmeasures_pms.storage.session import after_commit

_ASSETS = 100
"""Assets that are made in one transaction: about a second, in which nobody else makes any."""

_SAMPLES = 500

_SECONDS = 20.0
"""How long the author of a change is kept waiting for what follows from it."""

_LATER = message_form("FlexMeasures assets and waiting samples follow later.")

_ABANDONED = timedelta(minutes=10)
"""Time after which nobody is expected to do any more what follows from a change."""

_LEFT = 200
"""Things of earlier changes that a change takes care of as well: what takes a second or two."""


def _nobody(_done: int) -> None:
    """Nobody is told how many more things are done."""


@dataclass(frozen=True, slots=True)
class Effects:
    """What followed from changes.

    :param assets: how many were made.
    :param left: of how many things effects are still to come.
    :param moved: sentences about samples that moved only when the asset of a case was made.
    """

    assets: int = 0
    replayed: Replayed = field(default_factory=Replayed)
    left: int = 0
    moved: tuple[Message, ...] = ()

    def provided(self) -> tuple[Message, ...]:
        """Return a sentence about the assets, if any was made."""
        assets = CountText(self.assets, "FlexMeasures asset")
        return (message("Made {assets} with sensors.", assets=assets),) if self.assets else ()

    def stored(self) -> tuple[Message, ...]:
        """Return sentences about samples that moved or waited, and about what is put off."""
        later = (message(_LATER),) if self.left else ()
        return (*self.moved, *self.replayed.lines(), *later)


def commit_with_effects(change: Change, author: Author) -> tuple[Message, ...]:
    """Commit a change, let everything follow it, and return what was done.

    Never fails after the commit: what could not be done is done later. Who gives an order again
    that was cut off after its commit completes it.
    """
    moved = commit(change, author)
    effects, end = Effects(left=len(change.touched)), time.monotonic() + _SECONDS
    with after_commit("What follows from a change of the registry was put off."):
        concerned = pending.of(change.account_id, (*change.touched, *change.unchanged))
        effects = _complete(change.account_id, concerned, end, _nobody)
        _complete_claimed(_LEFT, end, change.account_id)
    return (*change.lines, *effects.provided(), *moved, *effects.stored())


def commit(change: Change, author: Author) -> tuple[Message, ...]:
    """Commit a change with the beliefs that it moves; what else follows is still to come."""
    moved = follow(change.account_id, change.boards, sender=author.name)
    db.session.commit()
    return tuple(moved.lines())


def complete(
    account_id: int,
    numbers: Collection[int] | None = None,
    *,
    seconds: float = math.inf,
    tell: Callable[[int], None] = _nobody,
) -> Effects:
    """Do what follows from changes, in transactions of their own, the assets first.

    :param numbers: the things that were changed; None for all of which effects are to come.
    :param seconds: after which nothing more is begun.
    :param tell: is told how many more things are done.
    """
    return _complete(account_id, pending.of(account_id, numbers), time.monotonic() + seconds, tell)


def complete_abandoned(most: int, seconds: float) -> None:
    """Do a little of what follows from changes that nobody is left to complete, of anybody's.

    :param most: things at most, those first that wait longest.
    :param seconds: after which nothing more is begun.
    """
    _complete_claimed(most, time.monotonic() + seconds)


def _complete_claimed(most: int, end: float, account_id: int | None = None) -> None:
    claimed = pending.claim(datetime.now(UTC) - _ABANDONED, most, account_id)
    db.session.commit()
    for owner, things in groupby(claimed, key=itemgetter(0)):
        _complete_apart(owner, [number for _, number in things], end)


def _complete_apart(account_id: int, numbers: Sequence[int], end: float) -> None:
    """Do what follows for things together, or one by one if it fails for any of them."""
    done = False
    with after_commit("Effects of changes are tried one by one."):
        _complete(account_id, pending.of(account_id, numbers), end, _nobody, anywhere=True)
        done = True
    for number in () if done else numbers:
        if time.monotonic() > end:
            return
        with after_commit(f"The effects of a change of thing {number} are put off."):
            _complete(account_id, pending.of(account_id, [number]), end, _nobody, anywhere=True)


def _complete(
    account_id: int,
    things: Sequence[Pending],
    end: float,
    tell: Callable[[int], None],
    *,
    anywhere: bool = False,
) -> Effects:
    """Do what follows for some things until a time.

    :param anywhere: begin with any of the waiting samples: where there are too many for the
        time, and the first ones wait on each time, the others get their turn.
    """
    assets, done, replayed = 0, 0, Replayed()
    lines: tuple[Message, ...] = ()
    for some in _batches([thing for thing in things if thing.asset], _ASSETS):
        if time.monotonic() > end:
            return Effects(assets, left=len(things))
        assets += len(make_ready(account_id, [thing.id for thing in some]))
        tell(len(some))
    for some in _batches(things, _SAMPLES):
        if time.monotonic() > end:
            return Effects(assets, replayed, len(things) - done, lines)
        moved = follow_put_off(account_id, [thing.id for thing in some if thing.kind == BOARD])
        lines += tuple(moved.lines())
        waiting = quarantine.concerning(account_id, _keys([thing.id for thing in some]))
        replayed += replay(account_id, _turned(waiting) if anywhere else waiting, end)
        if replayed.left:
            return Effects(assets, replayed, len(things) - done, lines)
        pending.remove({thing.id: thing.version for thing in some if thing.id not in moved.put_off})
        db.session.commit()
        done += len(some) - len(moved.put_off)
        tell(sum(not thing.asset for thing in some))
    return Effects(assets, replayed, len(things) - done, lines)


def _turned(ids: Sequence[int]) -> Sequence[int]:
    first = random.randrange(len(ids) or 1) if len(ids) > _SAMPLES else 0  # noqa: S311
    return [*ids[first:], *ids[:first]]


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
