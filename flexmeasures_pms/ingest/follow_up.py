"""The effects of a change of the registry, in the same transaction.

Assets are created and placed, telemetry moves to the case that it belongs to, and samples
that waited in quarantine for the change are replayed.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from flexmeasures.data import db
from sqlalchemy import BigInteger, any_, literal, select, union
from sqlalchemy.dialects.postgresql import ARRAY

from flexmeasures_pms import identifiers
from flexmeasures_pms.beliefs.provision import sync_assets, without_asset
from flexmeasures_pms.catalogue.asset_types import ASSET_TYPE_BY_NAME
from flexmeasures_pms.ingest.attribution import follow
from flexmeasures_pms.ingest.replay import replay
from flexmeasures_pms.registry.editing.changeset import Author, Change
from flexmeasures_pms.registry.kinds import BOARD
from flexmeasures_pms.registry.messages.message import CountText, Message, message
from flexmeasures_pms.registry.tables import alias, trackable
from flexmeasures_pms.storage.intake import quarantine
from flexmeasures_pms.storage.readings import latest
from flexmeasures_pms.storage.readings.ahead import forget_ahead
from flexmeasures_pms.storage.readings.unwritten import forget_repeats


@dataclass(frozen=True, slots=True)
class Effects:
    """The effects of a change.

    :param lines: sentences for the author; none if there were no effects.
    """

    lines: tuple[Message, ...]


def follow_up(change: Change, *, author: str = "registry") -> Effects:
    """Update assets, beliefs and quarantine after a change; the caller commits.

    :param author: who made the change.
    """
    account_id = change.account_id
    # An asset that was deleted in FlexMeasures is created again by the next registration.
    fresh = without_asset(account_id)
    touched = {*change.touched, *fresh}
    if not touched:
        return Effects(())
    made = sync_assets(account_id, touched)
    latest.forget_latest(fresh)
    forget_ahead(fresh)
    forget_repeats(fresh)
    waiting = quarantine.concerning(account_id, _keys(touched))
    moved = follow(account_id, change.boards, sender=author)
    replayed = replay(account_id, waiting)
    assets = CountText(len(made), "FlexMeasures asset")
    provided = (message("Made {assets} with sensors.", assets=assets),) if made else ()
    return Effects((*provided, *moved.lines(), *replayed.lines()))


def commit_with_effects(change: Change, author: Author) -> tuple[Message, ...]:
    """Apply all effects of a change, commit it, and return what was done."""
    settled = follow_up(change, author=author.name)
    db.session.commit()
    return (*change.lines, *settled.lines)


def _keys(touched: Collection[int]) -> set[str]:
    """Return the ids that samples in quarantine may use for the changed things."""
    numbers = any_(literal(list(touched), ARRAY(BigInteger)))
    names = db.session.scalars(
        union(
            select(trackable.c.ident).where(
                trackable.c.id == numbers, trackable.c.kind.in_((*ASSET_TYPE_BY_NAME, BOARD))
            ),
            select(alias.c.alias).where(alias.c.trackable_id == numbers),
        )
    )
    return {key for name in names for key in (identifiers.key(name), identifiers.board_key(name))}
