"""Which FlexMeasures assets trackables have."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import sqlalchemy as sa
from flexmeasures.data import db
from flexmeasures.data.models.generic_assets import GenericAsset
from sqlalchemy.dialects.postgresql import ARRAY

from flexmeasures_pms.registry.kinds import ASSET_KINDS
from flexmeasures_pms.registry.tables import trackable


def link(account_id: int, assets: Mapping[int, int]) -> None:
    """Note the FlexMeasures assets of trackables, given by the trackables' numbers.

    A trigger on the table raises the registry's version, so that all processes see it: this
    must be the last that a transaction writes, but for ``pms_pending``.
    """
    if assets:
        _lock(assets)
        of = (
            sa.func.unnest(
                sa.literal(list(assets), ARRAY(sa.BigInteger)),
                sa.literal(list(assets.values()), ARRAY(sa.Integer)),
            )
            .table_valued("id", "asset_id")
            .render_derived()
        )
        db.session.execute(
            sa.update(trackable)
            .where(trackable.c.account_id == account_id, trackable.c.id == of.c.id)
            .values(asset_id=of.c.asset_id, provisioned=True)
        )


def gone(account_id: int, numbers: Collection[int]) -> list[int]:
    """Return those whose asset was deleted in FlexMeasures, or is another organisation's."""
    t = trackable.c
    theirs = sa.exists().where(GenericAsset.id == t.asset_id, GenericAsset.account_id == account_id)
    query = sa.select(t.id).where(t.account_id == account_id, _among(numbers), ~theirs)
    made = (t.provisioned, t.kind.in_(ASSET_KINDS))
    return list(db.session.scalars(query.where(*made).order_by(t.id))) if numbers else []


def let_be_made(numbers: Collection[int]) -> None:
    """Let the assets of trackables be made anew."""
    if numbers:
        _lock(numbers)
        db.session.execute(
            sa.update(trackable).where(_among(numbers)).values(asset_id=None, provisioned=False)
        )


def _lock(numbers: Collection[int]) -> None:
    """Lock trackables in the order of their numbers, as all who write several of them do."""
    ordered = sa.select(trackable.c.id).where(_among(numbers)).order_by(trackable.c.id)
    db.session.execute(ordered.with_for_update(key_share=True))


def _among(numbers: Collection[int]) -> sa.ColumnElement[bool]:
    return trackable.c.id == sa.any_(sa.literal(list(numbers), ARRAY(sa.BigInteger)))
